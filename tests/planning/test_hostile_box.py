"""A box that lies about what it has. What such a lie can cost at most is in docs/reference/hostile-box.md.

A lie is any listing that the parser lets through: GUIDs of the source's, of nobody's, in any order, at any time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoffsite.model.dataset import KeyStatus
from zoffsite.model.inventory import DatasetState, TokenContents
from zoffsite.model.job import Job, Retention
from zoffsite.model.plan import Conflict, FullSend, IncrementalSend, Refused, ResumeSend, Send, Side, UpToDate
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.planning.bookmarks import bookmark_name, is_our_bookmark, superseded, to_bookmark
from zoffsite.planning.common_base import Base, Diverged, find_base
from zoffsite.planning.freshness import LEEWAY, taken_at
from zoffsite.planning.naming import is_ours
from zoffsite.planning.retention import plan_both_prunes
from zoffsite.planning.sends import plan_sends
from zoffsite.planning.verification import check_replica
from zoffsite.zfs import argv

from .make import NOON, REPLICA, SOURCE, job, mark, replica, snap, source, there
from .worlds import World, jobs, worlds

NOW = datetime.fromtimestamp(NOON + 86400, UTC)
TOKEN = "1-a-b-c"

retentions = st.builds(
    Retention,
    last=st.integers(1, 3),
    within=st.none() | st.just(timedelta(hours=16)),
    hourly=st.integers(0, 2),
    daily=st.integers(0, 1),
)
keeping_jobs = st.builds(
    lambda chosen, here, there: replace(chosen, keep_source=here, keep_box=there), jobs, retentions, retentions
)


@st.composite
def lies(draw: st.DrawFn, world: World) -> DatasetState:
    """What the box says it has: snapshots of any guids that it can know, or invents, in whatever order of txgs."""
    known = sorted(world.known | {snapshot.guid for snapshot in world.replica} | {4711, 4712})
    common = [snapshot.guid for snapshot in world.source.snapshots]
    some = st.integers(0, len(common)).map(lambda count: common[:count])
    guids = draw(st.lists(st.sampled_from(known), unique=True, max_size=8) | some)
    txgs = draw(st.permutations(range(len(guids))))
    names = draw(st.sampled_from([[s.name for s in world.source.snapshots], []]))
    claimed = [
        Snapshot(
            dataset=REPLICA,
            name=names[place] if place < len(names) else f"claimed-{place}",
            guid=guid,
            createtxg=txgs[place],
            creation=draw(st.integers(0, 2**37)),
            written=draw(st.sampled_from([0, 2**64 - 1])),
            holds=draw(st.integers(0, 1)),
        )
        for place, guid in enumerate(guids)
    ]
    token = TOKEN if draw(st.booleans()) else None
    return replica(*sorted(claimed, key=lambda s: s.createtxg), resume_token=token)


@st.composite
def token_lies(draw: st.DrawFn, world: World, box: DatasetState | None) -> TokenContents:
    """What a token of the box's stands for, as the source decodes it: anything at all, often nearly right."""
    base = box.newest.guid if box and box.newest else 0
    newest = [snapshot.guid for snapshot in world.source.snapshots[-3:]]
    return TokenContents(
        token=TOKEN,
        sends=draw(st.sampled_from([*[f"{world.source.dataset.name}@x"] * 5, "tank/secret@x"])),
        toguid=draw(st.sampled_from([*newest * 3, 4711, *sorted(world.known)])),
        fromguid=draw(st.just(base) | st.sampled_from([0, *sorted(world.known)])),
        raw=draw(st.sampled_from([True, True, True, False])),
        received_bytes=0,
        remaining_bytes=draw(st.integers(0, 2**64)),
        stale=draw(st.sampled_from([*[None] * 5, "gone"])),
    )


def check_raw(plan: Send) -> None:
    for step in plan.steps:
        assert argv.send(step)[:3] == ["zfs", "send", "-w"]
    if isinstance(plan, ResumeSend):
        assert argv.send_resume(plan.token)[:3] == ["zfs", "send", "-w"]


@settings(max_examples=3 * settings().max_examples)
@given(worlds(), jobs, st.data())
def test_no_lie_makes_the_source_send_anything_but_its_own_snapshots_raw_from_a_base_of_its_own(
    world: World, chosen: Job, data: st.DataObject
) -> None:
    box = data.draw(lies(world))
    offered = data.draw(st.none() | token_lies(world, box))
    plan = plan_sends(chosen, world.source, box, offered, REPLICA)
    if not isinstance(plan, Send):
        return
    check_raw(plan)
    base = None if box.newest is None else box.newest.guid
    for step in plan.steps:
        assert step.to in world.source.snapshots
        assert step.base is None or (step.base in world.versions and step.base.createtxg < step.to.createtxg)
        assert (step.base and step.base.guid) == base
        base = step.to.guid
    if isinstance(plan, ResumeSend):
        assert offered is not None
        assert offered.raw
        assert offered.sends.startswith(f"{world.source.dataset.name}@")
        assert (offered.toguid, offered.fromguid) == (plan.steps[0].to.guid, box.newest.guid if box.newest else 0)


@given(worlds(), jobs, st.data())
def test_no_lie_makes_a_plaintext_dataset_leave(world: World, chosen: Job, data: st.DataObject) -> None:
    plain = replace(world.source, dataset=replace(world.source.dataset, encryption="off", keystatus=KeyStatus.NONE))
    box = data.draw(st.none() | lies(world))
    offered = data.draw(st.none() | token_lies(world, box))
    plan = plan_sends(chosen, plain, box, offered, REPLICA)
    assert isinstance(plan, Refused)
    assert plan.code == "not-encrypted"


@given(worlds(), jobs, st.data())
def test_a_full_send_never_goes_where_the_box_shows_a_snapshot(world: World, chosen: Job, data: st.DataObject) -> None:
    box = data.draw(lies(world))
    offered = data.draw(st.none() | token_lies(world, box))
    plan = plan_sends(chosen, world.source, box, offered, REPLICA)
    if box.newest is not None:
        assert not isinstance(plan, FullSend)
        assert not isinstance(plan, Send) or plan.steps[0].base is not None
        if box.newest.guid not in world.known:
            assert isinstance(plan, Conflict)


def destroyed_here(chosen: Job, here: DatasetState, box: DatasetState) -> tuple[Snapshot, ...]:
    plans = plan_both_prunes(chosen, here, box, NOW)
    return tuple(snapshot for plan in plans if plan.side is Side.SOURCE for snapshot in plan.destroy)


def honest(world: World) -> DatasetState:
    """The box that has received everything."""
    return replica(*(replace(snapshot, dataset=REPLICA) for snapshot in world.source.snapshots))


@given(worlds(), keeping_jobs, st.data())
def test_a_lie_costs_the_source_no_snapshot_that_its_own_retention_would_keep(
    world: World, chosen: Job, data: st.DataObject
) -> None:
    """At most what would be pruned if the box really had everything, and never what is younger than what it claims."""
    box = data.draw(lies(world))
    destroyed = destroyed_here(chosen, world.source, box)
    assert set(destroyed) <= set(destroyed_here(chosen, world.source, honest(world)))
    for snapshot in destroyed:
        assert snapshot is not world.source.newest
        assert is_ours(chosen, snapshot.name)
        assert not snapshot.holds
        assert box.newest is not None
        assert box.newest.guid in world.known
        assert snapshot.guid != box.newest.guid
        assert snapshot not in world.after(box.newest.guid)


@given(worlds(), keeping_jobs, st.data())
def test_nothing_is_pruned_anywhere_for_a_box_whose_newest_the_source_does_not_know(
    world: World, chosen: Job, data: st.DataObject
) -> None:
    box = data.draw(lies(world))
    if box.newest is None or box.newest.guid not in world.known:
        assert plan_both_prunes(chosen, world.source, box, NOW) == ()


def after_run(chosen: Job, here: DatasetState, box: DatasetState) -> DatasetState:
    """The source after the end of a run in which the box claimed to have its newest: bookmarked, then pruned."""
    assert box.newest is not None
    guid = box.newest.guid
    gone = superseded(chosen, here, guid)
    bookmarks = [bookmark for bookmark in here.bookmarks if bookmark not in gone]
    version = to_bookmark(chosen, here, guid)
    if version is not None:
        name = bookmark_name(chosen, guid)
        bookmarks.append(
            Bookmark(dataset=SOURCE, name=name, guid=guid, createtxg=version.createtxg, creation=version.creation)
        )
    left = [s for s in here.snapshots if s not in destroyed_here(chosen, here, box)]
    return replace(here, snapshots=Snapshots.of(left), bookmarks=tuple(bookmarks))


@given(worlds(), keeping_jobs, st.data())
def test_for_a_box_that_told_the_truth_a_base_is_always_left_and_bookmarks_of_others_always(
    world: World, chosen: Job, data: st.DataObject
) -> None:
    """The two cannot be told apart, so it holds for every claim."""
    box = data.draw(lies(world))
    if box.newest is None or box.newest.guid not in world.known:
        return
    left = after_run(chosen, world.source, box)
    assert isinstance(find_base(left, box), Base)
    others = [b for b in world.source.bookmarks if not is_our_bookmark(chosen, b.name)]
    assert set(others) <= set(left.bookmarks)


KEEP_TWO = job(keep_source=Retention(last=2), keep_box=Retention(last=2))


def test_the_worst_lie_costs_history_and_the_base_and_is_then_a_conflict() -> None:
    """The box has version 1 and claims to have 5: what it never got and the source no longer keeps is nowhere."""
    here = source(*map(snap, (1, 2, 3, 4, 5)), bookmarks=[mark(1)])
    claimed = replica(*map(there, (1, 2, 3, 4, 5)))
    assert isinstance(plan_sends(KEEP_TWO, here, claimed, None, REPLICA), UpToDate)
    left = after_run(KEEP_TWO, here, claimed)
    assert list(left.snapshots) == [snap(4), snap(5)]
    assert left.bookmarks == (mark(5),)
    truth = replica(there(1))
    assert isinstance(find_base(left, truth), Diverged)
    conflict = plan_sends(KEEP_TWO, left, truth, None, REPLICA)
    assert isinstance(conflict, Conflict)
    assert "zfs rename" in conflict.remedy
    assert "destroy" not in conflict.remedy


def test_a_base_that_the_box_only_claims_to_have_costs_a_send_that_zfs_refuses() -> None:
    """It has 1 and claims 3: the increment is from 3, which `zfs receive` takes only on top of 3; nothing is pruned
    beyond what retention lets go."""
    here = source(*map(snap, (1, 2, 3, 4)))
    plan = plan_sends(KEEP_TWO, here, replica(there(1), there(3)), None, REPLICA)
    assert isinstance(plan, IncrementalSend)
    assert plan.steps[0].base == snap(3)


@pytest.mark.parametrize("order", [(3, 2, 1), (2, 3, 1)])
def test_an_order_turned_round_costs_repeated_sends_and_no_snapshot(order: tuple[int, ...]) -> None:
    here = source(*map(snap, (1, 2, 3)))
    box = replica(*(there(number, createtxg=place) for place, number in enumerate(order)))
    plan = plan_sends(KEEP_TWO, here, box, None, REPLICA)
    assert isinstance(plan, IncrementalSend)
    assert [step.to for step in plan.steps] == [snap(2), snap(3)]
    assert destroyed_here(KEEP_TWO, here, box) == ()


def test_a_box_that_hides_its_replica_costs_a_full_send_that_zfs_refuses_and_no_snapshot() -> None:
    """`zfs receive` without -F takes no full stream where a dataset is; an honest zfs keeps the replica."""
    here = source(*map(snap, (1, 2, 3)))
    plan = plan_sends(KEEP_TWO, here, None, None, REPLICA)
    assert isinstance(plan, FullSend)
    assert "-F" not in argv.receive(plan.replica)
    assert plan_both_prunes(KEEP_TWO, here, replica(), NOW) == ()


@given(st.integers(0, 2**64 - 1))
def test_no_time_that_the_box_names_makes_a_replica_younger_than_the_source_knows_it_to_be(claimed: int) -> None:
    newest = there(1, creation=claimed)
    for known in (snap(1), mark(1)):
        taken = taken_at(newest, known, NOW + timedelta(days=9))
        assert taken == datetime.fromtimestamp(snap(1).creation, UTC)
        wrong = [finding.what for finding in check_replica(known, replica(newest))]
        assert wrong == ([] if claimed == snap(1).creation else ["time of the newest"])


@given(st.integers(0, 2**64 - 1))
def test_what_only_the_box_knows_is_never_of_the_future(claimed: int) -> None:
    taken = taken_at(there(1, guid=999, creation=claimed), None, NOW)
    if claimed > (NOW + LEEWAY).timestamp():
        assert taken is None
    else:
        assert taken == min(datetime.fromtimestamp(claimed, UTC), NOW)
