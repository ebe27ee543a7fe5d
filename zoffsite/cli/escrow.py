"""`zoffsite escrow`: put away what a new machine needs, and take it out again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path

from rich.padding import Padding
from rich.text import Text

from zoffsite.actions.escrow import gather, lay_out, ledger_file, read_escrow, read_paper, write_escrow, write_paper
from zoffsite.cli.context import console
from zoffsite.config.loading import load
from zoffsite.model.errors import SettingsError
from zoffsite.paper import to_paper
from zoffsite.views.words import size_words


def write(path: Path, include: Sequence[Path], passphrase_file: Path | None) -> None:
    """Seal settings, login keys, ledger and `include` into one file, and read it back."""
    settings = load()
    gathered = gather(settings, include)
    files = {**gathered.files, **ledger_file(settings)}
    passphrase = _passphrase(passphrase_file, twice=True)
    write_escrow(path, files, passphrase)
    _draw(files)
    out = console()
    out.print(Text(f"sealed in {path}, and read back. Keep copies where a fire here does not reach, not on the box."))
    for each in gathered.unread:
        out.print(Text(f"Not in it, for it cannot be read by this user: {each}"))
    for each in gathered.absent:
        out.print(Text(f"Not in it, for it is not here: {each}. From where it is kept: --include FILE"))
    if not include:
        out.print(Text("No key of your data is in it. To have them in it: --include /root/keys/tank"))


def print_(include: Sequence[Path], out: Path | None) -> None:
    """The same without the ledger as text for paper, to stdout or into a new file: it can be typed back."""
    gathered = gather(load(), include)
    if out is None:
        for line in to_paper(gathered.files):
            print(line)
    else:
        write_paper(out, gathered.files)
    notes = console(stderr=True)
    for each in gathered.unread:
        notes.print(Text(f"Not on it, for it cannot be read by this user: {each}"))
    for each in gathered.absent:
        notes.print(Text(f"Not on it, for it is not here: {each}. From where it is kept: --include FILE"))
    if out is not None:
        notes.print(Text(f"written to {out}, for you alone, and not sealed. Next: lp {out}; then: shred -u {out}"))


def list_(path: Path, passphrase_file: Path | None) -> None:
    """What is in it."""
    _draw(_opened(path, passphrase_file))


def open_(path: Path, out: Path, passphrase_file: Path | None) -> None:
    """Write all of it into a new folder."""
    files = _opened(path, passphrase_file)
    lay_out(files, out)
    _draw(files)
    console().print(Text(f"in {out}, for you alone. Next: less {out}/README" if "README" in files else f"in {out}"))


def _opened(path: Path, passphrase_file: Path | None) -> dict[str, bytes]:
    """A sealed file by its passphrase; what was typed back from paper as it is."""
    typed = read_paper(path)
    return read_escrow(path, _passphrase(passphrase_file, twice=False)) if typed is None else typed


def _draw(files: dict[str, bytes]) -> None:
    out = console()
    for name, content in files.items():
        out.print(Padding(Text(f"{name}  {size_words(len(content))}"), (0, 0, 0, 2)))


def _passphrase(file: Path | None, *, twice: bool) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise _no_passphrase(f"{file} cannot be read ({error})") from error
    if not sys.stdin.isatty():
        raise _no_passphrase("there is no terminal to ask on")
    typed = getpass("Passphrase of the escrow file (it is not shown): ")
    if twice and typed != getpass("Once more: "):
        raise _no_passphrase("the two are not the same")
    return typed


def _no_passphrase(problem: str) -> SettingsError:
    remedy = "type it at a terminal, or name a file that holds it: --passphrase-file FILE"
    return SettingsError("ask for", "the passphrase", problem, remedy, code="no-passphrase")
