"""The escrow file: what a new machine needs after a fire, sealed with a passphrase."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from zoffsite.config.loading import load_machines, secret_files
from zoffsite.config.settings import Settings
from zoffsite.files import write_new, write_whole
from zoffsite.model.errors import OperationError
from zoffsite.model.job import Job, SshHost
from zoffsite.paper import from_paper, to_paper
from zoffsite.sealing import is_sealed, seal, unseal

LARGEST = 1 << 30
"""Bytes of all that is in it: settings, keys, and a ledger of three million snapshots."""
README = """\
What is in this folder was written by `zoffsite escrow write`. After a fire, on a new machine, as root:

1. Install OpenZFS and zoffsite.
2. Settings, keys and ledger go where they were:
     install -d -m 700 /etc/zoffsite /var/lib/zoffsite
     cp -r settings/. /etc/zoffsite/
     cp -r keys/. /
     cp ledger.sqlite /var/lib/zoffsite/
     zoffsite config check --offline
   Below keys/ each file has the path that it had: login keys, what was put in by --include, the files of
   ZOFFSITE_SECRETS_DIR (set that variable again, if the environment had it), the tunnels' and unlock keys.
   `source` of a job that named another machine is left out now.
3. Make a pool, then bring back each dataset:
     zoffsite restore DATASET --to POOL/DATASET --ask-key --mount      from the box, over the network
     zoffsite restore DATASET --to POOL/DATASET --from-pool POOL …     from its disk, fetched and attached here
   What is printed at the end of each makes it the live one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escrow:
    """What goes in, by its name there; what is here and could not be read, with why; which login keys are not here."""

    files: dict[str, bytes]
    unread: tuple[str, ...]
    absent: tuple[str, ...]


def gather(settings: Settings, include: Iterable[Path], etc: Path = Path("/etc/zoffsite")) -> Escrow:
    """Settings, pairings, login keys, secrets, the source's half of each kit in `etc`, and whatever else is named.

    Keys of data are where only their owner knows: name them. Raises OperationError "unreadable" but for what is root's
    alone, which is in `unread`.
    """
    folder = settings.file.parent
    files = {"README": README.encode(), f"settings/{settings.file.name}": _read(settings.file)}
    for path in (folder / ".env", *sorted(folder.glob("*.pairing"))):
        if path.exists():
            files[f"settings/{path.name}"] = _read(path)
    named = [each.absolute() for each in include]
    logins = _login_keys(settings.jobs.values())
    here = [path for path in logins if path.exists()]
    for path in (*here, *secret_files(settings.file), *named):
        files[_place(path)] = _read(path)
    unread = list[str]()
    for path in _kits(settings.file, etc, unread):
        try:
            files[_place(path)] = _read(path)
        except OperationError as error:
            unread.append(f"{path}: {error.problem}")
    brought = {*here, *(path for path in logins if path.name in {each.name for each in named})}
    absent = tuple(f"{what}, {path}" for path, what in logins.items() if path not in brought)
    return Escrow(files=files, unread=tuple(unread), absent=absent)


def ledger_file(settings: Settings) -> dict[str, bytes]:
    """The ledger, as it goes in; nothing where there is none yet. Raises OperationError "unreadable"."""
    ledger = next(iter(settings.jobs.values())).ledger
    return {"ledger.sqlite": _snapshot(ledger)} if ledger.exists() else {}


def write_escrow(path: Path, files: Mapping[str, bytes], passphrase: str) -> None:
    """Seal `files` into `path`, which is then whole and was read back, or is as it was.

    Raises SettingsError "weak-passphrase", OperationError "escrow-too-large", "bad-escrow" or "unwritable".
    """
    _check_size(path, files)

    def check(new: Path) -> None:
        if read_escrow(new, passphrase) != dict(files):
            raise _bad(new, "it does not give back what was put into it")

    try:
        write_whole(path, seal(_pack(files), passphrase), check=check)
    except OSError as error:
        raise _unwritable(path, error) from error


def _check_size(path: Path, files: Mapping[str, bytes]) -> None:
    if (size := sum(map(len, files.values()))) <= LARGEST:
        return
    name = max(files, key=lambda each: len(files[each]))
    raise OperationError(
        "seal",
        str(path),
        f"all together has {size >> 20} MiB, of which {name} has {len(files[name]) >> 20}; {LARGEST >> 20} MiB is the "
        "most that is opened again",
        "leave that out of --include; a ledger begins anew when it is set aside: mv ledger.sqlite ledger.sqlite.old",
        code="escrow-too-large",
    )


def _pack(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def write_paper(path: Path, files: Mapping[str, bytes]) -> None:
    """All of it as text, unsealed, into a new file for its owner alone. Raises OperationError "unwritable"."""
    try:
        write_new(path, "".join(f"{line}\n" for line in to_paper(files)).encode(), 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def read_paper(path: Path) -> dict[str, bytes] | None:
    """What was typed back from paper; None where the file is another one. Raises OperationError as `from_paper`."""
    content = _read(path)
    return None if is_sealed(content) else from_paper(content.decode("utf-8", "replace"))


def read_escrow(path: Path, passphrase: str) -> dict[str, bytes]:
    """What is in it, by name. Raises SettingsError as `unseal` does, OperationError "bad-escrow" or "unreadable"."""
    packed = unseal(_read(path), passphrase)
    found: dict[str, bytes] = {}
    left = LARGEST
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            for entry in archive:
                left -= entry.size
                content = archive.extractfile(entry) if entry.isreg() and left >= 0 else None
                if content is None or not _is_inside(entry.name):
                    raise _bad(path, f"{entry.name!r} has no place in it")
                found[entry.name] = content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _bad(path, str(error)) from error
    return found


def lay_out(files: Mapping[str, bytes], folder: Path) -> None:
    """Write them below a new folder, for its owner alone. Raises OperationError "exists" where something is there."""
    if folder.exists() and any(folder.iterdir()):
        raise OperationError("write to", str(folder), "it is not empty", "name a new folder: --out DIR", code="exists")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, content in files.items():
        write_new(folder / name, content, 0o600)


def _login_keys(jobs: Iterable[Job]) -> dict[Path, str]:
    """What each is for. One for restores may well be kept elsewhere."""
    found: dict[Path, str] = {}
    for job in jobs:
        for host in (job.source, job.box):
            if isinstance(host, SshHost):
                found.setdefault(host.identity_file, f"the key that logs in at {host.label}")
        if job.restore_identity is not None:
            found.setdefault(job.restore_identity, f"the key for restores from {job.box.label}")
    return found


def _kits(settings: Path, etc: Path, unread: list[str]) -> Iterator[Path]:
    """The files of the tunnels and for the boxes' system disks: with these no box has to be told anything again."""
    for machine in load_machines(settings)[1]:
        for folder in (etc / f"tunnel-{machine.name}", etc / f"unlock-{machine.name}"):
            try:
                yield from sorted(path for path in folder.iterdir() if path.is_file())
            except FileNotFoundError:
                continue
            except OSError as error:
                unread.append(f"{folder}: {error.strerror}")


def _place(path: Path) -> str:
    """Where a file goes: below the path that it has, also where it is a link itself."""
    return f"keys{path.parent.resolve() / path.name}"


def _snapshot(ledger: Path) -> bytes:
    """The ledger as it is at one moment, whoever writes to it, without the room that rows of old have left in it.

    Its challenges stay behind: those that are asked after this the box has heard, and the copy would ask them again.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "ledger.sqlite"
        try:
            with contextlib.closing(sqlite3.connect(ledger)) as source:
                source.execute("VACUUM INTO ?", (str(copy),))
            with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as taken:
                if taken.execute("SELECT name FROM sqlite_master WHERE name = 'challenges'").fetchone():
                    taken.execute("DELETE FROM challenges")
                    taken.execute("VACUUM")  # or the nonces would lie in the free pages
        except sqlite3.Error as error:
            raise _unreadable(ledger, str(error)) from error
        return _read(copy)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and name == str(path)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise _unreadable(path, f"it is larger than {LARGEST >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _unreadable(path: Path, problem: str) -> OperationError:
    return OperationError("read", str(path), problem, f"ls -l {path}", code="unreadable")


def _unwritable(path: Path, error: OSError) -> OperationError:
    problem = error.strerror or str(error)
    return OperationError("write", str(path), problem, f"ls -ld {path.parent} {path}", code="unwritable")


def _bad(path: Path, problem: str) -> OperationError:
    return OperationError("read", str(path), problem, "take another copy of the escrow file", code="bad-escrow")
