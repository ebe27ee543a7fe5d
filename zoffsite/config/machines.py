"""The boxes as `zoffsite box kit` sets them up: tables of one machine taken together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from zoffsite.config.schema import BoxTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the box: one root below which it may receive, and what root's policy allows to destroy there.

    `restore_identity_file` is the key that may only read. `floor` and `minimum` are the keeper's; `quota` (bytes) and
    the limits bound what a thief of the key can fill.
    """

    user: str
    root: str
    identity_file: Path
    floor: timedelta
    minimum: int
    quota: int | None
    filesystem_limit: int
    snapshot_limit: int
    restore_identity_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One box and its tunnel. `name` is that of the table which has the tunnel.

    `endpoints` lead to the source's `port`; `address` and `source_address` are inside the tunnel.
    """

    name: str
    address: str
    ssh_port: int
    source_address: str
    endpoints: tuple[str, ...]
    port: int
    updates: bool
    accounts: tuple[Account, ...]


def interface_of(name: str) -> str:
    """The tunnel's interface on the source; the kernel allows 15 letters."""
    return f"zo-{name[:12]}"


def tables_of(name: str, boxes: Mapping[str, BoxTable]) -> dict[str, BoxTable]:
    """The tables that are about the same machine as `name`: the same host and port."""
    place = _place(boxes[name])
    return {each: table for each, table in boxes.items() if _place(table) == place}


def has_keeper(name: str, boxes: Mapping[str, BoxTable]) -> bool:
    """Whether the kit set this machine up, so that a keeper has the last word on what is destroyed there."""
    return any(table.tunnel is not None for table in tables_of(name, boxes).values())


def machines(
    boxes: Mapping[str, BoxTable], identities: Mapping[str, Path], restore_keys: Mapping[str, Path | None]
) -> Iterator[Machine]:
    """Every machine with a tunnel; `identities` and `restore_keys` are the private keys' paths, by table."""
    for name, box in boxes.items():
        if box.tunnel is None:
            continue
        tables = tables_of(name, boxes).items()
        accounts = [_account(table, identities[each], restore_keys[each]) for each, table in tables]
        yield Machine(
            name=name,
            address=box.host,
            ssh_port=box.port,
            source_address=box.tunnel.source,
            endpoints=box.tunnel.endpoints,
            port=box.tunnel.port,
            updates=box.tunnel.updates,
            accounts=tuple(accounts),
        )


def _account(box: BoxTable, identity_file: Path, restore_identity_file: Path | None) -> Account:
    return Account(
        user=box.user,
        root=box.root,
        identity_file=identity_file,
        restore_identity_file=restore_identity_file,
        floor=box.floor,
        minimum=box.minimum,
        quota=box.quota,
        filesystem_limit=box.filesystem_limit,
        snapshot_limit=box.snapshot_limit,
    )


def _place(box: BoxTable) -> tuple[str, int]:
    return box.host.lower(), box.port
