"""Which streams a run proves: single runs, and months of them in a world that goes on meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from zoffsite.model.inventory import DatasetState
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import Challenge, ProofPlan, Proofs, Provable, StreamDigest, Unit
from zoffsite.model.snapshots import Snapshots
from zoffsite.planning.coverage import Coverage
from zoffsite.planning.proving import KEPT, provable
from zoffsite.planning.rotation import Turn, choose, notices_of

from .make import NOON, dataset, job, replica_dataset, snap, there

WITHIN = timedelta(days=30)
NOW = datetime.fromtimestamp(NOON, UTC) + timedelta(days=100)
GB = 10**9


def stream(
    number: int, size: int = 10, proved: int | None = None, *, newest: bool = False, missing: int = 0
) -> Provable:
    """The increment to the snapshot with this number, taken on that day; `proved` so many days ago."""
    step = SendStep(to=snap(number), base=snap(number - 1), estimated_bytes=size)
    return Provable(
        dataset="tank/home",
        replica="vault/box/tank:home",
        ours=step,
        theirs=replace(step, to=there(number), base=there(number - 1)),
        proved=None if proved is None else NOW - timedelta(days=proved),
        newest=newest,
        missing=missing,
    )


def chosen(
    found: Sequence[Provable],
    at_most: int | None = None,
    seed: int = 1,
    began: datetime | None = NOW - timedelta(days=90),
    within: timedelta = WITHIN,
) -> ProofPlan:
    turn = Turn(now=NOW, within=within, at_most=at_most, began=began)
    return choose("home", found, turn, Random(seed))


def numbers(plan: ProofPlan) -> list[int]:
    return [each.ours.to.guid - 100 for each in plan.chosen]


def test_what_was_proved_lately_is_not_proved_again_and_all_else_is() -> None:
    plan = chosen([stream(2, proved=1), stream(3, proved=29), stream(99)])
    assert numbers(plan) == [3, 99]
    assert (plan.fresh, plan.later, plan.overdue) == (1, 0, ())


def test_the_longest_wait_comes_first_and_may_be_larger_than_a_run() -> None:
    plan = chosen([stream(2, proved=31), stream(3, size=500, proved=40), stream(4, proved=25)], at_most=100)
    assert numbers(plan) == [3]
    assert plan.later == len(("2", "4"))
    assert [each.ours.to for each in plan.overdue] == [snap(2)]


def test_what_was_never_proved_has_a_part_of_each_run_the_newest_first() -> None:
    old = [stream(number, proved=40) for number in range(2, 50)]
    new = [stream(number) for number in range(95, 99)]
    plan = chosen([*old, *new, stream(99, newest=True)], at_most=100)
    assert [each.proved is None for each in plan.chosen] == [False] * 8 + [True] * 2
    assert numbers(plan)[8] == 99


def test_what_was_never_proved_is_overdue_too_in_time_but_not_before_the_first_proof() -> None:
    found = [stream(2, size=500), stream(3, proved=26)]
    assert numbers(chosen(found, at_most=100)) == [2]
    late = chosen([*found, stream(4, size=400, proved=99)], at_most=100)
    assert [each.ours.to for each in late.overdue] == [snap(2)]
    assert chosen([stream(2, 500), stream(3, 400)], at_most=100, began=None).overdue == ()


def test_nobody_can_foresee_the_order_of_what_was_never_proved() -> None:
    many = [stream(number) for number in range(91, 99)]
    assert len({tuple(numbers(chosen(many, seed=seed))) for seed in range(20)}) > 10


def test_a_run_reads_no_more_than_it_may_with_the_challenges_but_one_stream_at_least() -> None:
    many = [stream(number, missing=KEPT) for number in range(80, 99)]
    assert sum(each.cost for each in chosen(many, at_most=130).chosen) == 120
    assert len(chosen(many, at_most=1).chosen) == 1
    assert len(chosen(many).chosen) == len(many)


def test_an_increment_whose_challenges_were_not_all_made_is_due_whenever_it_was_proved() -> None:
    assert numbers(chosen([stream(2, proved=1), stream(3, proved=1, missing=1)])) == [3]


def test_all_is_proved_again_within_no_time_and_nothing_is_late() -> None:
    plan = chosen([stream(2, proved=0), stream(3, proved=1), stream(99)], at_most=10, within=timedelta(0))
    assert (len(plan.chosen), plan.later, plan.overdue) == (1, 2, ())


def test_what_is_overdue_and_has_no_room_is_an_alert_that_says_how_much_room_it_wants() -> None:
    found = [stream(2, size=600 * GB, proved=40), stream(3, size=300 * GB, proved=31)]
    (alert,) = notices_of(job(), chosen(found, at_most=100 * GB))
    assert (alert.code, alert.subject, alert.alert) == ("proof-overdue", "home", True)
    assert "1 stream was not proved in time" in alert.message
    assert "tank/home" in alert.message
    assert '--at-most "900 GB"' in alert.remedy
    assert notices_of(job(), chosen(found)) == ()


def test_history_that_nobody_can_prove_is_told() -> None:
    turn = Turn(now=NOW, within=WITHIN, at_most=None, began=None)
    (notice,) = notices_of(job(), choose("home", [], turn, Random(1), beyond={"tank/home": 3}))
    assert (notice.code, notice.subject, notice.alert) == ("beyond-proof", "tank/home", False)
    assert notice.message.startswith("3 streams ")


@dataclass
class World:
    """Datasets of `sizes` with a snapshot each day that brings `daily`, thinned on both sides. All in GB."""

    sizes: tuple[int, ...]
    daily: float
    at_most: int
    last: dict[Unit, datetime] = field(default_factory=dict)
    kept: dict[Unit, Challenge] = field(default_factory=dict)
    began: datetime | None = None

    def run(self, day: int) -> tuple[ProofPlan, timedelta]:
        """What the run of that day chose, and for how long, after it, anything has not been proved."""
        now = datetime.fromtimestamp(NOON + 86400 * day, UTC)
        turn = Turn(now=now, within=WITHIN, at_most=self.at_most * GB, began=self.began or now)
        found = self.streams(day)
        plan = choose("home", found, turn, Random(day))
        self.began = turn.began
        self.last |= {each.unit: now for each in plan.chosen}
        self.kept |= dict.fromkeys((each.unit for each in plan.chosen if each.missing), ANSWERED)
        chosen = {each.unit for each in plan.chosen}
        waiting = [turn.waits_since(each) for each in found if each.unit not in chosen]
        return plan, now - min(waiting, default=now)

    def streams(self, day: int) -> list[Provable]:
        """Of each dataset: those of the last two weeks, and one a week of the last two months."""
        coverage = Coverage(Proofs(last=self.last))
        days = [each for each in range(1, day + 1) if each > day - 14 or (each % 7 == 0 and each > day - 60)]
        found: list[Provable] = []
        for number, size in enumerate(self.sizes):
            ours, theirs = f"tank/{number}", f"vault/{number}"
            source = DatasetState(dataset=dataset(ours), snapshots=self.snapshots(ours, days, size))
            box = DatasetState(dataset=replica_dataset(theirs), snapshots=self.snapshots(theirs, days, size))
            found += provable(source, box, coverage, self.kept)
        return found

    def snapshots(self, where: str, days: Sequence[int], size: int) -> Snapshots:
        return Snapshots.of(
            snap(to, where=where, written=int(self.daily * GB) * (to - base), referenced=size * GB)
            for base, to in pairwise((days[0] - 1, *days))
        )


ANSWERED = Challenge(number=0, nonce=b"", answer=StreamDigest(digest="", toguid=0, fromguid=0, bytes=0), left=KEPT)
MONTHS = range(20, 120)


@pytest.mark.parametrize("sizes", [(500, *[50] * 19), (10,) * 5, (2000, 10)])
def test_run_after_run_everything_is_proved_within_the_time_while_the_world_goes_on(sizes: tuple[int, ...]) -> None:
    world = World(sizes=sizes, daily=0.1, at_most=100)
    for day in MONTHS:
        plan, wait = world.run(day)
        assert wait <= WITHIN
        assert notices_of(job(), plan) == ()


def test_a_run_that_may_read_too_little_is_told_in_time() -> None:
    world = World(sizes=(15,) * 6, daily=1, at_most=10)
    late = [day for day in MONTHS if any(notice.alert for notice in notices_of(job(), world.run(day)[0]))]
    assert late[0] <= MONTHS[0] + WITHIN.days + 1
    assert late[-1] == MONTHS[-1]
