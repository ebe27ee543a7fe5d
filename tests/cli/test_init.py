"""`zoffsite init`: the first settings, asked at a real terminal or given by flags."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import stat
import subprocess
import sys
import termios
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demo.environment import clean_environment
from tests.cli.test_commands import Zoffsite, zoffsite
from tests.zfs.answers import LISTING
from zoffsite.config.settings import load, problems
from zoffsite.config.variables import from_dotenv
from zoffsite.views.first_settings import FirstSettings, secrets_text, settings_text

__all__ = ["zoffsite"]

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"
SECRET = "hunter2-never-shown"
ASKED = FirstSettings(
    job="home",
    datasets=("tank/home", "tank/sp ace:x"),
    host="box.example.org",
    user="zoffsite",
    root="vault/zoffsite/home",
    identity_file="key",
    cron="0 3 * * *",
    timezone="Europe/Berlin",
    host_key=KEY,
    left_out=("tank/media",),
)


def written(folder: Path, asked: FirstSettings = ASKED) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    (folder / "zoffsite.toml").write_text(settings_text(asked))
    (folder / ".env").write_text(secrets_text(asked))
    (folder / ".env").chmod(0o600)
    return folder / "zoffsite.toml"


def test_what_is_written_is_right_and_says_what_was_asked(tmp_path: Path) -> None:
    job = load(written(tmp_path), environ={}).job("home")
    assert job.datasets == ASKED.datasets
    assert (job.root, job.snapshot_prefix) == ("vault/zoffsite/home", "zoffsite-home-")


def test_a_box_of_the_kit_lacks_only_its_pairing(tmp_path: Path) -> None:
    file = written(
        tmp_path, replace(ASKED, host="10.77.0.2", host_key="", endpoints=("home.example.org", "192.168.1.2"))
    )
    (problem,) = problems(file, environ={})
    assert "pair" in problem.remedy


@example("a\\'b\\\\'c\\")
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=20)
)
def test_a_secret_of_any_characters_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
    file = tmp_path_factory.mktemp("env") / ".env"
    file.write_text(secrets_text(replace(ASKED, notify_urls=f"json://{secret}")))
    file.chmod(0o600)
    (variable,) = from_dotenv(file).found
    assert variable.value == f"json://{secret}"


def init(zoffsite: Zoffsite, folder: Path, *more: str, **environ: str) -> subprocess.CompletedProcess[str]:
    words = ("--dir", str(folder), "--no-input", "--dataset", "tank/home", "--host", "box", "--host-key", KEY)
    return zoffsite("init", *words, "--root", "vault/home", *more, **environ)


def test_with_flags_nothing_is_asked_and_secrets_are_for_nobody_else(zoffsite: Zoffsite, tmp_path: Path) -> None:
    done = init(zoffsite, tmp_path / "new", ZOFFSITE_NOTIFY_URLS=f"json://{SECRET}")
    assert done.returncode == 0, done.stderr
    assert "zoffsite config check" in done.stdout
    assert SECRET not in done.stdout + done.stderr + (tmp_path / "new/zoffsite.toml").read_text()
    assert SECRET in (tmp_path / "new/.env").read_text()
    assert stat.S_IMODE((tmp_path / "new/.env").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["zoffsite.toml", ".env"])
def test_nothing_is_overwritten(zoffsite: Zoffsite, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    done = init(zoffsite, tmp_path)
    assert done.returncode == 2
    assert "nothing is overwritten" in " ".join(done.stderr.split())
    assert {each.name: each.read_text() for each in tmp_path.iterdir() if each.is_file()} == {name: "mine"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--job", "No Name"), "letters"),
        ((), "--dataset"),
        (("--dataset", "tank/a"), "--endpoint home.example.org"),
        (("--dataset", "tank/a", "--host-key", KEY), "--host"),
    ],
)
def test_what_is_missing_is_named_when_nobody_is_there(
    zoffsite: Zoffsite, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = zoffsite("init", "--dir", str(tmp_path / "new"), "--no-input", *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "new").exists()


def test_at_a_terminal_everything_needed_is_asked_and_a_secret_is_not_shown(tmp_path: Path) -> None:
    """The zfs of this machine is a program that answers as OpenZFS did."""
    (tmp_path / "zfs").write_text(f"#!/bin/sh\ncat <<'END'\n{datasets(LISTING)}END\n")
    (tmp_path / "zfs").chmod(0o755)
    shown = dialogue(
        [str(Path(sys.executable).with_name("zoffsite")), "init", "--dir", str(tmp_path / "new")],
        {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        [
            ("[tank/enc]: ", ""),
            ("by the kit): ", "home.example.org"),
            ("[vault/zoffsite/home]: ", ""),
            ("(empty: none yet): ", f"json://{SECRET}"),
            ("(empty: none yet): ", ""),
        ],
    )
    assert "Not encrypted, so left out: none" in shown
    assert "zoffsite box kit --out kit" in shown
    assert SECRET not in shown
    text = (tmp_path / "new/zoffsite.toml").read_text()
    assert 'datasets = ["tank/enc"]' in text
    assert 'endpoints = ["home.example.org"]' in text
    assert f"ZOFFSITE_NOTIFY_URLS='json://{SECRET}'" in (tmp_path / "new/.env").read_text()


def datasets(listing: str) -> str:
    lines = listing.splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith(("filesystem", "volume")))


def dialogue(command: list[str], environ: dict[str, str], answers: list[tuple[str, str]]) -> str:
    """Run `command` at a terminal of its own and answer each prompt; all that the terminal showed."""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # a password is asked at the terminal, not at stdin
        env={**clean_environment(), **environ, "TERM": "dumb", "COLUMNS": "200"},
    )
    os.close(theirs)
    shown, seen, end = "", 0, time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # the terminal is gone with the command
            break
        shown += part
        if answers and answers[0][0] in shown[seen:]:
            seen = len(shown)
            os.write(terminal, f"{answers.pop(0)[1]}\n".encode())
    os.close(terminal)
    assert (process.wait(60), answers) == (0, []), shown
    return shown
