"""The send of one dataset, and what is left on the source however it ends: a base for the next one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.actions.smallzfs import SmallZfs
from tests.planning.make import SOURCE, job
from zoffsite.actions.holds import release_orphans
from zoffsite.actions.look import look_at_replica, look_at_source
from zoffsite.actions.plan import plan_dataset
from zoffsite.actions.progress import log_progress
from zoffsite.actions.prune import remember
from zoffsite.actions.send import send
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import RunInterruptedError, ZoffsiteError
from zoffsite.model.family import ALONE
from zoffsite.model.job import Disk, Job, SnapshotWhen
from zoffsite.model.plan import IncrementalSend, UpToDate
from zoffsite.model.work import Sent, Work
from zoffsite.planning import holds as planning_holds

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
REPLICA = "vault/box/tank:home"
LOST = "cannot receive: Broken pipe"


@pytest.fixture
def zfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallZfs:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    made = SmallZfs(tmp_path)
    made.add("vault/box", readonly="on")
    return made


@pytest.fixture
def kept(tmp_path: Path) -> Job:
    disk = Disk(pool="vault", guid=1, absent_after=timedelta(days=9))
    return job(box=disk, ledger=tmp_path / "ledger.sqlite", snapshot_when=SnapshotWhen.NEVER)


def planned(kept: Job, hosts: Connections) -> Work:
    """What a run would do now, after it has released what a killed one held."""
    facts = release_orphans(kept, look_at_source(kept, hosts, NOW), hosts)
    return plan_dataset(kept, hosts, facts.chosen[0], REPLICA, look_at_replica(kept, hosts, REPLICA), None, ALONE)


def sent(kept: Job) -> Sent:
    with Connections() as hosts:
        return send(kept, planned(kept, hosts), hosts, log_progress())


def plan_now(kept: Job) -> object:
    with Connections() as hosts:
        return planned(kept, hosts).plan


def test_what_has_arrived_is_bookmarked_before_it_is_let_go_and_only_once(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one")
    sent(kept)
    zfs.add(SOURCE, "one", "two", bookmarks=zfs.state["datasets"][SOURCE]["bookmarks"])
    before = len(zfs.calls)
    result = sent(kept)
    verbs = [verb for verb in zfs.verbs[before:] if verb != "zfs list"]
    assert verbs == ["zfs hold", "zfs send", "zfs receive", "zfs bookmark", "zfs release"] or verbs == [
        *("zfs hold", "zfs receive", "zfs send", "zfs bookmark", "zfs release")
    ]
    assert result.source is not None
    with Connections() as hosts:
        remember(kept, result.source, result.newest, hosts)
    assert zfs.verbs[-1] == "zfs destroy"
    assert (zfs.bookmarked(SOURCE), zfs.held()) == ([501], [])


def test_where_a_chain_breaks_off_what_has_arrived_stays_a_base_whatever_others_prune(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one", "two", "three", "four")
    zfs.fault("send .*@four", says=LOST)
    with pytest.raises(ZoffsiteError):
        sent(kept)
    assert zfs.snapshots(REPLICA) == ["one", "two", "three"]
    assert zfs.held() == []
    zfs.destroy(*(f"{SOURCE}@{name}" for name in ("one", "two", "three")))
    plan = plan_now(kept)
    assert isinstance(plan, IncrementalSend)
    assert [step.to.name for step in plan.steps] == ["four"]


def test_what_has_arrived_without_our_hearing_of_it_stays_a_base(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one", "two", "three")
    zfs.fault("receive", when="after", says=LOST)
    with pytest.raises(ZoffsiteError):
        sent(kept)
    assert zfs.snapshots(REPLICA) == ["one"]
    zfs.destroy(f"{SOURCE}@one")
    assert isinstance(plan_now(kept), IncrementalSend)


def test_what_was_refused_before_its_first_byte_leaves_no_bookmark(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one")
    zfs.fault("send", says="cannot send: I/O error")
    with pytest.raises(ZoffsiteError):
        sent(kept)
    assert zfs.bookmarked(SOURCE) == []


def test_a_base_that_was_never_bookmarked_is_before_it_is_let_go(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one", "two")
    shots = zfs.state["datasets"][SOURCE]["snapshots"]
    zfs.add(REPLICA, keystatus="unavailable", readonly="on", written=0, snapshots={"one": shots["one"]})
    zfs.fault("send", says="cannot send: I/O error")
    with pytest.raises(ZoffsiteError):
        sent(kept)
    assert zfs.bookmarked(SOURCE) == [500]


def test_what_could_not_be_bookmarked_stays_held_until_the_next_run_has_done_it(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one", "two")
    zfs.fault("bookmark", says="cannot create bookmark: out of space")
    result = sent(kept)
    assert (result.newest.name, zfs.held()) == ("two", [f"{SOURCE}@two"])
    assert isinstance(plan_now(kept), UpToDate)
    assert (zfs.bookmarked(SOURCE), zfs.held()) == ([501], [])


def test_what_a_killed_run_held_is_a_base_after_the_next_has_released_it_also_without_the_box(
    zfs: SmallZfs, kept: Job
) -> None:
    zfs.add(SOURCE, "one", "two", "three")
    shots = zfs.state["datasets"][SOURCE]["snapshots"]
    there = {name: shots[name] for name in ("one", "two")}
    zfs.add(REPLICA, keystatus="unavailable", readonly="on", written=0, snapshots=there)
    zfs.change(tags={f"{SOURCE}@{name}": ["zoffsite-home"] for name in shots})
    with Connections() as hosts:
        release_orphans(kept, look_at_source(kept, hosts, NOW), hosts)
    zfs.destroy(*(f"{SOURCE}@{name}" for name in ("one", "two")))
    assert zfs.snapshots(SOURCE) == ["three"]
    assert isinstance(plan_now(kept), IncrementalSend)


def test_a_killed_runs_holds_stay_where_their_bookmark_cannot_be_made(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one")
    zfs.change(tags={f"{SOURCE}@one": ["zoffsite-home"]})
    zfs.fault("bookmark", says="cannot create bookmark: out of space")
    with Connections() as hosts:
        facts = release_orphans(kept, look_at_source(kept, hosts, NOW), hosts)
    assert [notice.code for notice in facts.notices] == ["orphan-holds"]
    assert zfs.held() == [f"{SOURCE}@one"]


def test_a_run_that_is_stopped_bookmarks_what_has_arrived(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one", "two")
    zfs.change(endless=["two"])

    class Stops:
        """Stops the run when the second snapshot is under way."""

        count = 0

        def start(self, dataset: str, total: int) -> None: ...

        def finish(self, dataset: str, *, complete: bool) -> None: ...

        def advance(self, _dataset: str, count: int) -> None:
            self.count += count
            if self.count > zfs.stream:
                transfers.stop_all()

    try:
        with Connections() as hosts, pytest.raises(RunInterruptedError):
            send(kept, planned(kept, hosts), hosts, Stops())
    finally:
        transfers.reset()
    assert 500 in zfs.bookmarked(SOURCE)
    assert zfs.held() == []


def test_of_a_long_chain_only_the_next_steps_and_their_base_are_held(
    zfs: SmallZfs, kept: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning_holds, "AT_ONCE", 2)
    monkeypatch.setattr("zoffsite.actions.holds.AT_ONCE", 2)
    zfs.add(SOURCE, "s1", "s2", "s3", "s4", "s5")
    sent(kept)
    asked = [call.replace(f"{SOURCE}@", "").split()[1:] for call in zfs.calls]
    assert [words for words in asked if words[0] in ("hold", "release", "bookmark")] == [
        ["hold", "zoffsite-home", "s1", "s2"],
        ["hold", "zoffsite-home", "s3", "s4"],
        ["release", "zoffsite-home", "s1"],
        ["hold", "zoffsite-home", "s5"],
        ["release", "zoffsite-home", "s2", "s3"],
        ["bookmark", "s5", f"{SOURCE}#zoffsite-home-{504:016x}"],
        ["release", "zoffsite-home", "s4", "s5"],
    ]
    assert zfs.snapshots(REPLICA) == ["s1", "s2", "s3", "s4", "s5"]


def test_a_later_step_that_was_destroyed_meanwhile_is_planned_anew_from_what_has_arrived(
    zfs: SmallZfs, kept: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning_holds, "AT_ONCE", 2)
    monkeypatch.setattr("zoffsite.actions.holds.AT_ONCE", 2)
    zfs.add(SOURCE, "s1", "s2", "s3", "s4")
    zfs.fault("send .*@s2", destroys=(f"{SOURCE}@s3",))
    with Connections() as hosts:
        work = planned(kept, hosts)
        with pytest.raises(ZoffsiteError) as caught:
            send(kept, work, hosts, log_progress())
        assert (caught.value.code, caught.value.transient) == ("plan-outdated", True)
        assert (zfs.bookmarked(SOURCE), zfs.held()) == ([501], [])
        send(kept, work, hosts, log_progress(), attempt=1)
    assert zfs.snapshots(REPLICA) == ["s1", "s2", "s4"]


def test_where_nothing_is_sent_nothing_is_held_or_bookmarked(zfs: SmallZfs, kept: Job) -> None:
    zfs.add(SOURCE, "one")
    sent(kept)
    before = len(zfs.calls)
    with Connections() as hosts:
        work = planned(kept, hosts)
        assert isinstance(work.plan, UpToDate)
        result = send(replace(kept), work, hosts, log_progress())
    assert result.source == work.source
    assert set(zfs.verbs[before:]) == {"zfs list"}
