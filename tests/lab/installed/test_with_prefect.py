"""README.md, done on a machine: run by Prefect; the box away and back, the server away and elsewhere. In this order."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.prefect.ui import Ui, patiently

from .home import BOUND, NEVER, Home
from .served import SECRETS, SERVE, SERVER, WORKER, artifacts, await_scheduled, await_server, last_runs, pause, ui_of

TIMER, TIMED = "zoffsite-backup-home.timer", "zoffsite-backup-home.service"
ELSEWHERE = "elsewhere.service"
"""The server as one of another machine: by another name, `zoffsite deploy` does not know it for its own."""
SLOWLY = 'bandwidth = "100 kB/s"'
EAGER = """
for unit in serve worker; do
    folder=/etc/systemd/system/zoffsite-$unit.service.d
    mkdir $folder
    printf '[Service]\\nNice=0\\n' >$folder/lab.conf
done
"""
"""A server that waits takes a whole emulated processor: what makes way for it would start a run in ten minutes."""
SOON = 60.0
"""Seconds in which the processes of a transfer must be gone, on emulated processors."""


@pytest.fixture(scope="module")
def ui(home: Home) -> Iterator[Ui]:
    """Of the server that `zoffsite deploy --prefect` has started, with the deployments there."""
    home.write("by-schedule")
    home.schedule("*/5 * * * *")
    home.source.run(EAGER)
    home.zoffsite("deploy --prefect")
    with ui_of(home) as ui:
        await_server(ui)
        ui.deployment("home")
        yield ui


def test_the_server_listens_on_loopback_alone_and_lets_nobody_in_without_the_password(home: Home, ui: Ui) -> None:
    places = [line.split()[3] for line in home.source.run("ss -Hltn").splitlines()]
    assert [place for place in places if place.endswith(":4200")] == ["127.0.0.1:4200"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{ui.url}/flows/count", b"{}", timeout=BOUND)
    assert refused.value.code == 401
    refused.value.close()
    with urllib.request.urlopen(ui.url.removesuffix("api"), timeout=BOUND) as pages:
        assert b"<title>Prefect" in pages.read()
    owner = home.source.run(f"ps -o user= -p $(systemctl show --value -p MainPID {SERVER})").strip()
    assert owner != "root"


def test_a_run_comes_when_the_schedule_says_so(home: Home, ui: Ui) -> None:
    run = await_scheduled(ui)
    pause(ui)
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert home.is_on_the_box()


def test_a_box_without_power_fails_the_run_and_a_mail_says_so(home: Home, ui: Ui) -> None:
    home.change("^objective = .*", "&\\nretries = {count = 0}")
    home.write("not-yet-there")
    home.box.power_off()
    run = ui.wait_for(ui.run("home"))
    assert run["state_type"] == "FAILED"
    text = home.await_mail("failed")
    assert home.box.address in text
    assert "zoffsite status --job home" in text


def test_when_it_is_back_a_run_from_the_ui_shows_its_plan_and_report_and_a_mail_says_so(home: Home, ui: Ui) -> None:
    home.box.power_on()
    run = ui.wait_for(ui.run("home"))
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert run["name"].startswith("home: 1 incremental, ")
    assert {"plan-home", "report-home", "runs-home", "send-tank-home"} <= set(artifacts(ui, run["id"]))
    home.await_mail("backup works again")
    assert home.is_on_the_box()


def test_stopping_what_serves_ends_the_transfer_on_both_ends_and_tells_the_ui(home: Home, ui: Ui) -> None:
    home.write("big", "16M")
    home.change("^objective = .*", f"&\\n{SLOWLY}")
    run = ui.run("home")
    home.await_transfer()
    home.source.run(f"systemctl stop --no-block {SERVE}")
    home.await_no_transfer(SOON)
    assert ui.wait_for(run)["state_type"] in ("CANCELLED", "CRASHED")
    home.await_idle(SERVE)
    assert home.history()[-1]["state"] == "failed"
    assert home.token() != "-"


def test_while_the_server_is_down_a_timer_s_backup_runs_and_resumes(home: Home, ui: Ui) -> None:
    there = "/etc/systemd/system"
    home.source.run(f"systemctl stop {SERVER}; cp {there}/{SERVER} {there}/{ELSEWHERE}", timeout=BOUND)
    home.change("^bandwidth = .*", "")
    before = len(home.history())
    home.schedule("* * * * *")
    home.zoffsite("deploy")
    run = home.await_runs(before + 1)
    home.source.run(f"systemctl stop {TIMER}")
    home.await_idle(TIMED)
    assert run["state"] == "ok", home.journal(TIMED)
    assert "Running directly" in home.journal(TIMED)
    assert home.is_on_the_box()


def test_a_worker_runs_the_job_for_a_server_elsewhere_which_then_shows_what_ran_without_it(home: Home, ui: Ui) -> None:
    home.source.run(f"systemctl daemon-reload; systemctl start {ELSEWHERE}")
    await_server(ui)
    home.schedule(NEVER)
    missed = home.history()[-1]
    there = f"set -a; . {SECRETS}; set +a;"
    said = home.zoffsite("deploy --worker http://127.0.0.1:4200/api --pool nas", env=there)
    assert f"enable --now {WORKER}" in said
    home.write("by-a-worker")
    run = ui.wait_for(ui.run("nas-home"))
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert run["work_pool_name"] == "nas"
    assert home.is_on_the_box()
    assert missed["started"][:16].replace("T", " ") in last_runs(ui)


def test_a_worker_that_is_killed_in_a_transfer_leaves_no_process_and_the_next_run_says_so(home: Home, ui: Ui) -> None:
    home.write("again-big", "16M")
    home.change("^objective = .*", f"&\\n{SLOWLY}")
    run = ui.run("nas-home")
    home.await_transfer()
    runs = len(home.history())
    home.source.run(f"systemctl kill --signal KILL {WORKER}")
    home.await_no_transfer(SOON)
    assert len(home.history()) == runs
    assert home.token() != "-"
    home.change(f"^{SLOWLY}", "")
    following = ui.wait_for(ui.run("nas-home"))  # by the worker that systemd has started again
    assert following["state_type"] == "COMPLETED", following["state"]["message"]
    assert ui.wait_for(run)["state_type"] == "CRASHED"
    home.await_mail(says="ended without a report")
    assert home.is_on_the_box()


def test_a_reboot_in_a_transfer_ends_it_and_the_next_run_resumes(home: Home, ui: Ui) -> None:
    home.source.run(f"systemctl enable {ELSEWHERE}")
    home.write("once-more-big", "16M")
    home.change("^objective = .*", f"&\\n{SLOWLY}")
    run = ui.run("nas-home")
    home.await_transfer()
    home.source.try_run("systemctl poweroff")
    for _ in patiently("the machine off", BOUND):  # only then: one that goes down answers nobody
        if not home.source.is_on():
            break
    home.await_no_transfer(SOON)
    home.source.power_on(keep_root=True)
    assert home.history()[-1]["state"] == "failed"
    assert home.token() != "-"
    home.change(f"^{SLOWLY}", "")
    with ui_of(home) as ui:
        await_server(ui)
        following = ui.wait_for(ui.run("nas-home"))
        assert following["state_type"] == "COMPLETED", following["state"]["message"]
        assert ui.wait_for(run)["state_type"] in ("CANCELLED", "CRASHED")
    assert home.is_on_the_box()
