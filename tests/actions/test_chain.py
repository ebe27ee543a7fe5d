"""The chain of one dataset, with steps that are plain functions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.planning.make import JOB, REPLICA, SOURCE, mark, replica, snap, source, there
from zoffsite.actions.chain import Verbs, replicate, settled, split
from zoffsite.actions.progress import log_progress, shown_on_board
from zoffsite.live import on_board
from zoffsite.model.errors import ConflictError, OperationError, SafetyError, TransferError, ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.plan import JobPlan, PrunePlan, Refused, Side
from zoffsite.model.report import DatasetResult
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot
from zoffsite.model.work import JobWork, Pruned, Sent, Work
from zoffsite.planning.sends import plan_sends

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


def work_of(here: DatasetState, on_box: DatasetState | None) -> Work:
    return Work(plan=plan_sends(JOB, here, on_box, None, REPLICA), source=here, replica=on_box)


class Steps:
    """Steps that write down what was asked of them, and fail where they are told to."""

    def __init__(self, fail: dict[str, ZoffsiteError] | None = None) -> None:
        self.done: list[str] = []
        self._fail = fail or {}

    def _do(self, step: str) -> None:
        self.done.append(step)
        if step in self._fail:
            raise self._fail[step]

    def send(self, _job: Job, work: Work) -> Sent:
        self._do("send")
        assert work.source.newest is not None
        return Sent(newest=work.source.newest, bytes=7, seconds=1.5)

    def verify(self, _job: Job, name: str, newest: Snapshot) -> DatasetState:
        self._do("verify")
        assert (name, newest.guid) == (REPLICA, snap(2).guid)
        return replica(there(1), there(2))

    def prune(self, _job: Job, _source: DatasetState, _replica: DatasetState, _newest: Snapshot) -> Pruned:
        self._do("prune")
        return Pruned(source=2, box=3)

    @property
    def verbs(self) -> Verbs:
        return Verbs(send=self.send, verify=self.verify, prune=self.prune)


INCREMENTAL = work_of(source(snap(1), snap(2)), replica(there(1)))


def test_a_dataset_is_sent_then_verified_then_pruned() -> None:
    steps = Steps()
    outcome = replicate(JOB, INCREMENTAL, steps.verbs)
    assert steps.done == ["send", "verify", "prune"]
    assert (outcome.state, outcome.bytes, outcome.seconds, outcome.verified) == (DatasetResult.SENT, 7, 1.5, True)
    assert (outcome.pruned_source, outcome.pruned_box, outcome.error) == (2, 3, None)
    assert (outcome.snapshot, outcome.guid) == (snap(2).name, snap(2).guid)


@pytest.mark.parametrize(
    ("step", "kind", "state"),
    [
        ("send", TransferError, DatasetResult.FAILED),
        ("send", SafetyError, DatasetResult.REFUSED),
        ("send", ConflictError, DatasetResult.CONFLICT),
        ("verify", OperationError, DatasetResult.FAILED),
        ("prune", OperationError, DatasetResult.FAILED),
    ],
)
def test_a_failed_step_ends_the_chain_and_is_the_outcome(
    step: str, kind: type[ZoffsiteError], state: DatasetResult
) -> None:
    steps = Steps({step: kind("do", "it", "it broke", "mend it", code="broken", transient=True)})
    outcome = replicate(JOB, INCREMENTAL, steps.verbs)
    assert steps.done[-1] == step
    assert outcome.state is state
    assert outcome.verified is (step == "prune")
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.remedy, outcome.error.transient) == ("broken", "mend it", True)


def test_all_attempts_are_counted_also_where_the_last_one_failed(tmp_path: Path) -> None:
    class Tries(Steps):
        """Three attempts, of 5 bytes each; the last one fails where it is told to."""

        def send(self, job: Job, work: Work) -> Sent:
            progress = shown_on_board("home", log_progress())
            for _ in range(3):
                progress.start(SOURCE, 100)
                progress.advance(SOURCE, 5)
                progress.finish(SOURCE, complete=False)
            return super().send(job, work)

    broken: ZoffsiteError = TransferError("send", SOURCE, "it broke", "again", code="broken", transient=True)
    for fail, state in ((None, DatasetResult.SENT), ({"send": broken}, DatasetResult.FAILED)):
        with on_board("home", "brave-otter", NOW, tmp_path):
            outcome = replicate(JOB, INCREMENTAL, Tries(fail).verbs)
        assert (outcome.state, outcome.bytes) == (state, 15)
        assert outcome.seconds < 1.5  # not that of `Sent`: what the three took


def test_nothing_is_pruned_unless_the_replica_was_verified() -> None:
    steps = Steps({"verify": OperationError("verify", "it", "wrong guid", "look", code="verify-failed")})
    replicate(JOB, INCREMENTAL, steps.verbs)
    assert "prune" not in steps.done


def refused(code: str) -> Work:
    plan = Refused(source=SOURCE, replica=REPLICA, code=code, reason="it does not fit", remedy="make room")
    return Work(plan=plan, source=source(snap(1), snap(2)), replica=replica(there(1), there(2)))


def pruning(work: Work) -> JobWork:
    gone = PrunePlan(side=Side.BOX, dataset=REPLICA, snapshots=Snapshots.of([there(1), there(2)]), reasons={2: ("",)})
    plan = JobPlan(job="home", to_snapshot=(), datasets=(work.plan,), prune=(gone,))
    return JobWork(plan=plan, datasets=(work,))


def test_where_only_room_is_missing_retention_frees_it_and_the_dataset_stays_refused() -> None:
    known, rest = split(JOB, pruning(refused("no-space")))
    assert (known, len(rest)) == ([], 1)
    steps = Steps()
    outcome = replicate(JOB, rest[0], steps.verbs)
    assert steps.done == ["verify", "prune"]
    assert (outcome.state, outcome.pruned_source, outcome.pruned_box) == (DatasetResult.REFUSED, 2, 3)
    assert outcome.error is not None
    assert outcome.error.code == "no-space"


def test_a_replica_that_is_not_as_it_must_be_is_not_pruned_for_room_either() -> None:
    steps = Steps({"verify": OperationError("verify", "it", "wrong guid", "look", code="verify-failed")})
    outcome = replicate(JOB, refused("no-space"), steps.verbs)
    assert steps.done == ["verify"]
    assert outcome.error is not None
    assert outcome.error.code == "no-space"


def test_an_error_that_nobody_thought_of_stops_no_other_dataset_there_either() -> None:
    class Broken(Steps):
        def prune(self, *_: object) -> Pruned:
            raise ZeroDivisionError

    outcome = replicate(JOB, refused("no-space"), Broken().verbs)
    assert outcome.error is not None
    assert (outcome.state, outcome.error.code) == (DatasetResult.FAILED, "unexpected")


def test_what_is_refused_for_another_reason_is_left_alone() -> None:
    known, rest = split(JOB, pruning(refused("key-changed")))
    assert ([each.state for each in known], rest) == ([DatasetResult.REFUSED], [])


def test_a_dataset_that_is_up_to_date_bookmarked_and_pruned_costs_no_step() -> None:
    same = source(snap(1), snap(2), bookmarks=[mark(2)])
    assert settled(JOB, work_of(same, replica(there(1), there(2))), ())


@pytest.mark.parametrize("where", [(Side.SOURCE, SOURCE), (Side.BOX, REPLICA)])
def test_a_dataset_of_which_something_is_to_be_pruned_is_work(where: tuple[Side, str]) -> None:
    same = work_of(source(snap(1), snap(2), bookmarks=[mark(2)]), replica(there(1), there(2)))
    assert not settled(JOB, same, {where})
    assert settled(JOB, same, {(Side.SOURCE, REPLICA), (Side.BOX, SOURCE)})


def test_a_missing_bookmark_or_a_replica_that_is_not_as_it_must_be_is_work() -> None:
    same = source(snap(1), snap(2))
    assert not settled(JOB, work_of(same, replica(there(1), there(2))), ())
    marked = source(snap(1), snap(2), bookmarks=[mark(2)])
    pending = replica(there(1), there(2), resume_token="1-a-b-c")
    assert not settled(
        JOB, Work(plan=work_of(marked, replica(there(1), there(2))).plan, source=marked, replica=pending), ()
    )


def test_refusals_and_conflicts_are_outcomes_at_once_and_the_rest_goes_on() -> None:
    plain = work_of(source(snap(1), name="tank/plain", encryption="off"), None)
    diverged = work_of(source(snap(2)), replica(there(1), there(3)))
    todo = JobWork(
        plan=JobPlan(job="home", to_snapshot=(), datasets=(), prune=()), datasets=(plain, diverged, INCREMENTAL)
    )
    known, rest = split(JOB, todo)
    assert [(outcome.source, outcome.state) for outcome in known] == [
        ("tank/plain", DatasetResult.REFUSED),
        (SOURCE, DatasetResult.CONFLICT),
    ]
    assert all(outcome.error and outcome.error.remedy for outcome in known)
    assert rest == [INCREMENTAL]
