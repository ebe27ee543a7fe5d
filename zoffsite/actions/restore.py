"""Bring a tree back from the box: look at both ends, plan; then receive, and open it, if a key is given."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from zoffsite.actions.memory import ask_ledger, recall
from zoffsite.actions.progress import Progress
from zoffsite.actions.properties import give_properties
from zoffsite.actions.retrying import with_retries
from zoffsite.actions.unlock import Keys, open_up
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.retrieval import retrieve
from zoffsite.hosts.transfers import transfers
from zoffsite.ledger import Ledger
from zoffsite.model.drill import Speed
from zoffsite.model.errors import OperationError, SafetyError, SettingsError, ZoffsiteError
from zoffsite.model.job import Disk, Job
from zoffsite.model.memory import Memory
from zoffsite.model.report import ErrorReport
from zoffsite.model.restore import (
    Landing,
    Restoration,
    RestoreAction,
    RestoreOutcome,
    RestorePlan,
    RestoreReport,
    RestoreResult,
    Wanted,
)
from zoffsite.model.version import Snapshot
from zoffsite.planning.evidence import capped, time_to_restore
from zoffsite.planning.memory import under_root
from zoffsite.planning.restoration import bounded, check_not_the_box, plan_restore
from zoffsite.zfs.names import check_dataset, replicas_by_dataset

log = logging.getLogger(__name__)


def preview_restore(job: Job, wanted: Wanted, hosts: Connections, rate: int | None = None) -> RestorePlan:
    """What a restore would do now, at `rate` bytes per second at most. Changes nothing.

    Raises SafetyError "this-is-the-box" and what `plan_restore` raises.
    """
    receiver = hosts.receiver_of(job)
    check_dataset(wanted.to)
    above = _above(wanted)
    if job.gated and job.restore_identity is None:
        raise _no_restore_key(job)
    box = hosts.restore_box_of(job).inventory(job.root)
    here = {} if isinstance(job.box, Disk) else receiver.inventory(job.root).datasets
    carried = isinstance(job.box, Disk) and job.box.carried is not None
    check_not_the_box(job, here, box, receiver.box_roots(), receiver.host_keys() if carried else frozenset())
    there = receiver.inventory(wanted.to).datasets
    tokens = {
        name: receiver.read_token(state.dataset.resume_token)
        for name, state in there.items()
        if state.dataset.resume_token is not None
    }
    around = receiver.dataset(above)
    landing = Landing(there=there, tokens=tokens, room=around.available, encrypted=around.encrypted)
    memory, trouble = recall(job)
    memory = under_root(memory, job.root) if memory else None
    replicas = replicas_by_dataset(job, box.datasets, _remembered(memory))
    ever: frozenset[int] = ask_ledger(job, Ledger.guids, frozenset())
    plan = plan_restore(job, wanted, box, replicas, landing, memory, ever)
    guids = [part.snapshot.guid for part in plan.datasets if part.snapshot]
    sizes: Mapping[int, int] = ask_ledger(job, lambda ledger: ledger.sizes(guids), {})
    plan = bounded(plan, landing.room, sizes)
    for part in plan.datasets:
        check_dataset(part.target)
    time = time_to_restore(plan.estimated_bytes, _speed(job, plan.estimated_bytes), rate)
    return replace(plan, notices=(*trouble, *plan.notices), time=time)


def _speed(job: Job, count: int) -> Speed | None:
    """What was measured on the way that this one takes: a disk that was carried here is none of it."""
    if isinstance(job.box, Disk) and job.box.carried is not None:
        return None
    return capped(job, ask_ledger(job, lambda ledger: ledger.speed(count), None))


def plan_with_retries(job: Job, wanted: Wanted, hosts: Connections, rate: int | None) -> RestorePlan:
    """`preview_restore` for what follows it at once. Raises as that, and RunInterruptedError when it was stopped."""
    return with_retries(lambda _: preview_restore(job, wanted, hosts, rate), job.retries)


def restore(
    job: Job, plan: RestorePlan, keys: Keys, hosts: Connections, progress: Progress, rate: int | None = None
) -> RestoreReport:
    """Carry out `plan`, several datasets at a time, and open them as `keys` says.

    `rate` is bytes per second, for all together. What went wrong with one dataset is in its outcome, and stops only
    what lies below it. Raises RunInterruptedError when it was stopped: what has arrived is kept, and the same command
    goes on.
    """
    started = datetime.now(UTC)
    outcomes = _receive_all(job, plan, hosts, progress, rate)
    receiver = hosts.receiver_of(job)
    opened = tuple(open_up(give_properties(outcomes, receiver), plan.wanted.to, keys, receiver))
    seconds = round((datetime.now(UTC) - started).total_seconds(), 3)
    return RestoreReport(plan=plan, started=started, seconds=seconds, datasets=opened)


def bring_back(
    job: Job, wanted: Wanted, hosts: Connections, progress: Progress, rate: int | None
) -> list[RestoreOutcome]:
    """Plan and receive, within a run: nothing is opened, and no property set. Raises what these raise."""
    return _receive_all(job, plan_with_retries(job, wanted, hosts, rate), hosts, progress, rate)


def _receive_all(
    job: Job, plan: RestorePlan, hosts: Connections, progress: Progress, rate: int | None
) -> list[RestoreOutcome]:
    limiter = Limiter(lambda: rate, wait=transfers.stop_event.wait)
    outcomes = list(_Restorer(job, plan.wanted, hosts, progress, limiter).bring_back(plan))
    transfers.check("restore", plan.wanted.dataset)
    return outcomes


@dataclass(frozen=True, slots=True)
class _Restorer:
    """What all transfers of one restore share."""

    job: Job
    wanted: Wanted
    hosts: Connections
    progress: Progress
    limiter: Limiter

    def bring_back(self, plan: RestorePlan) -> Iterator[RestoreOutcome]:
        """Level by level: a dataset needs the one above it to be there, be it only a place."""
        missing: list[str] = []
        places = sorted(plan.containers, key=_depth)
        with ThreadPoolExecutor(max_workers=self.job.parallel, thread_name_prefix="zoffsite") as pool:
            for level in _levels(plan.datasets):
                while places and _depth(places[0]) < _depth(level[0].target):
                    self._make(places.pop(0), plan, missing)
                for outcome in pool.map(lambda part: self._one(part, tuple(missing)), level):
                    yield outcome
                    if not outcome.state.good:
                        missing.append(outcome.plan.target)

    def _make(self, place: str, plan: RestorePlan, missing: Sequence[str]) -> None:
        """What comes back above it is locked still; below such a one zfs makes only what is not encrypted."""
        above = {part.target for part in plan.datasets if place.startswith(f"{part.target}/")}
        if not above.intersection(missing):
            self.hosts.receiver_of(self.job).create_container(place, locked=bool(above))

    def _one(self, part: Restoration, missing: tuple[str, ...]) -> RestoreOutcome:
        """Raises no ZoffsiteError: see the outcome."""
        above = next((each for each in missing if part.target.startswith(f"{each}/")), None)
        began = time.monotonic()
        try:
            if above is not None:
                raise _needs(part, above)
            if part.action is RestoreAction.THERE:
                return RestoreOutcome(plan=part, state=RestoreResult.THERE)
            count = with_retries(lambda number: self._attempt(part, number), self.job.retries)
        except ZoffsiteError as error:
            log.error("%s; %s", error, error.remedy)
            state = RestoreResult.REFUSED if isinstance(error, SafetyError) else RestoreResult.FAILED
            return RestoreOutcome(plan=part, state=state, error=ErrorReport.of(error))
        seconds = round(time.monotonic() - began, 3)
        return RestoreOutcome(plan=part, state=RestoreResult.RESTORED, bytes=count, seconds=seconds)

    def _attempt(self, part: Restoration, number: int) -> int:
        """Receive it, or the rest of it; after a failed attempt both ends are looked at and planned anew."""
        if number > 0:
            again = self.wanted if part.snapshot is None else replace(self.wanted, snapshot=part.snapshot.name)
            anew = preview_restore(self.job, again, self.hosts)
            part = next(each for each in anew.datasets if each.target == part.target)
        if part.action is RestoreAction.REFUSED or part.snapshot is None:
            raise SafetyError("restore", part.dataset, part.reason, part.remedy or "", code=part.code or "refused")
        return 0 if part.action is RestoreAction.THERE else self._receive(part, part.snapshot)

    def _receive(self, part: Restoration, snapshot: Snapshot) -> int:
        complete = False
        self.progress.start(part.target, part.estimated_bytes)
        try:
            count = retrieve(
                self.hosts.restore_box_of(self.job),
                self.hosts.receiver_of(self.job),
                part,
                snapshot,
                limiter=self.limiter,
                stall=self.job.stall,
                on_bytes=lambda count: self.progress.advance(part.target, count),
            )
            complete = True
        finally:
            self.progress.finish(part.target, complete=complete)
        return count


def _levels(parts: Iterable[Restoration]) -> list[list[Restoration]]:
    """By depth, the outermost first."""
    by_depth: dict[int, list[Restoration]] = {}
    for part in parts:
        by_depth.setdefault(_depth(part.target), []).append(part)
    return [by_depth[depth] for depth in sorted(by_depth)]


def _depth(name: str) -> int:
    return name.count("/")


def _needs(part: Restoration, above: str) -> OperationError:
    return OperationError(
        "restore",
        part.dataset,
        f"{above}, above its place, has not come back",
        "mend that first, and run it again: it goes on where it ended",
        code="parent-missing",
    )


def _above(wanted: Wanted) -> str:
    """The dataset that the restored tree is put into."""
    above = wanted.to.rpartition("/")[0]
    if not above:
        raise SafetyError(
            "restore to",
            wanted.to,
            "this is a whole pool, and a restore only makes new datasets",
            f"name one in it: --to {wanted.to}/restored",
            code="target-is-a-pool",
        )
    return above


def _no_restore_key(job: Job) -> SettingsError:
    return SettingsError(
        "restore from",
        job.box.label,
        "its gate sends nothing back to the key that backups use, and no other is named",
        "make one: ssh-keygen -t ed25519 -N '' -f ~/.ssh/zoffsite_restore; name it as `restore_identity_file` of the "
        "box, and let the box know it: zoffsite box kit, then its install",
        code="no-restore-key",
    )


def _remembered(memory: Memory | None) -> dict[str, str]:
    return {replica: known.dataset for replica, known in memory.replicas.items() if known.dataset} if memory else {}
