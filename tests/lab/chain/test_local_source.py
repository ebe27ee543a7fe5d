"""The main use: zoffsite installed on the machine that is backed up, as root, with the box over the wire."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from lab.guest import Guest

from .conftest import MakeStage
from .stage import SETTINGS, Stage

pytestmark = pytest.mark.lab
CHECKOUT = Path(__file__).parents[3]
USED = """
import importlib.metadata, sys
import zoffsite.actions.backup, zoffsite.cli.backup, zoffsite.cli.main, zoffsite.cli.plan, zoffsite.cli.progress
import zoffsite.cli.report, zoffsite.config.loading
files = (getattr(module, "__file__", None) or "" for module in tuple(sys.modules.values()))
parts = {file.split("/site-packages/")[1].split("/")[0] for file in files if "/site-packages/" in file}
owners = importlib.metadata.packages_distributions()
dists = {dist for part in parts for dist in owners.get(part.partition(".")[0], [])}
parts |= {importlib.metadata.distribution(dist)._path.name for dist in dists}
print("\\n".join(sorted(parts)))
"""
SCRIPT = "import sys; sys.path.insert(0, '/opt/zoffsite'); from zoffsite.cli.main import run; sys.exit(run())\n"


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
    }
    keep = {"keep_source": "last = 10", "keep_box": "last = 10"}
    made.source.put(text.format(**facts, **more, **keep).encode(), "/root/zoffsite/zoffsite.toml")
    return made


def install(guest: Guest, folder: Path) -> None:
    """What pip would: the wheel of this checkout, and of its dependencies what the direct path imports."""
    theirs = guest.run("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'").strip()
    if theirs != sysconfig.get_python_version():
        pytest.skip(f"the guest's Python is {theirs}: compiled packages of this one do not work there")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    used = subprocess.run([sys.executable, "-c", USED], check=True, capture_output=True, text=True, cwd=CHECKOUT)
    pack = io.BytesIO()
    with tarfile.open(fileobj=pack, mode="w") as tar:
        with zipfile.ZipFile(wheel) as unpacked:
            unpacked.extractall(folder / "own")
        tar.add(folder / "own", ".")
        for part in used.stdout.split():
            tar.add(Path(sysconfig.get_path("purelib")) / part, part)
    guest.run("mkdir -p /opt/zoffsite && tar -x --no-same-owner -C /opt/zoffsite", stdin=pack.getvalue())
    guest.put(SCRIPT.encode(), "/opt/zoffsite/run.py")


def zoffsite(stage: Stage, words: str) -> tuple[int, str, str]:
    done = stage.source.try_run(f"cd /root/zoffsite && python3 /opt/zoffsite/run.py {words}", timeout=300)
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
    done = stage.source.try_run(
        "cd ~/zoffsite && python3 /opt/zoffsite/run.py backup --direct", user="zoffsite", timeout=300
    )
    assert done.code == 1
    assert "Traceback" not in done.err
    assert f"as root: zfs allow -u zoffsite mount,snapshot {stage.tree}" in done.out + done.err
