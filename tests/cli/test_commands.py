"""The `zoffsite` command as a user meets it, where no host answers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from demo.environment import clean_environment
from zoffsite import __version__
from zoffsite.ledger import Ledger
from zoffsite.model.notice import Notice

Zoffsite = Callable[..., subprocess.CompletedProcess[str]]

SETTINGS = """\
[box.friend]
host = "127.0.0.1"
port = {port}
user = "zoffsite"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"
identity_file = "key"
root = "vault/zoffsite/home"
connect_timeout = "2s"

{source}
[job.home]
{source_line}
box = "friend"
datasets = ["tank/home"]

[job.home.retries]
count = 0
"""

REMOTE = """\
[source.nas]
host = "127.0.0.1"
port = {port}
user = "root"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"
identity_file = "key"
connect_timeout = "2s"
"""


@pytest.fixture
def zoffsite(tmp_path: Path) -> Zoffsite:
    """Runs the command in an empty folder, with nothing of this machine's own settings."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        ours = {"HOME": str(tmp_path), "ZOFFSITE_STATE_DIR": str(tmp_path / "state")}
        environment = {**clean_environment(), **ours, **more}
        command = [str(Path(sys.executable).with_name("zoffsite")), *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def closed_port() -> int:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def write_settings(folder: Path, port: int, *, remote: bool) -> None:
    """Settings whose hosts do not answer, with a real key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    source = REMOTE.format(port=port) if remote else ""
    line = 'source = "nas"' if remote else ""
    (folder / "zoffsite.toml").write_text(SETTINGS.format(port=port, source=source, source_line=line))


@pytest.mark.parametrize("verb", ["plan", "backup", "verify", "status", "doctor", "config check", "notify test"])
def test_without_settings_every_verb_exits_2_and_names_what_writes_them(zoffsite: Zoffsite, verb: str) -> None:
    done = zoffsite(*verb.split())
    assert done.returncode == 2
    assert "zoffsite init" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_exits_2(zoffsite: Zoffsite) -> None:
    assert zoffsite("bakup").returncode == 2
    assert zoffsite("backup", "--direct", "--prefect").returncode == 2


def test_all_mistakes_in_the_settings_are_named_at_once_with_their_lines(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=False)
    file = tmp_path / "zoffsite.toml"
    file.write_text(file.read_text().replace('box = "friend"', 'box = "fiend"\nparalel = 3'))
    done = zoffsite("config", "check")
    assert done.returncode == 2
    lines = file.read_text().splitlines()
    for wrong in ('box = "fiend"', "paralel = 3"):
        assert f":{lines.index(wrong) + 1}:" in done.stdout
    run = zoffsite("backup")
    assert run.returncode == 2
    assert "paralel" in run.stderr
    assert not (tmp_path / "state").exists()


def test_an_unreachable_source_exits_3_with_a_remedy_and_a_saved_report(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("backup", "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert report["state"] == "failed"
    assert report["error"]["code"] == "connection-refused"
    assert report["error"]["remedy"]
    assert "Running directly" in done.stderr
    assert "Traceback" not in done.stderr
    assert zoffsite("plan").returncode == 3


def test_prefect_asked_for_and_not_answering_exits_3(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("backup", "--prefect", PREFECT_API_URL=f"http://127.0.0.1:{closed_port}/api")
    assert done.returncode == 3
    assert "zoffsite backup --direct" in done.stderr


def test_notify_test_without_a_url_says_where_to_put_one(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=False)
    done = zoffsite("notify", "test")
    assert done.returncode == 2
    assert "ZOFFSITE_NOTIFY_URLS" in done.stderr


def test_the_core_and_the_command_line_come_up_without_prefect(zoffsite: Zoffsite) -> None:
    code = "import sys, zoffsite.cli.main, zoffsite.actions.backup; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_help_imports_nothing_heavy(zoffsite: Zoffsite) -> None:
    code = (
        "import sys\nfrom zoffsite.cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "sys.exit(bool({'paramiko', 'pydantic', 'apprise', 'rich', 'prefect'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True).returncode == 0


def test_an_alarm_is_acknowledged_without_any_host(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    ledger = Ledger(tmp_path / "state" / "ledger.sqlite", "home")
    alarm = Notice(code="mostly-freed", subject="tank/home", message="@x has 1 KiB left", remedy="look", alert=True)
    ledger.raise_alarms([alarm, replace(alarm, code="unusual-increment"), replace(alarm, subject="tank/other")])

    unknown = zoffsite("acknowledge", "tank/home", "tank/elsewhere", "--job", "home")
    assert unknown.returncode == 2
    assert "no alarm stands for it" in unknown.stderr
    assert "alarms stand for: tank/home, tank/other" in unknown.stderr
    assert len(ledger.alarms()["tank/home"]) == 2

    done = zoffsite("acknowledge", "tank/home")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tank/home: acknowledged: @x has 1 KiB left") == 2
    assert "Next" not in done.stderr
    assert list(ledger.alarms()) == ["tank/other"]


def test_a_key_is_approved_only_by_asking_the_source(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    assert zoffsite("approve-key", "tank/home").returncode == 3
    assert not (tmp_path / "state" / "ledger.sqlite").exists()


def test_the_doctor_exits_2_for_a_job_that_does_not_exist_and_for_a_disk(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("doctor", "hoem")
    assert (done.returncode, 'did you mean "home"' in done.stderr) == (2, True)
    file = tmp_path / "zoffsite.toml"
    disk = '\n[disk.shelf]\nguid = "5"\nroot = "shelf/copy"\n[job.shelf]\ndisk = "shelf"\ndatasets = ["tank/home"]\n'
    file.write_text(file.read_text() + disk)
    done = zoffsite("doctor", "shelf")
    assert (done.returncode, "the doctor looks at boxes" in done.stderr) == (2, True)
    assert zoffsite("doctor").returncode == 2, "there are two jobs"
    assert zoffsite("doctor", "home", "other").returncode == 2


def test_the_doctor_exits_3_where_the_source_itself_cannot_be_reached(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("doctor", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing listens on port" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_its_version_whatever_else_is_on_the_line(zoffsite: Zoffsite) -> None:
    for words in (("--version",), ("--version", "backup")):
        assert zoffsite(*words).stdout == f"zoffsite {__version__}\n"
