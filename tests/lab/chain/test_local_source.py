"""The main use: zoffsite installed on the machine that is backed up, with the box over the wire."""

from __future__ import annotations

import json

import pytest

from .conftest import MakeStage
from .installed import RUN, SCRIPT, install
from .stage import SETTINGS, Stage

pytestmark = [pytest.mark.lab, pytest.mark.long]


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    made = make_stage("here")
    made.write("file", "100K")
    install(made.source, tmp_path_factory.mktemp("wheel"))
    made.source.put(made.lab.key_file.read_bytes(), "/root/zoffsite/key", 0o600)
    remote, rest = SETTINGS.split("[box.friend]")
    assert "[source.nas]" in remote
    text = f"[box.friend]{rest}".replace('source = "nas"\n', "").replace("127.0.0.1", made.box.address)
    facts = {"box_port": 22, "box_user": "zoffsite", "box_key": made.box.host_key(), "identity": "/root/zoffsite/key"}
    more = {
        "root": made.root,
        "datasets": f'"{made.tree}"',
        "exclude": "",
        "snapshots": "",
        "retries": 0,
        "patience": "20s",
        "box": "",
    }
    keep = {"keep_source": "last = 10", "keep_box": "last = 10"}
    made.source.put(text.format(**facts, **more, **keep).encode(), "/root/zoffsite/zoffsite.toml")
    return made


def zoffsite(stage: Stage, words: str) -> tuple[int, str, str]:
    done = stage.source.try_run(f"cd /root/zoffsite && python3 {RUN} {words}", timeout=300)
    assert "Traceback" not in done.err
    return done.code, done.out, done.err


def test_root_on_the_source_plans_and_backs_up_over_the_wire(stage: Stage) -> None:
    code, out, err = zoffsite(stage, "plan")
    assert code == 0, err
    assert f"Job home: this machine → {stage.root} on zoffsite@10.77.0.2:22" in out
    code, out, err = zoffsite(stage, "--verbose backup --direct --json")
    assert code == 0, err
    part = stage.part(json.loads(out))
    assert (part["state"], part["verified"]) == ("sent", True)
    assert "root@localhost: $ zfs send -w" in err
    assert part["guid"] == stage.guids(stage.box, stage.replica())[-1] == stage.guids(stage.source, stage.tree)[-1]
    assert stage.source.run("ls -d /var/lib/zoffsite").strip() == "/var/lib/zoffsite"


def test_a_user_without_permission_here_is_told_the_exact_line(stage: Stage) -> None:
    stage.source.run("cp -r /root/zoffsite /home/zoffsite/; chown -R zoffsite /home/zoffsite/zoffsite")
    stage.source.run("sed -i s:/root/:/home/zoffsite/: /home/zoffsite/zoffsite/zoffsite.toml")
    stage.write("more", "20K")
    done = stage.source.try_run(f"cd ~/zoffsite && python3 {RUN} backup --direct", user="zoffsite", timeout=300)
    assert done.code == 1
    assert "Traceback" not in done.err
    all_of_it = "bookmark,destroy,hold,mount,release,send,snapshot"
    assert f"as root: zfs allow -u zoffsite {all_of_it} {stage.tree}" in done.out + done.err


SCHEDULE = """
[job.main.schedule]
cron = "*/30 2-4 1,15 * mon-fri"
verify = "0 12 * * 7"
prune = "0 5 1 jan *"
"""


def test_deployed_timers_are_sound_and_run_the_job_in_their_sandbox(stage: Stage) -> None:
    guest = stage.source
    guest.put(f"#!/usr/bin/python3\n{SCRIPT}".encode(), "/usr/bin/zoffsite", 0o755)
    settings = guest.run("cat /root/zoffsite/zoffsite.toml")
    job = settings.split("[job.")[1].partition("]")[0]
    guest.put((settings + SCHEDULE.replace("main", job)).encode(), "/root/zoffsite/zoffsite.toml")
    code, out, err = zoffsite(stage, "deploy")
    assert code == 0, err
    assert f"new      /etc/systemd/system/zoffsite-backup-{job}.timer" in out
    units = [f"zoffsite-{verb}-{job}" for verb in ("backup", "verify", "prune")]
    timers = " ".join(f"{unit}.timer" for unit in units)
    assert guest.try_run(f"cd /etc/systemd/system && systemd-analyze verify {timers}").err.strip() == ""
    assert guest.run(f"systemctl is-enabled {timers}").split() == ["enabled"] * 3
    assert guest.run(f"systemctl is-active {timers}").split() == ["active"] * 3
    stage.write("by-timer", "30K")
    done = guest.try_run(f"systemctl start {units[0]}.service", timeout=300)
    assert done.code == 0, guest.run(f"journalctl --no-pager -n 40 -u {units[0]}")
    assert stage.guids(stage.box, stage.replica())[-1] == stage.guids(stage.source, stage.tree)[-1]
    last = json.loads(guest.run(f"tail -n 1 /var/lib/zoffsite/history/{job}.jsonl"))
    assert (last["verb"], last["state"]) == ("backup", "ok")
