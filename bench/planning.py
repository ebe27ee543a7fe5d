"""What a run decides between its listings and its first send, step by step; nothing but the decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.shapes import NOW, ROOT, SOURCE
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import Job, Retention, Retries, Selection, SnapshotWhen, SshHost
from zoffsite.model.plan import DatasetPlan, PrunePlan
from zoffsite.planning.retention import plan_both_prunes
from zoffsite.planning.selection import choose
from zoffsite.planning.sends import plan_sends
from zoffsite.zfs.names import replica_name
from zoffsite.zfs.parse import parse_inventory

KEEP = Retention(last=10, within=timedelta(days=2), hourly=24, daily=14, weekly=8, monthly=12, yearly=3)

JOB = Job(
    name="home",
    datasets=(SOURCE,),
    recursive=True,
    exclude=(f"{SOURCE}/cache",),
    source=None,
    box=SshHost(
        host="box", port=22, user="u", host_key="k", identity_file=Path("id"), connect_timeout=1.0, keepalive=1.0
    ),
    root=ROOT,
    snapshot_prefix="zoffsite-home-",
    snapshot_when=SnapshotWhen.WRITTEN,
    selection=Selection.OURS,
    selection_patterns=(),
    keep_source=KEEP,
    keep_box=KEEP,
    parallel=1,
    bandwidth=None,
    stall=60.0,
    retries=Retries(count=0, first_wait=1.0, longest_wait=1.0),
    objective=timedelta(days=1),
    ledger=Path("ledger"),
)


@dataclass(slots=True)
class Planning:
    """The steps in their order, each going on from what the one before it found."""

    source_text: str
    box_text: str
    source: Inventory | None = None
    box: Inventory | None = None
    chosen: tuple[DatasetState, ...] = ()

    def parse(self) -> None:
        """Read both listings."""
        self.source = parse_inventory(self.source_text, "source")
        self.box = parse_inventory(self.box_text, "box")

    def choose(self) -> None:
        """The job's datasets."""
        assert self.source is not None
        self.chosen = choose(self.source, JOB)

    def plan(self) -> list[DatasetPlan]:
        """How each dataset gets to the box."""
        return [plan_sends(JOB, state, self._replica(state), None, self._name(state)) for state in self.chosen]

    def retain(self) -> list[PrunePlan]:
        """What each side keeps and destroys."""
        pairs = [(state, self._replica(state)) for state in self.chosen]
        return [prune for here, there in pairs if there for prune in plan_both_prunes(JOB, here, there, NOW)]

    def _replica(self, state: DatasetState) -> DatasetState | None:
        assert self.box is not None
        return self.box.datasets.get(self._name(state))

    def _name(self, state: DatasetState) -> str:
        return replica_name(JOB.root, state.dataset.name)
