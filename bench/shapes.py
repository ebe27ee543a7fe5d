"""Listings as zfs prints them, of any width and depth, made up line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from zoffsite.zfs.argv import COLUMNS

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
SOURCE = "tank/home"
ROOT = "vault/zoffsite"

_COMMON = dict.fromkeys(COLUMNS, "-") | {"encryption": "aes-256-gcm", "createtxg": "1", "creation": "1"}
_DATASET = _COMMON | dict.fromkeys(("written", "used", "available", "referenced"), "0") | {"type": "filesystem"}
_SNAPSHOT = _COMMON | {"type": "snapshot", "written": "8298496", "used": "0", "referenced": "829849600"}
_SNAPSHOT |= {"userrefs": "0", "numclones": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """So many datasets, each with so many hourly snapshots; the box has the first `arrived` of each."""

    datasets: int
    snapshots: int
    arrived: int

    def source(self) -> str:
        """The source's listing."""
        here = {"keystatus": "available", "mounted": "yes", "readonly": "off"}
        return "".join(self._listing(here, self.snapshots, self._names(f"{SOURCE}/")))

    def box(self) -> str:
        """The box's listing: the same GUIDs, other txgs."""
        there = {"keystatus": "unavailable", "mounted": "no", "readonly": "on"}
        names = self._names(f"{ROOT}/tank:home:") if self.arrived else iter(())
        root = _line(_DATASET | there | {"name": ROOT, "guid": "1", "encryption": "off", "keystatus": "-"})
        return root + "".join(self._listing(there, self.arrived, names))

    def _names(self, start: str) -> Iterator[str]:
        return (f"{start}set-{number:05}" for number in range(self.datasets))

    def _listing(self, state: dict[str, str], snapshots: int, names: Iterator[str]) -> Iterator[str]:
        for dataset, name in enumerate(names, 1):
            facts = {"encryptionroot": name, "keystatus": state["keystatus"]}
            yield _line(_DATASET | state | facts | {"name": name, "guid": str(dataset << 40)})
            for number in range(1, snapshots + 1):
                yield _line(_SNAPSHOT | facts | self._version(dataset, number, name))

    def _version(self, dataset: int, number: int, name: str) -> dict[str, str]:
        taken = NOW - timedelta(hours=self.snapshots - number)
        return {
            "name": f"{name}@zoffsite-home-{taken:%Y-%m-%dT%H:%M:%SZ}",
            "guid": str((dataset << 40) + number),
            "createtxg": str(1000 * number),
            "creation": str(int(taken.timestamp())),
        }


def _line(fields: Mapping[str, str]) -> str:
    return "\t".join(fields[column] for column in COLUMNS) + "\n"
