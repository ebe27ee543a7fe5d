"""Every command line of the product, as lists: a program and its arguments, never a shell's string.

Names are checked on their way in, so nothing that came from a listing or from the settings can be read as an option.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from zoffsite.model.dataset import CHOICE
from zoffsite.model.errors import SettingsError
from zoffsite.model.plan import SendStep
from zoffsite.model.property import ACTING, DESCRIBING
from zoffsite.model.restore import TO_LOOK
from zoffsite.model.version import Bookmark, Version
from zoffsite.zfs.excerpt import excerpt
from zoffsite.zfs.names import check_bookmark, check_dataset, check_snapshot, is_version

COLUMNS = (
    "type",
    "name",
    "guid",
    "createtxg",
    "creation",
    "encryption",
    "encryptionroot",
    "keystatus",
    "mounted",
    "readonly",
    "written",
    "used",
    "available",
    "referenced",
    "userrefs",
    "receive_resume_token",
    "origin",
    "numclones",
    CHOICE,
)
"""The columns of every listing, in the order in which `zoffsite.zfs.parse` reads them."""

CHANGED = "snapshots_changed"
"""When the snapshots of a dataset changed last, in whole seconds: zfsprops(7), OpenZFS 2.2 and later."""

LONGEST_COMMAND = 100_000
"""Bytes of one command line. sshd hands it to the login shell as ONE argument, and Linux ends that at 128 KiB."""

LONGEST_TOKEN = 65_536

PROMPT = "prompt"
"""The key location that means: ask whoever is there."""

_SNAPSHOT = ["zfs", "snapshot"]
_TOKEN = re.compile(r"[0-9a-f]{1,8}-[0-9a-f]{1,16}-[0-9a-f]{1,16}-[0-9a-f]+")


def list_inventory(roots: Sequence[str]) -> list[str]:
    """All that is under `roots` (no root: all pools), in one command; `parse_inventory` reads it."""
    return [*_list("filesystem,volume,snapshot,bookmark"), "-r", *(check_dataset(root) for root in roots)]


def list_overview(roots: Sequence[str]) -> list[str]:
    """The same without the snapshots, and when those of each dataset changed; `parse_overview` reads it."""
    kinds = ["-t", "filesystem,volume,bookmark", "-o", f"{','.join(COLUMNS)},{CHANGED}"]
    return ["zfs", "list", "-H", "-p", *kinds, "-r", *(check_dataset(root) for root in roots)]


def list_snapshots_of(datasets: Iterable[str]) -> list[tuple[list[str], list[str]]]:
    """The snapshots of these datasets, not of those below; commands, each with its datasets."""
    start = [*_list("snapshot"), "-d", "1"]
    return [([*start, *batch], batch) for batch in in_batches((check_dataset(name) for name in datasets), start)]


def list_one(dataset: str) -> list[str]:
    """`dataset` with its own versions, and its children without theirs; `parse_inventory` reads it."""
    return [*_list("filesystem,volume,snapshot,bookmark"), "-d", "1", check_dataset(dataset)]


def list_datasets(names: Iterable[str]) -> list[list[str]]:
    """These datasets without their versions; `parse_inventory` reads each."""
    start = _list("filesystem,volume")
    return [[*start, *batch] for batch in in_batches((check_dataset(name) for name in names), start)]


def list_all_datasets() -> list[str]:
    """All datasets of all pools without their versions; `parse_inventory` reads it."""
    return _list("filesystem,volume")


def list_names(datasets: Iterable[str]) -> list[str]:
    """Only which of `datasets` are there; it ends with a failure where one is not."""
    return ["zfs", "list", "-H", "-o", "name", *map(check_dataset, datasets)]


def list_snapshots(full_names: Iterable[str]) -> list[list[str]]:
    """These snapshots and nothing else, in as few commands as their length allows; `parse_snapshots` reads each."""
    return _tagged(_list("snapshot"), full_names)


def snapshot(full_names: Sequence[str]) -> list[str]:
    """Take all these snapshots of ONE pool at the same instant. `snapshots_at_once` keeps the list short enough."""
    return [*_SNAPSHOT, *(check_snapshot(name) for name in full_names)]


def snapshots_at_once(full_names: Iterable[str]) -> Iterator[list[str]]:
    """These snapshots in as few parts as fit into a command each."""
    return in_batches(full_names, _SNAPSHOT)


def send(step: SendStep) -> list[str]:
    """`zfs send -w [-i base] to`. Raw without exception: this line is one of the three that keep plaintext at home."""
    base = step.base
    if base is None:
        return ["zfs", "send", "-w", check_snapshot(step.to.full_name)]
    return ["zfs", "send", "-w", "-i", _version(base), check_snapshot(step.to.full_name)]


def estimate(step: SendStep) -> list[str]:
    """How long the stream of `send` would be. Sends nothing; `parse_estimate` reads it."""
    zfs, verb, *rest = send(step)
    return [zfs, verb, "-n", "-P", *rest]


def send_resume(token: str) -> list[str]:
    """Go on with an interrupted send. The token must have been vetted: it, not the flags, says what is sent."""
    return ["zfs", "send", "-w", "-t", check_token(token)]


def read_token(token: str) -> list[str]:
    """Have the source say what a token stands for, and how many bytes are left. Sends nothing; `parse_token` reads it.

    `-P` makes the size exact; it does not change how the contents are shown.
    """
    return ["zfs", "send", "-n", "-v", "-P", "-t", check_token(token)]


def receive(replica: str) -> list[str]:
    """Receive into `replica`: resumable, unmounted, and never with -F."""
    return ["zfs", "receive", "-s", "-u", check_dataset(replica)]


def abort_receive(replica: str) -> list[str]:
    """Give up an interrupted receive; what had arrived of that one snapshot is freed."""
    return ["zfs", "receive", "-A", check_dataset(replica)]


def create_container(dataset: str, *, locked: bool) -> list[str]:
    """An empty dataset that only holds a place for others; what is below it inherits no mount point of its own.

    Below one whose key is not loaded (`locked`) only what is not encrypted can be made.
    """
    options = ["-o", "canmount=off", *(["-o", "encryption=off"] if locked else [])]
    return ["zfs", "create", *options, check_dataset(dataset)]


def load_key(dataset: str, location: str) -> list[str]:
    """Load the key of `dataset`: `location` is PROMPT (then it is read from stdin), or a whole path."""
    return ["zfs", "load-key", "-L", location if location == PROMPT else f"file://{location}", check_dataset(dataset)]


def inherit_key(dataset: str) -> list[str]:
    """Let the key of the dataset above open this one, too. Both must be loaded."""
    return ["zfs", "change-key", "-i", check_dataset(dataset)]


def mount_to_look(dataset: str, place: str | None) -> list[str]:
    """Mount for reading, at a folder; None is its own place.

    Its `mountpoint` is never set for that: since OpenZFS 2.2 `zfs set` mounts there at once, to be written to (#15240).
    """
    if place is None:
        return ["zfs", "mount", "-o", TO_LOOK, check_dataset(dataset)]
    return ["mount", "-t", "zfs", "-o", f"zfsutil,{TO_LOOK}", check_dataset(dataset), place]


def mountpoint(dataset: str) -> list[str]:
    """Where it says that it is to be mounted."""
    return ["zfs", "get", "-H", "-p", "-o", "value", "mountpoint", check_dataset(dataset)]


def mounted_at(dataset: str) -> list[str]:
    """Where it is mounted, if it is: perhaps not where it says."""
    return ["findmnt", "-n", "-t", "zfs", "-o", "TARGET", "-S", check_dataset(dataset)]


def get_properties(names: Iterable[str]) -> list[list[str]]:
    """What is not the default of these datasets; `parse_properties` reads each.

    By name: `all` takes four times as long (measured with 2.1.11).
    """
    return _get(",".join((*DESCRIBING, *ACTING)), names)


def get_every_property(names: Iterable[str]) -> list[list[str]]:
    """The only way to hear of user properties whose names are not known; `parse_of_others` reads each."""
    return _get("all", names)


def _get(what: str, names: Iterable[str]) -> list[list[str]]:
    options = ["-H", "-p", "-o", "name,property,source,value", "-s", "local,received,inherited"]
    start = ["zfs", "get", *options, what]
    return [[*start, *batch] for batch in in_batches((check_dataset(name) for name in names), start)]


def set_properties(dataset: str, settings: Sequence[str]) -> list[str]:
    """Set all of these, each `name=value`, or none."""
    return ["zfs", "set", *settings, check_dataset(dataset)]


def bookmark(version: Version, bookmark_full: str) -> list[str]:
    """Bookmark a snapshot, so that it can be destroyed and still be a base; or copy a bookmark (OpenZFS 2.0)."""
    return ["zfs", "bookmark", _version(version), check_bookmark(bookmark_full)]


def hold(tag: str, full_names: Iterable[str]) -> list[list[str]]:
    """Hold these snapshots, of any dataset, in as few commands as their length allows.

    Each is held by itself: one that fails ends the command with an error, but the others are held.
    """
    return _tagged(["zfs", "hold", tag], full_names)


def release(tag: str, full_names: Iterable[str]) -> list[list[str]]:
    """Take back holds of `tag`, and of no other; one that fails keeps none of the others."""
    return _tagged(["zfs", "release", tag], full_names)


def list_holds(full_names: Iterable[str]) -> list[list[str]]:
    """Who holds these snapshots; `parse_holds` reads each."""
    return _tagged(["zfs", "holds", "-H"], full_names)


def destroy_snapshots(dataset: str, names: Iterable[str]) -> list[list[str]]:
    """`zfs destroy dataset@a,b,c`, in as few commands as their length allows. Never recursive, never of a dataset."""
    start = f"{check_dataset(dataset)}@"
    batches = in_batches((_snapshot_part(dataset, name) for name in names), ["zfs", "destroy", start])
    return [["zfs", "destroy", start + ",".join(batch)] for batch in batches]


def destroy_bookmark(full_name: str) -> list[str]:
    """Destroy one bookmark."""
    return ["zfs", "destroy", check_bookmark(full_name)]


def sync_pools(pools: Sequence[str]) -> list[str]:
    """Write out what is pending, so that `written` is true; no pool named means all."""
    return ["zpool", "sync", *(check_dataset(pool) for pool in pools)]


def list_pools() -> list[str]:
    """All imported pools; `parse_pools` reads it."""
    return ["zpool", "list", "-H", "-p", "-o", "name,guid,altroot"]


def import_pool(guid: int, altroot: str) -> list[str]:
    """Import the pool with this guid, whatever its name, without mounting anything, and not again after a reboot."""
    return ["zpool", "import", "-N", "-o", "cachefile=none", "-R", altroot, str(guid)]


def import_to_read(pool: str, altroot: str) -> list[str]:
    """Import a pool, by its name or guid, so that nothing on it is changed or mounted. -f: it was another machine's."""
    options = ["-N", "-f", "-o", "cachefile=none", "-o", "readonly=on", "-R", altroot]
    return ["zpool", "import", *options, pool if pool.isdecimal() else check_dataset(pool)]


def export_pool(pool: str) -> list[str]:
    """Export a pool. Never -f: what still uses it should end first."""
    return ["zpool", "export", check_dataset(pool)]


def version() -> list[str]:
    """The versions of the tools and of the module."""
    return ["zfs", "version"]


def allow(dataset: str) -> list[str]:
    """Who may do what with `dataset`; `parse_allow` reads it."""
    return ["zfs", "allow", check_dataset(dataset)]


def check_token(token: str) -> str:
    """`token`, if it looks like one; else SettingsError "bad-token". It comes from the box, so it is not believed."""
    if len(token) <= LONGEST_TOKEN and _TOKEN.fullmatch(token):
        return token
    raise SettingsError(
        "read",
        f"the resume token {excerpt(token)}",
        "it does not look like one",
        "look at it on the box: zfs get receive_resume_token",
        code="bad-token",
    )


def _tagged(start: list[str], full_names: Iterable[str]) -> list[list[str]]:
    return [[*start, *batch] for batch in in_batches((check_snapshot(name) for name in full_names), start)]


def _list(kinds: str) -> list[str]:
    return ["zfs", "list", "-H", "-p", "-t", kinds, "-o", ",".join(COLUMNS)]


def _version(version: Version) -> str:
    return (check_bookmark if isinstance(version, Bookmark) else check_snapshot)(version.full_name)


def _snapshot_part(dataset: str, name: str) -> str:
    check_snapshot(f"{dataset}@{name}")
    assert is_version(name)  # noqa: S101 - no comma and no %: those would name more than this one snapshot
    return name


def in_batches(words: Iterable[str], start: Sequence[str]) -> Iterator[list[str]]:
    """Split `words` so that no command that begins with `start` is over the limit; quotes are counted in."""
    room = LONGEST_COMMAND - sum(len(word) + 3 for word in start)  # 3: two quotes, and what stands between
    batch: list[str] = []
    left = room
    for word in words:
        left -= len(word) + 3
        if batch and left < 0:
            yield batch
            batch, left = [], room - len(word) - 3
        batch.append(word)
    if batch:
        yield batch
