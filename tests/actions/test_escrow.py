"""The escrow file, written and opened by the commands; only what a forger could write is made by hand."""

from __future__ import annotations

import io
import os
import sqlite3
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import write_settings, zoffsite
from tests.planning.make import REPLICA, snap
from zoffsite.actions import escrow
from zoffsite.actions.escrow import lay_out, read_escrow, write_escrow
from zoffsite.config.settings import load
from zoffsite.ledger import Ledger
from zoffsite.model.errors import OperationError
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import Provable, StreamDigest
from zoffsite.sealing import seal

__all__ = ["zoffsite"]  # a fixture

Zoffsite = Callable[..., subprocess.CompletedProcess[str]]
PASSPHRASE = "seven words and a fox"


def forged(folder: Path, entry: tarfile.TarInfo, content: bytes = b"") -> Path:
    """A file sealed with the right passphrase, by whoever had it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(entry, io.BytesIO(content))
    (folder / "forged").write_bytes(seal(packed.getvalue(), PASSPHRASE, cost=4))
    return folder / "forged"


def test_what_a_new_machine_needs_goes_in_and_comes_out(tmp_path: Path, zoffsite: Zoffsite) -> None:
    write_settings(tmp_path, 1, remote=False)
    (tmp_path / ".env").write_text("ZOFFSITE_NOTIFY_URLS=json://localhost\n")
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / "data.key").write_bytes(bytes(range(32)))
    (tmp_path / "words").write_text(f"{PASSPHRASE}\n")
    Ledger(tmp_path / "state" / "ledger.sqlite", "home").trust("vault/r", "tank/home", 7, "aa", anew=False)
    words = ("--passphrase-file", "words")
    done = zoffsite("escrow", "write", "file", "--include", "data.key", *words)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    (tmp_path / "zoffsite.toml").rename(tmp_path / "burnt")
    done = zoffsite("escrow", "open", "file", "--out", "new", *words)
    assert done.returncode == 0, done.stderr
    new = tmp_path / "new"
    assert (new / "settings/zoffsite.toml").read_bytes() == (tmp_path / "burnt").read_bytes()
    assert (new / "settings/.env").read_text().startswith("ZOFFSITE_NOTIFY")
    assert (new / f"keys{tmp_path.resolve()}/data.key").read_bytes() == bytes(range(32))
    assert (new / f"keys{tmp_path.resolve()}/key").read_bytes() == (tmp_path / "key").read_bytes()
    assert sqlite3.connect(new / "ledger.sqlite").execute("SELECT dataset FROM trusted").fetchall() == [("tank/home",)]
    assert "config check" in (new / "README").read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in new.rglob("*") if path.is_file()} == {0o600}
    assert stat.S_IMODE(new.stat().st_mode) == 0o700
    again = zoffsite("escrow", "open", "file", "--out", "new", *words)
    assert again.returncode == 1


def test_without_a_terminal_and_without_a_file_nobody_is_asked(tmp_path: Path, zoffsite: Zoffsite) -> None:
    write_settings(tmp_path, 1, remote=False)
    done = zoffsite("escrow", "write", "file")
    assert done.returncode == 2
    assert "--passphrase-file" in done.stderr


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "a//b", "./a"])
def test_no_name_in_it_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(OperationError) as caught:
        read_escrow(forged(tmp_path, tarfile.TarInfo(name)), PASSPHRASE)
    assert caught.value.code == "bad-escrow"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_only_plain_files_are_in_it(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with pytest.raises(OperationError) as caught:
        read_escrow(forged(tmp_path, entry), PASSPHRASE)
    assert caught.value.code == "bad-escrow"


def test_what_could_not_be_opened_again_is_not_sealed_and_the_last_good_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_escrow(tmp_path / "file", {"old": b"good"}, PASSPHRASE)
    monkeypatch.setattr(escrow, "LARGEST", 1000)
    with pytest.raises(OperationError) as caught:
        write_escrow(tmp_path / "file", {"small": b"x" * 400, "ledger.sqlite": b"y" * 601}, PASSPHRASE)
    assert caught.value.code == "escrow-too-large"
    assert "ledger.sqlite" in caught.value.problem
    assert read_escrow(tmp_path / "file", PASSPHRASE) == {"old": b"good"}
    write_escrow(tmp_path / "file", {"small": b"x" * 400, "ledger.sqlite": b"y" * 600}, PASSPHRASE)
    assert len(read_escrow(tmp_path / "file", PASSPHRASE)) == 2


def test_a_file_that_is_not_read_back_whole_takes_no_other_s_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_escrow(tmp_path / "file", {"old": b"good"}, PASSPHRASE)
    with monkeypatch.context() as patched:
        patched.setattr(escrow, "seal", lambda content, passphrase: seal(content[:-40], passphrase))
        with pytest.raises(OperationError) as caught:
            write_escrow(tmp_path / "file", {"new": b"lost"}, PASSPHRASE)
    assert caught.value.code == "bad-escrow"
    assert read_escrow(tmp_path / "file", PASSPHRASE) == {"old": b"good"}
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_ledger_in_it_has_no_room_left_by_old_rows_and_opens_by_itself(tmp_path: Path, zoffsite: Zoffsite) -> None:
    write_settings(tmp_path, 1, remote=False)
    (tmp_path / "words").write_text(PASSPHRASE)
    file = tmp_path / "state" / "ledger.sqlite"
    Ledger(file, "home").trust("vault/r", "tank/home", 7, "aa", anew=False)
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE old (x BLOB)")
        db.executemany("INSERT INTO old VALUES (?)", [(os.urandom(1000),) for _ in range(2000)])
        db.execute("DELETE FROM old")
    assert file.stat().st_size > 1_000_000 or Path(f"{file}-wal").stat().st_size > 1_000_000
    assert zoffsite("escrow", "write", "file", "--passphrase-file", "words").returncode == 0
    assert len(read_escrow(tmp_path / "file", PASSPHRASE)["ledger.sqlite"]) < 200_000


def test_the_ledger_in_it_has_no_challenges_for_the_box_will_have_heard_them(tmp_path: Path) -> None:
    write_settings(tmp_path, 1, remote=False)
    settings = load(tmp_path / "zoffsite.toml", environ={"ZOFFSITE_STATE_DIR": str(tmp_path / "state")})
    ledger = Ledger(settings.jobs["home"].ledger, "home")
    step = SendStep(to=snap(2), base=snap(1), estimated_bytes=0)
    each = Provable(dataset="tank/home", replica=REPLICA, ours=step, theirs=step, proved=None, newest=True)
    nonce, answer = bytes(range(32)), StreamDigest(digest="a" * 64, toguid=102, fromguid=101, bytes=7)
    ledger.keep_challenge(each, nonce, answer)
    ledger.trust(REPLICA, "tank/home", 7, "aa", anew=False)
    copy = escrow.ledger_file(settings)["ledger.sqlite"]
    (tmp_path / "copy").write_bytes(copy)
    there = Ledger(tmp_path / "copy", "home")
    assert (there.challenges(), there.recall().replicas[REPLICA].key) == ({}, "aa")
    assert nonce.hex().encode() not in copy
    assert ledger.challenges()[each.unit].nonce == nonce


def test_a_ledger_from_before_there_were_challenges_goes_in_as_it_is(tmp_path: Path) -> None:
    write_settings(tmp_path, 1, remote=False)
    settings = load(tmp_path / "zoffsite.toml", environ={"ZOFFSITE_STATE_DIR": str(tmp_path / "state")})
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / "ledger.sqlite") as db:
        db.execute("CREATE TABLE sent (x)")
    assert escrow.ledger_file(settings)["ledger.sqlite"].startswith(b"SQLite format 3")


TUNNEL = """
[box.friend.tunnel]
endpoints = ["home.example.org"]
"""


def test_secrets_and_the_source_s_half_of_the_kit_go_in_and_come_back_where_they_were(tmp_path: Path) -> None:
    write_settings(tmp_path, 22, remote=False)
    with (tmp_path / "zoffsite.toml").open("a") as file:
        file.write(TUNNEL)
    (tmp_path / ".env").write_text("ZOFFSITE_SECRETS_DIR=secrets\n")
    (tmp_path / ".env").chmod(0o600)
    etc = tmp_path / "etc"
    for name, text in {
        "secrets/zoffsite_notify_urls": "json://localhost",
        "secrets/other": "not ours",
        "etc/tunnel-friend/private.key": "wg",
        "etc/tunnel-friend/preshared.key": "psk",
        "etc/unlock-friend/passphrase": "of the disk",
        "etc/unlock-another/passphrase": "of no box here",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    gathered = escrow.gather(load(tmp_path / "zoffsite.toml", environ={}), [], etc)
    lay_out(gathered.files, tmp_path / "new")
    back = tmp_path / "new" / "keys" / str(tmp_path.resolve()).lstrip("/")
    assert (back / "secrets/zoffsite_notify_urls").read_text() == "json://localhost"
    assert sorted(path.read_text() for path in (back / "etc").rglob("*") if path.is_file()) == [
        "of the disk",
        "psk",
        "wg",
    ]
    assert not (back / "secrets/other").exists()
    assert gathered.unread == ()


def test_what_is_root_s_alone_is_said_to_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings(tmp_path, 22, remote=False)
    with (tmp_path / "zoffsite.toml").open("a") as file:
        file.write(TUNNEL)
    folder = tmp_path / "etc" / "tunnel-friend"
    folder.mkdir(parents=True)
    listing = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:  # root, as whom tests may run, is never refused
        if path == folder:
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    gathered = escrow.gather(load(tmp_path / "zoffsite.toml", environ={}), [], tmp_path / "etc")
    assert gathered.unread == (f"{folder}: Permission denied",)


def test_a_key_for_restores_that_is_kept_elsewhere_is_said_to_be_left_out(tmp_path: Path, zoffsite: Zoffsite) -> None:
    write_settings(tmp_path, 1, remote=False)
    settings = tmp_path / "zoffsite.toml"
    line = 'root = "vault/zoffsite/home"'
    settings.write_text(settings.read_text().replace(line, f'{line}\nrestore_identity_file = "restore_key"'))
    (tmp_path / "words").write_text(PASSPHRASE)
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "restore_key").write_text("secret")
    for command in (("write", "file", "--passphrase-file", "words"), ("print", "--out", "paper")):
        said = zoffsite("escrow", *command)
        words = " ".join((said.stdout + said.stderr).split())
        assert "it is not here: the key for restores from" in words, words
        assert "--include FILE" in words
        (tmp_path / "paper").unlink(missing_ok=True)
        said = zoffsite("escrow", *command, "--include", "stick/restore_key")
        assert "it is not here" not in " ".join((said.stdout + said.stderr).split())


def test_what_is_printed_can_be_typed_back_key_by_key_and_needs_no_ledger(tmp_path: Path, zoffsite: Zoffsite) -> None:
    write_settings(tmp_path, 1, remote=False)
    (tmp_path / "data.key").write_bytes(bytes(range(100, 132)))
    Ledger(tmp_path / "state" / "ledger.sqlite", "home").trust("vault/r", "tank/home", 7, "aa", anew=False)
    done = zoffsite("escrow", "print", "--include", "data.key", "--out", "paper")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / "paper").stat().st_mode) == 0o600
    text = (tmp_path / "paper").read_text()
    assert zoffsite("escrow", "print", "--include", "data.key").stdout == text
    assert zoffsite("escrow", "print", "--out", "paper").returncode == 1, "nothing is overwritten"
    assert 'datasets = ["tank/home"]' in text
    assert "= ledger.sqlite" not in text
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.endswith("data.key"))
    (tmp_path / "typed").write_text("\n".join(line.lower() if " * " in line else line for line in lines[start:]))
    (tmp_path / "zoffsite.toml").rename(tmp_path / "burnt")
    done = zoffsite("escrow", "open", "typed", "--out", "new")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"new/keys{tmp_path.resolve()}/data.key").read_bytes() == bytes(range(100, 132))
    (tmp_path / "typed").write_text(text.replace("[job.home]", "[job.hose]"))
    done = zoffsite("escrow", "open", "typed", "--out", "other")
    assert done.returncode == 1
    assert "does not fit its check" in done.stderr
    assert not (tmp_path / "other").exists()
