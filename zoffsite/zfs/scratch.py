"""The commands around a drill's scratch, and what they print.

The scratch is one dataset, made with our own mark on it, with all that is drilled below it. Nothing but a dataset that
bears the mark itself, not by inheritance, and of the same job, is ever destroyed.
"""

from __future__ import annotations

from zoffsite.model.drill import MARK
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import check_dataset, check_snapshot

VISIBLE = ("acltype", "xattr")
"""What a raw stream does not carry, and without which ACLs and extended attributes are not seen."""

_APART = ("unshare", "--mount", "--propagation", "private", "python3", "-I", "-c")
_WRITE = 'umask 077 && printf %s "$2" >"$1.new" && mv -f "$1.new" "$1"'


def run_apart(program: str, *words: str) -> list[str]:
    """A program of ours in a mount namespace of its own: what it mounts nobody else sees, and it goes with it."""
    return [*_APART, program, *words]


def create_scratch(dataset: str, job: str) -> list[str]:
    """Never mounted, never written to; volumes below get a device whose partitions nobody looks for."""
    options = ["-o", f"{MARK}={job}", "-o", "canmount=off", "-o", "mountpoint=none"]
    return ["zfs", "create", *options, "-o", "readonly=on", "-o", "volmode=dev", check_dataset(dataset)]


def read_mark(dataset: str) -> list[str]:
    """Whose scratch it is; `parse_mark` reads it."""
    return ["zfs", "get", "-H", "-p", "-o", "value,source", MARK, check_dataset(dataset)]


def parse_mark(text: str, host: str) -> str | None:
    """The job whose mark it bears itself; None where it bears none, or only what it inherits."""
    with malformed_answer(host, text):
        value, found, source = text.rstrip("\n").partition("\t")
        if not found:
            raise MalformedError("not a property")
        return value if source == "local" else None


def destroy_scratch(dataset: str) -> list[str]:
    """The scratch and all below it, also what an interrupted receive has left. Its mark must have been read before."""
    return ["zfs", "destroy", "-r", check_dataset(dataset)]


def clone(snapshot: str, dataset: str) -> list[str]:
    """A volume's snapshot as a volume: a snapshot alone has no device."""
    return ["zfs", "clone", check_snapshot(snapshot), check_dataset(dataset)]


def read_visible(dataset: str) -> list[str]:
    """What decides which attributes are seen; `parse_visible` reads it."""
    return ["zfs", "get", "-H", "-p", "-o", "property,value", ",".join(VISIBLE), check_dataset(dataset)]


def parse_visible(text: str, host: str) -> dict[str, str]:
    """By name."""
    with malformed_answer(host, text):
        found = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
        if set(found) != set(VISIBLE) or not all(value.isalnum() for value in found.values()):
            raise MalformedError("not these properties")
        return found


def set_visible(dataset: str, values: dict[str, str]) -> list[str]:
    """Let the scratch show what the source's own dataset shows."""
    return ["zfs", "set", *(f"{name}={value}" for name, value in sorted(values.items())), check_dataset(dataset)]


def write_file(path: str, text: str) -> list[str]:
    """A small file for the canary; the shell's line is constant."""
    return ["sh", "-c", _WRITE, "sh", path, text]


def read_keylocation(dataset: str) -> list[str]:
    """Where its key is read from: `prompt`, or a URL."""
    return ["zfs", "get", "-H", "-p", "-o", "value", "keylocation", check_dataset(dataset)]
