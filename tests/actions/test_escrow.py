"""The escrow file, written and opened by the commands; only what a forger could write is made by hand."""

from __future__ import annotations

import io
import sqlite3
import stat
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_commands import write_settings, zoffsite
from zoffsite.actions.escrow import read_escrow
from zoffsite.ledger import Ledger
from zoffsite.model.errors import OperationError
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
