"""The planner over EVERY arrangement of a few versions, carried out on a tiny model of what `zfs receive` accepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from zoffsite.model.inventory import DatasetState, TokenContents
from zoffsite.model.job import Selection
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
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.planning.sends import plan_sends

from .make import REPLICA, job, mark, replica, snap, source, there, token

GONE, OURS, OTHER, MARK = "gone", "ours", "other", "bookmark"
KINDS = (GONE, OURS, OTHER, MARK)


@dataclass(frozen=True)
class Case:
    """Version 1, 2, 3 … by what the source has of it, and whether the box has it."""

    kinds: tuple[str, ...]
    held: tuple[bool, ...]

    @property
    def box(self) -> list[int]:
        return [number for number, held in enumerate(self.held, 1) if held]

    def numbers(self, *kinds: str) -> list[int]:
        return [number for number, kind in enumerate(self.kinds, 1) if kind in kinds]

    def source(self) -> DatasetState:
        return source(
            *(snap(n, ours=self.kinds[n - 1] == OURS) for n in self.numbers(OURS, OTHER)),
            bookmarks=[mark(n) for n in self.numbers(MARK)],
        )

    def replica(self) -> DatasetState | None:
        return replica(*map(there, self.box)) if self.box else None

    def wanted(self, selection: Selection, after: int) -> list[int]:
        kinds = (OURS, OTHER) if selection is Selection.ALL else (OURS,)
        newer = [number for number in self.numbers(*kinds) if number > after]
        return newer[-1:] if selection is Selection.LATEST else newer


def every_case(length: int, kinds: tuple[str, ...] = KINDS) -> Iterator[Case]:
    for arrangement in product(product(kinds, (False, True)), repeat=length):
        yield Case(tuple(kind for kind, _ in arrangement), tuple(held for _, held in arrangement))


def receive(box: list[int], step: SendStep, case: Case, *, resumed: bool = False) -> None:
    """Do what ZFS does: only onto nothing, or onto the newest snapshot; only from what the source has."""
    to = step.to.guid - 100
    assert case.kinds[to - 1] in (OURS, OTHER), "sends what is not there"
    if step.base is None:
        assert not box, "a full send onto a dataset with snapshots"
    else:
        base = step.base.guid - 100
        assert box[-1:] == [base], "not the newest snapshot of the box"
        kind = Bookmark if case.kinds[base - 1] == MARK else Snapshot
        assert isinstance(step.base, kind)
        assert base < to
    assert step.estimated_bytes == (77 if resumed else expected_size(step, case))
    box.append(to)


def expected_size(step: SendStep, case: Case) -> int:
    to = step.to.guid - 100
    if step.base is None:
        return 1000 + to
    return sum(2**n for n in case.numbers(OURS, OTHER) if step.base.guid - 100 < n <= to)


def check(case: Case, selection: Selection, plan: DatasetPlan) -> None:
    box = case.box
    newest = box[-1] if box else 0
    wanted = case.wanted(selection, newest)
    if box and case.kinds[newest - 1] == GONE:
        assert isinstance(plan, Conflict)
        assert plan.code == "diverged"
        return
    match plan:
        case FullSend() | IncrementalSend():
            assert isinstance(plan, FullSend) is not bool(box)
            assert wanted
            for step in plan.steps:
                receive(box, step, case)
            assert box == [*case.box, *wanted]
        case UpToDate():
            assert box
            assert not wanted
            assert plan.newest.guid == 100 + newest
        case Conflict():
            assert plan.code == "no-snapshot"
            assert not box
            assert not wanted
        case _:
            pytest.fail(f"{plan} for {case}")


@pytest.mark.parametrize(
    ("selection", "length", "kinds"),
    [(Selection.OURS, 5, KINDS), (Selection.ALL, 5, (GONE, OURS, MARK)), (Selection.LATEST, 4, KINDS)],
)
def test_every_plan_ends_with_what_is_selected_on_the_box_in_order_or_in_a_conflict_that_is_true(
    selection: Selection, length: int, kinds: tuple[str, ...]
) -> None:
    chosen = job(selection=selection)
    for case in every_case(length, kinds):
        check(case, selection, plan_sends(chosen, case.source(), case.replica(), None, REPLICA))


def every_token(length: int) -> Iterator[TokenContents]:
    numbers = range(1, length + 1)
    for to, base, raw in product((*numbers, 99), (None, *numbers, 99), (True, False)):
        yield token(to, base, raw=raw)


def test_a_token_is_used_exactly_when_it_is_for_a_send_that_could_have_been_planned() -> None:
    chosen = job(selection=Selection.OURS)
    used = 0
    for case in every_case(3):
        box = case.box
        newest = box[-1] if box else 0
        target = replica(*map(there, box), resume_token="1-a-b-c")
        for offered in every_token(3):
            plan = plan_sends(chosen, case.source(), target, offered, REPLICA)
            if box and case.kinds[newest - 1] == GONE:
                assert isinstance(plan, Conflict)
                continue
            honest = (
                offered.raw
                and offered.toguid - 100 in case.numbers(OURS, OTHER)
                and offered.toguid - 100 > newest
                and offered.fromguid == (100 + newest if newest else 0)
            )
            assert isinstance(plan, ResumeSend if honest else Refused)
            if isinstance(plan, ResumeSend):
                used += 1
                first, *rest = plan.steps
                assert first.to.guid == offered.toguid
                after = list(box)
                receive(after, first, case, resumed=True)
                for step in rest:
                    receive(after, step, case)
                assert after == [*box, first.to.guid - 100, *case.wanted(Selection.OURS, first.to.guid - 100)]
            else:
                assert isinstance(plan, Refused)
                assert plan.code == "unplanned-token"
    assert used > 100


def test_a_stale_token_changes_nothing_but_that_it_is_aborted_first() -> None:
    chosen = job(selection=Selection.OURS)
    for case in every_case(3):
        target = replica(*map(there, case.box), resume_token="1-a-b-c")
        stale = token(99, 98, stale="gone")
        plan = plan_sends(chosen, case.source(), target, stale, REPLICA)
        check(case, Selection.OURS, plan)
        if isinstance(plan, FullSend | IncrementalSend | UpToDate):
            assert plan.stale_token == "1-a-b-c"
