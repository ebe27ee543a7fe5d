"""What the ledger remembers, as values: what a listing of today cannot say."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import overload

from zoffsite.model.property import Property


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSnapshot:
    """A snapshot that the box said it received. `base_guid` is None for a full send.

    `key` is the fingerprint of the wrapped key that came along; `encryptionroot` whose key opened the dataset then.
    `written` is its size as the source counted it when it was planned, whole even where the send was resumed, None
    where that was not known; `bytes` crossed the wire.
    `when` is UTC; `createtxg` that of the snapshot on the source.
    """

    dataset: str
    dataset_guid: int
    replica: str
    name: str
    guid: int
    base_guid: int | None
    written: int | None
    bytes: int
    seconds: float
    when: datetime
    key: str
    encryptionroot: str | None = None
    createtxg: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """An incremental send of the past: its size in bytes, and `when` (UTC) it had arrived."""

    dataset: str
    written: int
    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBox:
    """A snapshot that the box must still have: it was there, and nothing of ours has pruned it."""

    name: str
    guid: int


class Arrived(Sequence[OnBox]):
    """All that the box must still have of one replica, oldest first, in columns as in `Snapshots`."""

    __slots__ = ("guids", "names")

    def __init__(self, names: Iterable[str], guids: Iterable[int]) -> None:
        self.names = tuple(names)
        self.guids = array("Q", guids)

    @classmethod
    def of(cls, given: Iterable[OnBox]) -> Arrived:
        """Those given, in their order."""
        known = tuple(given)
        return cls((each.name for each in known), (each.guid for each in known))

    @overload
    def __getitem__(self, place: int) -> OnBox: ...

    @overload
    def __getitem__(self, place: slice) -> Arrived: ...

    def __getitem__(self, place: int | slice) -> OnBox | Arrived:
        if isinstance(place, slice):
            return Arrived(self.names[place], self.guids[place])
        return OnBox(name=self.names[place], guid=self.guids[place])

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Arrived):
            return NotImplemented
        return (self.names, self.guids) == (other.names, other.guids)

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"Arrived.of({list(self)})"


NEVER_ANY = Arrived((), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingAlarm:
    """An alarm that nobody has acknowledged yet, raised at `raised` (UTC). `told`: an alert has gone out."""

    code: str
    message: str
    raised: datetime
    told: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is known of one dataset and its replica; empty where nothing is.

    `dataset_guid` and `key`: which dataset and which wrapped key are trusted to be what the replica is made of.
    `increments` are the sizes in bytes of the last ones sent, newest first. `dataset` and
    `replica` are the names under which it is remembered: others than today's where both were renamed.
    `leaving` are the GUIDs of what the box was asked to prune, and has not answered: it may be there or not.
    `encryptionroot` is whose key opened it when it was last sent. `properties` are those of the dataset that are not
    the default, None where nobody has looked yet; `described` (UTC) is when the user properties among them were read.
    """

    dataset: str = ""
    replica: str = ""
    dataset_guid: int | None = None
    key: str | None = None
    on_box: Arrived = NEVER_ANY
    leaving: frozenset[int] = frozenset()
    increments: tuple[int, ...] = ()
    alarms: tuple[StandingAlarm, ...] = ()
    encryptionroot: str | None = None
    properties: tuple[Property, ...] | None = None
    described: datetime | None = None


NOTHING = Remembered()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that the ledger knows of one job: by the names of the replicas, and of the datasets for alarms."""

    replicas: Mapping[str, Remembered] = field(default_factory=dict)
    alarms: Mapping[str, tuple[StandingAlarm, ...]] = field(default_factory=dict)
