"""The planner over EVERY arrangement of up to six versions, carried out on a tiny model of what `zfs receive` accepts.

Of each version, numbered 1, 2, 3 … by age, the source has nothing, a snapshot of ours, one of another tool, or only a
bookmark; and the box has it or not. None of the 8**6 arrangements is left out, but equal ones are planned once:

- A version that neither side has does not exist. Versions have an order and nothing else, so such an arrangement of six
  IS an arrangement of fewer, and those are all here: 1 + 7 + 7**2 … 7**6 = 137,257.
- Where the selection is `all`, a snapshot's name is never asked for: ours and other are one, 1 + 5 + … 5**6 = 19,531.

What else the two sides can have (both a snapshot and its bookmark, names that differ, guids that repeat names, tokens)
is in `test_sends_beyond.py`, or for fewer versions below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import pytest

from zoffsite.model.inventory import DatasetState, TokenContents
from zoffsite.model.job import Job, Selection
from zoffsite.model.plan import (
    Conflict,
    DatasetPlan,
    FullSend,
    IncrementalSend,
    Refused,
    ResumeSend,
    SendStep,
    UpToDate,
)
from zoffsite.model.version import Bookmark
from zoffsite.planning.sends import plan_sends

from .make import REPLICA, job, mark, replica, snap, source, there, token

GONE, OURS, OTHER, MARK = "gone", "ours", "other", "bookmark"
NUMBERS = range(1, 7)
NUMBER = {100 + number: number for number in NUMBERS}
"""The number that a guid of `make` stands for."""

SNAPSHOTS = {(kind, n): snap(n, ours=kind == OURS) for kind in (OURS, OTHER) for n in NUMBERS}
MARKS = {n: mark(n) for n in NUMBERS}
THERE = {n: there(n) for n in NUMBERS}
JOBS = {selection: job(selection=selection) for selection in Selection}


class Here:
    """What the source has of version 1, 2, 3 …"""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds = kinds
        self.all = [n for n, kind in enumerate(kinds, 1) if kind in (OURS, OTHER)]
        self.ours = [n for n, kind in enumerate(kinds, 1) if kind == OURS]
        self.state = source(
            *(SNAPSHOTS[kinds[n - 1], n] for n in self.all),
            bookmarks=[MARKS[n] for n, kind in enumerate(kinds, 1) if kind == MARK],
        )
        self.sizes = sum(2**n for n in self.all)  # the snapshot n holds 2**n bytes, so sums are sets of bits

    def has(self, number: int) -> bool:
        """The snapshot or its bookmark."""
        return self.kinds[number - 1] != GONE

    def wanted(self, selection: Selection, after: int) -> list[int]:
        newer = [n for n in (self.all if selection is Selection.ALL else self.ours) if n > after]
        return newer[-1:] if selection is Selection.LATEST else newer

    def boxes(self) -> Iterator[tuple[int, ...]]:
        """Every set of versions that the box can have: of those that are gone here, all."""
        choices = ((n,) if kind == GONE else (0, n) for n, kind in enumerate(self.kinds, 1))
        return (tuple(n for n in choice if n) for choice in product(*choices))


@cache
def on_box(box: tuple[int, ...], offered: str | None = None) -> DatasetState | None:
    return replica(*(THERE[n] for n in box), resume_token=offered) if box or offered else None


def every_source(most: int, kinds: Sequence[str] = (GONE, OURS, OTHER, MARK)) -> Iterator[Here]:
    for count in range(most + 1):
        yield from map(Here, product(kinds, repeat=count))


def carried_out(steps: Sequence[SendStep], here: Here, box: Sequence[int], *, resumed: bool = False) -> list[int]:
    """Do what ZFS does: receive only onto nothing, or onto the newest snapshot; send only what the source has."""
    after = list(box)
    for number, step in enumerate(steps):
        to, base = NUMBER[step.to.guid], None if step.base is None else NUMBER[step.base.guid]
        assert here.kinds[to - 1] in (OURS, OTHER), "sends what is not there"
        if base is None:
            assert not after, "a full send where the box has a snapshot"
            expected = 1000 + to
        else:
            assert after[-1:] == [base], "not the newest snapshot of the box"
            assert base < to
            assert isinstance(step.base, Bookmark) is (here.kinds[base - 1] == MARK)
            expected = here.sizes & ((2 << to) - (2 << base))
        assert step.estimated_bytes == (77 if resumed and number == 0 else expected)
        after.append(to)
    return after


def check(here: Here, box: tuple[int, ...], selection: Selection, plan: DatasetPlan) -> None:
    newest = box[-1] if box else 0
    if box and not here.has(newest):
        check_divergence(here, box, plan)
        return
    wanted = here.wanted(selection, newest)
    match plan:
        case FullSend() | IncrementalSend():
            assert wanted
            assert isinstance(plan, FullSend) is not bool(box), "a full send exactly where the box has nothing"
            assert len(plan.steps) == len(wanted), "the fewest sends are one for each selected snapshot"
            assert carried_out(plan.steps, here, box) == [*box, *wanted]
        case UpToDate():
            assert box
            assert not wanted
            assert plan.newest.guid == 100 + newest
        case Conflict():
            assert plan.code == "no-snapshot"
            assert not box
            assert not wanted
        case _:
            pytest.fail(f"{plan} for {here.kinds} and {box}")


def check_divergence(here: Here, box: tuple[int, ...], plan: DatasetPlan) -> None:
    """The conflict is true: what it calls unknown is, and what it calls common is, and nothing after that."""
    assert isinstance(plan, Conflict)
    assert plan.code == "diverged"
    assert f"@{THERE[box[-1]].name}" in plan.reason
    common = [n for n in box if here.has(n)]
    if common:
        assert f"after @{THERE[common[-1]].name}, the last both sides have" in plan.reason
    else:
        assert "no snapshot in common" in plan.reason


def planned(chosen: Job, here: Here, box: tuple[int, ...], offered: TokenContents | None = None) -> DatasetPlan:
    return plan_sends(chosen, here.state, on_box(box, offered and offered.token), offered, REPLICA)


@pytest.mark.parametrize(
    ("selection", "kinds", "count"),
    [
        (Selection.OURS, (GONE, OURS, OTHER, MARK), 137_257),
        (Selection.LATEST, (GONE, OURS, OTHER, MARK), 137_257),
        (Selection.ALL, (GONE, OURS, MARK), 19_531),
    ],
)
def test_every_plan_ends_with_what_is_selected_on_the_box_in_order_or_in_a_conflict_that_is_true(
    selection: Selection, kinds: tuple[str, ...], count: int
) -> None:
    chosen, done = JOBS[selection], 0
    for here in every_source(6, kinds):
        for box in here.boxes():
            check(here, box, selection, planned(chosen, here, box))
            done += 1
    assert done == count


def test_a_bookmark_beside_its_snapshot_changes_no_plan() -> None:
    for here in every_source(5):
        marked = source(*here.state.snapshots, bookmarks=[MARKS[n] for n in NUMBERS if n <= len(here.kinds)])
        for box in here.boxes():
            if not box or here.kinds[box[-1] - 1] in (OURS, OTHER):
                there_too = plan_sends(JOBS[Selection.OURS], marked, on_box(box), None, REPLICA)
                assert there_too == planned(JOBS[Selection.OURS], here, box)


def every_token(length: int) -> Iterator[TokenContents]:
    numbers = range(1, length + 1)
    for to, base, raw in product((*numbers, 99), (None, *numbers, 99), (True, False)):
        yield token(to, base, raw=raw)


def test_a_token_is_used_exactly_when_it_is_for_a_send_that_could_have_been_planned() -> None:
    used = 0
    offers = list(every_token(3))
    for here in every_source(3):
        for box in here.boxes():
            for offered in offers:
                used += check_token(here, box, offered)
    assert used > 100


def check_token(here: Here, box: tuple[int, ...], offered: TokenContents) -> bool:
    plan = planned(JOBS[Selection.OURS], here, box, offered)
    newest = box[-1] if box else 0
    if box and not here.has(newest):
        check_divergence(here, box, plan)
        return False
    to = offered.toguid - 100
    if not offered.raw or to not in here.all or to <= newest or offered.fromguid != (100 + newest if newest else 0):
        assert isinstance(plan, Refused)
        assert plan.code == "unplanned-token"
        return False
    assert isinstance(plan, ResumeSend)
    assert carried_out(plan.steps, here, box, resumed=True) == [*box, to, *here.wanted(Selection.OURS, to)]
    return True


def test_a_stale_token_changes_nothing_but_that_it_is_aborted_first() -> None:
    stale = token(99, 98, stale="gone")
    for here in every_source(3):
        for box in here.boxes():
            plan = planned(JOBS[Selection.OURS], here, box, stale)
            check(here, box, Selection.OURS, plan)
            if isinstance(plan, FullSend | IncrementalSend | UpToDate):
                assert plan.stale_token == stale.token
