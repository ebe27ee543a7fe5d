"""The planner beyond what can be enumerated: longer histories, names that lie, bookmarks of others, all tokens.

Every plan is carried out on a model of what `zfs receive` accepts, as in `test_sends_every_arrangement.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zoffsite.model.inventory import TokenContents
from zoffsite.model.job import Job
from zoffsite.model.plan import (
    Conflict,
    DatasetPlan,
    FullSend,
    IncrementalSend,
    Refused,
    ResumeSend,
    Send,
    SendStep,
    UpToDate,
)
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.planning.sends import plan_sends
from zoffsite.zfs import argv

from .make import REPLICA, SOURCE
from .worlds import World, jobs, worlds

TOKEN = "1-a-b-c"


def guid_of(snapshot: Snapshot | None) -> int | None:
    return None if snapshot is None else snapshot.guid


def size(step: SendStep, world: World) -> int:
    """What the source counts from the base to the snapshot."""
    if step.base is None:
        return step.to.referenced
    return sum(s.written for s in world.after(step.base.guid) if s.createtxg <= step.to.createtxg)


def carried_out(steps: Sequence[SendStep], world: World, *, resumed: bool = False) -> list[int]:
    """The box's guids after the steps: each received onto nothing or onto the newest, and sent from what is here."""
    after = [snapshot.guid for snapshot in world.replica]
    for number, step in enumerate(steps):
        assert step.to in world.source.snapshots, "sends what is not there"
        if step.base is None:
            assert not after, "a full send where the box has a snapshot"
        else:
            assert step.base in world.versions
            assert after[-1:] == [step.base.guid], "not the newest snapshot of the box"
            assert step.base.createtxg < step.to.createtxg
        check_command(step)
        assert step.estimated_bytes == (77 if resumed and number == 0 else size(step, world))
        after.append(step.to.guid)
    return after


def check_command(step: SendStep) -> None:
    """One plain raw stream: -I, -R and -p would make something else of it."""
    base = [] if step.base is None else ["-i", step.base.full_name]
    assert argv.send(step) == ["zfs", "send", "-w", *base, step.to.full_name]


def check(world: World, chosen: Job, plan: DatasetPlan) -> None:
    """The plan where nothing is to be resumed."""
    newest = guid_of(world.newest)
    if newest is not None and newest not in world.known:
        check_divergence(world, plan)
        return
    wanted = [snapshot.guid for snapshot in world.wanted(chosen, newest)]
    match plan:
        case FullSend() | IncrementalSend():
            assert isinstance(plan, FullSend) is (newest is None)
            assert len(plan.steps) == len(wanted) > 0, "the fewest sends are one for each selected snapshot"
            assert carried_out(plan.steps, world) == [*(s.guid for s in world.replica), *wanted]
        case UpToDate():
            assert not wanted
            assert plan.newest.guid == newest
        case Conflict():
            assert plan.code == "no-snapshot"
            assert newest is None
            assert not wanted
        case _:
            pytest.fail(f"{plan}")


def check_divergence(world: World, plan: DatasetPlan) -> None:
    assert isinstance(plan, Conflict)
    assert plan.code == "diverged"
    common = [snapshot for snapshot in world.replica if snapshot.guid in world.known]
    unknown = world.replica[world.replica.index(common[-1]) + 1 :] if common else world.replica
    assert f"@{unknown[-1].name}" in plan.reason
    assert (f"after @{common[-1].name}, the last both sides have" if common else "no snapshot in common") in plan.reason
    if "destroy" in plan.remedy:
        check_destroy(plan.remedy, common, unknown)


def check_destroy(remedy: str, common: Sequence[Snapshot], unknown: Sequence[Snapshot]) -> None:
    """What a person is told to destroy is what only the box has, holds nothing, and leaves a base."""
    assert common
    assert not any(snapshot.written for snapshot in unknown)
    ends = f"{REPLICA}@{unknown[0].name}" + (f"%{unknown[-1].name}" if len(unknown) > 1 else "")
    assert remedy.endswith((f"zfs destroy {ends}", f"zfs destroy '{ends}'"))


@settings(max_examples=2 * settings().max_examples)
@given(worlds(), jobs)
def test_every_plan_ends_with_what_is_selected_on_the_box_in_order_or_in_a_conflict_that_is_true(
    world: World, chosen: Job
) -> None:
    box = world.box() if world.replica else None
    check(world, chosen, plan_sends(chosen, world.source, box, None, REPLICA))


@given(worlds(), jobs, st.permutations(range(12)))
def test_names_decide_nothing_but_what_is_selected(world: World, chosen: Job, order: list[int]) -> None:
    """Whatever the box calls its snapshots, the same is sent."""
    assume(world.replica)
    names = [f"any-{order[number]}" for number in range(len(world.replica))]
    renamed = [replace(snapshot, name=name) for snapshot, name in zip(world.replica, names, strict=True)]
    plan = plan_sends(chosen, world.source, world.box(), None, REPLICA)
    other = plan_sends(chosen, world.source, replace(world.box(), snapshots=Snapshots.of(renamed)), None, REPLICA)
    if isinstance(plan, Send):
        assert plan == other
    else:
        assert type(plan) is type(other)


@given(worlds(), jobs)
def test_a_base_may_be_a_bookmark_of_anyone_once_the_snapshot_is_gone(world: World, chosen: Job) -> None:
    newest = world.newest
    assume(newest is not None and any(b.guid == newest.guid for b in world.source.bookmarks))
    assert newest is not None
    left = tuple(s for s in world.source.snapshots if s.guid != newest.guid)
    without = World(replace(world.source, snapshots=Snapshots.of(left)), world.replica, world.whose)
    plan = plan_sends(chosen, without.source, without.box(), None, REPLICA)
    check(without, chosen, plan)
    assert isinstance(plan, IncrementalSend | UpToDate)
    if isinstance(plan, IncrementalSend):
        assert isinstance(plan.steps[0].base, Bookmark)


@st.composite
def tokens(draw: st.DrawFn, world: World) -> TokenContents:
    """A token of an interrupted send, honest or forged in one or more places."""
    base = guid_of(world.newest)
    guids = sorted(world.known | {snapshot.guid for snapshot in world.replica})
    newer = [s.guid for s in world.after(base)] if base is None or base in world.known else []
    could_be = draw(st.booleans())
    return TokenContents(
        token=TOKEN,
        sends=f"{SOURCE}@any",
        toguid=draw(st.sampled_from(newer if newer and could_be else [*guids, 4711])),
        fromguid=draw(st.sampled_from([base or 0, base or 0, *guids, 0])),
        raw=draw(st.sampled_from([True, True, True, False])),
        received_bytes=1,
        remaining_bytes=77,
    )


@settings(max_examples=2 * settings().max_examples)
@given(worlds(), jobs, st.data())
def test_a_token_is_used_exactly_when_it_is_for_a_send_that_could_have_been_planned(
    world: World, chosen: Job, data: st.DataObject
) -> None:
    base = guid_of(world.newest)
    offered = data.draw(tokens(world))
    plan = plan_sends(chosen, world.source, world.box(resume_token=TOKEN), offered, REPLICA)
    if base is not None and base not in world.known:
        check_divergence(world, plan)
        return
    could_be = offered.toguid in {s.guid for s in world.after(base)}
    if not (offered.raw and could_be and offered.fromguid == (base or 0)):
        assert isinstance(plan, Refused)
        assert plan.code == "unplanned-token"
        return
    rest = [snapshot.guid for snapshot in world.wanted(chosen, offered.toguid)]
    assert isinstance(plan, ResumeSend)
    assert plan.token == TOKEN
    assert carried_out(plan.steps, world, resumed=True) == [*(s.guid for s in world.replica), offered.toguid, *rest]


@given(worlds(), jobs, st.data())
def test_a_stale_token_changes_nothing_but_that_it_is_aborted_first(
    world: World, chosen: Job, data: st.DataObject
) -> None:
    stale = replace(data.draw(tokens(world)), stale="gone")
    plan = plan_sends(chosen, world.source, world.box(resume_token=TOKEN), stale, REPLICA)
    check(world, chosen, plan)
    if isinstance(plan, FullSend | IncrementalSend | UpToDate):
        assert plan.stale_token == TOKEN


@given(worlds(), jobs, st.data())
def test_a_token_that_the_source_was_not_asked_about_is_never_used(
    world: World, chosen: Job, data: st.DataObject
) -> None:
    """The box showed one token when it was listed, and another one was decoded."""
    other = data.draw(st.none() | tokens(world).map(lambda token: replace(token, token="1-d-e-f")))
    plan = plan_sends(chosen, world.source, world.box(resume_token=TOKEN), other, REPLICA)
    assert isinstance(plan, Refused | Conflict)
    assert plan.code in ("unplanned-token", "diverged")
