"""Datasets that have to do with each other: clones, renamed ones, replicas that nobody has any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from zoffsite.model.dataset import KeyStatus
from zoffsite.model.family import Family
from zoffsite.model.inventory import DatasetState, Inventory, TokenContents
from zoffsite.model.job import Job, Selection
from zoffsite.model.memory import Memory, Remembered
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, FullSend, IncrementalSend, Refused, ResumeSend, UpToDate
from zoffsite.model.report import DatasetOutcome, DatasetResult
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import NOT_TAKEN, Bookmark, Snapshot
from zoffsite.model.work import SourceFacts, Work
from zoffsite.planning.clones import lent, waves
from zoffsite.planning.expectation import after_send
from zoffsite.planning.sends import plan_sends
from zoffsite.planning.together import plan_together

from .make import JOB, dataset, job, replica_dataset, snap, token

ROOT = JOB.root
OURS = job(selection=Selection.OURS)
HOME, WORK, COPY = "tank/home", "tank/work", "tank/copy"


def here(
    name: str, *snapshots: Snapshot, bookmarks: Sequence[Bookmark] = (), origin: str | None = None, **changes: Any
) -> DatasetState:
    """A dataset of the source with these snapshots."""
    own = tuple(replace(snapshot, dataset=name) for snapshot in snapshots)
    marks = tuple(replace(bookmark, dataset=name) for bookmark in bookmarks)
    return DatasetState(dataset=dataset(name, origin=origin, **changes), snapshots=Snapshots.of(own), bookmarks=marks)


def on_box(name: str, *snapshots: Snapshot, **changes: Any) -> DatasetState:
    """A replica with these snapshots, whose txgs are others there."""
    there = tuple(replace(s, dataset=f"{ROOT}/{name}", createtxg=7000 + s.createtxg) for s in snapshots)
    return DatasetState(dataset=replica_dataset(f"{ROOT}/{name}", **changes), snapshots=Snapshots.of(there))


def planned(
    source: Sequence[DatasetState],
    box: Sequence[DatasetState],
    *,
    chosen: Job = JOB,
    only: Sequence[str] = (),
    tokens: Mapping[str, TokenContents] | None = None,
    covered: Sequence[str] | None = None,
    left_out: Sequence[DatasetOutcome] = (),
    remembered: Sequence[Remembered] = (),
) -> tuple[dict[str, Work], tuple[Notice, ...]]:
    """The plan of a job that covers all of `source`, or only `covered`; `only` narrows the run."""
    given = dict(chosen.replicas)
    names = {
        name: f"{ROOT}/{given.get(name, name.replace('/', ':'))}"
        for name in (state.dataset.name for state in source)
        if covered is None or name in covered
    }
    there = {state.dataset.name: state for state in box}

    def plan_one(state: DatasetState, family: Family) -> Work:
        name = names[state.dataset.name]
        offered = (tokens or {}).get(name)
        plan = plan_sends(chosen, state, there.get(name), offered, name, family)
        return Work(plan=plan, source=state, replica=there.get(name), family=family)

    facts = SourceFacts(
        inventory=Inventory(host="source", datasets={state.dataset.name: state for state in source}),
        chosen=tuple(s for s in source if s.dataset.name in names and (not only or s.dataset.name in only)),
        to_snapshot=(),
        left_out=tuple(left_out),
    )
    memory = Memory(replicas={known.replica: known for known in remembered})
    works, notices = plan_together(chosen, facts, there, names, memory, plan_one)
    return {work.source.dataset.name: work for work in works}, notices


def codes(notices: Sequence[Notice]) -> list[tuple[str, str]]:
    return [(notice.code, notice.subject) for notice in notices]


# -- renamed


def test_a_renamed_dataset_is_never_silently_sent_again() -> None:
    works, notices = planned([here("tank/house", snap(1), snap(2))], [on_box("tank:home", snap(1))])
    plan = works["tank/house"].plan
    assert isinstance(plan, Conflict)
    assert plan.code == "renamed"
    assert f"zfs rename {ROOT}/tank:home {ROOT}/tank:house" in plan.remedy
    assert 'replicas = { "tank/house" = "tank:home" } in [job.home]' in plan.remedy
    assert notices == (), "the advice to destroy it would be the opposite"


def test_a_renamed_dataset_is_known_by_its_bookmark_too() -> None:
    marked = here("tank/house", snap(2), bookmarks=[mark_of(snap(1))])
    works, _ = planned([marked], [on_box("tank:home", snap(1))])
    assert works["tank/house"].plan.action == "conflict"


def mark_of(snapshot: Snapshot) -> Bookmark:
    return Bookmark(
        dataset=snapshot.dataset,
        name=f"mark-{snapshot.guid}",
        guid=snapshot.guid,
        createtxg=snapshot.createtxg,
        creation=snapshot.creation,
    )


def test_a_renamed_dataset_goes_on_where_replicas_says() -> None:
    chosen = job(replicas=(("tank/house", "tank:home"),))
    works, notices = planned([here("tank/house", snap(1), snap(2))], [on_box("tank:home", snap(1))], chosen=chosen)
    assert isinstance(works["tank/house"].plan, IncrementalSend)
    assert notices == ()


def test_a_copy_under_a_second_name_is_not_taken_for_a_renamed_one() -> None:
    both = [here(HOME, snap(1), snap(2)), here(COPY, snap(1), snap(2))]
    works, notices = planned(both, [on_box("tank:home", snap(1))])
    assert isinstance(works[HOME].plan, IncrementalSend)
    assert isinstance(works[COPY].plan, FullSend)
    assert notices == ()


def test_a_copy_is_not_taken_for_a_renamed_one_in_a_run_that_leaves_out_the_first() -> None:
    both = [here(HOME, snap(1), snap(2)), here(COPY, snap(1), snap(2))]
    works, notices = planned(both, [on_box("tank:home", snap(1))], only=[COPY])
    assert isinstance(works[COPY].plan, FullSend)
    assert notices == ()


def test_a_replica_that_was_set_aside_because_it_diverged_is_no_renamed_one() -> None:
    """Its newest snapshot is unknown, so under the right name it would be in the way again."""
    works, notices = planned([here(HOME, snap(1), snap(2))], [on_box("tank:home-old", snap(1), snap(9))])
    assert isinstance(works[HOME].plan, FullSend)
    assert codes(notices) == [("replica-without-dataset", f"{ROOT}/tank:home-old")]


KNOWN = Remembered(dataset=HOME, replica=f"{ROOT}/tank:home", dataset_guid=77)


@pytest.mark.parametrize(
    ("there", "guid"),
    [
        ([snap(1), snap(9)], 1),
        ([snap(1), snap(9)], 77),
        ([snap(8), snap(9)], 77),
    ],
)
def test_a_renamed_dataset_that_has_diverged_is_not_sent_again_either(there: list[Snapshot], guid: int) -> None:
    """By the ledger: its replica is of another name, and of this GUID or with a snapshot of it."""
    house = here("tank/house", snap(1), snap(2), guid=guid)
    works, notices = planned([house], [on_box("tank:home", *there)], remembered=[KNOWN])
    plan = works["tank/house"].plan
    assert isinstance(plan, Conflict)
    assert plan.code == "renamed-diverged"
    assert f"the box has it as {ROOT}/tank:home" in plan.reason
    assert f"@{snap(9).name}" in plan.reason
    assert 'replicas = { "tank/house" = "tank:house" } in [job.home]' in plan.remedy
    assert "destroy -r" not in plan.remedy
    assert notices == (), "the advice to destroy it would be the opposite"


def test_a_renamed_dataset_with_an_empty_snapshot_of_the_box_goes_on_without_it() -> None:
    box = [on_box("tank:home", snap(1), snap(9, written=0))]
    works, _ = planned([here("tank/house", snap(1), snap(2))], box, remembered=[KNOWN])
    plan = works["tank/house"].plan
    assert isinstance(plan, Conflict)
    assert (
        f"zfs destroy {ROOT}/tank:home@{snap(9).name} && zfs rename {ROOT}/tank:home {ROOT}/tank:house" in plan.remedy
    )


def test_a_renamed_dataset_that_has_diverged_is_sent_anew_where_replicas_says() -> None:
    chosen = job(replicas=(("tank/house", "tank:house"),))
    box = [on_box("tank:home", snap(1), snap(9))]
    works, _ = planned([here("tank/house", snap(1), snap(2))], box, chosen=chosen, remembered=[KNOWN])
    assert isinstance(works["tank/house"].plan, FullSend)


@pytest.mark.parametrize("known", [[], [replace(KNOWN, dataset="tank/house")], [replace(KNOWN, dataset="")]])
def test_a_replica_that_the_ledger_does_not_know_under_another_name_is_no_renamed_one(known: list[Remembered]) -> None:
    house = here("tank/house", snap(1), snap(2), guid=77)
    works, _ = planned([house], [on_box("tank:home", snap(1), snap(9))], remembered=known)
    assert isinstance(works["tank/house"].plan, FullSend)


def test_the_beginning_of_a_renamed_dataset_is_known_by_the_ledger() -> None:
    begun = on_box("tank:home", resume_token="1-a-b-c")
    works, notices = planned([here("tank/house", snap(1), guid=77)], [begun], remembered=[KNOWN])
    plan = works["tank/house"].plan
    assert isinstance(plan, Conflict)
    assert plan.code == "renamed"
    assert f"the box has the beginning of it as {ROOT}/tank:home:" in plan.reason
    assert f"zfs rename {ROOT}/tank:home {ROOT}/tank:house" in plan.remedy
    assert f"zfs receive -A {ROOT}/tank:home" in plan.remedy
    assert notices == ()


def test_what_shares_nothing_with_a_vanished_dataset_is_sent() -> None:
    works, notices = planned([here("tank/house", snap(1))], [on_box("tank:home", snap(8))], remembered=[KNOWN])
    assert isinstance(works["tank/house"].plan, FullSend)
    assert codes(notices) == [("replica-without-dataset", f"{ROOT}/tank:home")]


def test_a_dataset_that_got_the_name_of_another_frees_it_first() -> None:
    """tank/home was renamed to tank/old, and a new tank/home made: the replica is of tank/old."""
    source = [here(HOME, snap(9)), here("tank/old", snap(1), snap(2))]
    works, _ = planned(source, [on_box("tank:home", snap(1))])
    old, new = works["tank/old"].plan, works[HOME].plan
    assert isinstance(old, Conflict)
    assert (old.code, old.remedy.partition(";")[0]) == (
        "renamed",
        f"on the box: zfs rename {ROOT}/tank:home {ROOT}/tank:old",
    )
    assert isinstance(new, Conflict)
    assert new.code == "diverged"


def test_two_datasets_that_changed_their_names_are_both_found() -> None:
    works, _ = planned(
        [here(HOME, snap(1), snap(2)), here(WORK, snap(11), snap(12))],
        [on_box("tank:home", snap(11)), on_box("tank:work", snap(1))],
    )
    for name, other in ((HOME, "work"), (WORK, "home")):
        plan = works[name].plan
        assert isinstance(plan, Conflict)
        assert plan.code == "renamed"
        mine = plan.replica
        assert plan.remedy.startswith(
            f"on the box: zfs rename {mine} {mine}-old && zfs rename {ROOT}/tank:{other} {mine}"
        )


def test_a_copy_that_somebody_made_on_the_box_changes_nothing() -> None:
    works, notices = planned([here(HOME, snap(1), snap(2))], [on_box("tank:home", snap(1)), on_box("copy", snap(1))])
    assert isinstance(works[HOME].plan, IncrementalSend)
    assert codes(notices) == [("replica-without-dataset", f"{ROOT}/copy")]


def test_a_replica_below_another_cannot_be_named_by_replicas() -> None:
    works, _ = planned([here(HOME, snap(1))], [on_box("aside/home", snap(1))])
    plan = works[HOME].plan
    assert isinstance(plan, Conflict)
    assert "replicas" not in plan.remedy


def test_a_snapshot_that_is_only_planned_is_like_no_other() -> None:
    pending = [here(HOME, snap(1, guid=NOT_TAKEN)), here(WORK, snap(2, guid=NOT_TAKEN))]
    works, _ = planned(pending, [])
    assert all(isinstance(work.plan, FullSend) for work in works.values())


# -- made anew, vanished


def test_what_has_vanished_and_is_open_on_the_box_is_told_in_alerts() -> None:
    strays = [
        on_box("tank:old", snap(7), keystatus=KeyStatus.AVAILABLE, encryptionroot="vault/box/tank:old"),
        on_box("tank:older", mounted=True, keystatus=KeyStatus.AVAILABLE),
        on_box("tank:shut", snap(8)),
    ]
    _, notices = planned([here(HOME, snap(1))], [*strays, on_box("tank:home", snap(1), mounted=True)])
    told = [notice for notice in notices if notice.alert]
    assert codes(told) == [
        ("key-loaded", f"{ROOT}/tank:old"),
        ("mounted", f"{ROOT}/tank:older"),
    ]
    assert f"zfs unload-key {ROOT}/tank:old" in told[0].remedy
    assert f"zfs unmount {ROOT}/tank:older && zfs unload-key" in told[1].remedy


@pytest.mark.parametrize(
    ("root", "code", "remedy"),
    [
        ({"mounted": True}, "root-mounted", f"zfs unmount {ROOT} && zfs set canmount=off {ROOT};"),
        (
            {"mounted": True, "keystatus": KeyStatus.AVAILABLE, "encryptionroot": ROOT},
            "root-mounted",
            f"zfs unmount {ROOT} && zfs unload-key {ROOT} && zfs set canmount=off {ROOT};",
        ),
        ({"keystatus": KeyStatus.AVAILABLE, "encryptionroot": "vault"}, "root-key-loaded", "zfs unload-key vault;"),
    ],
)
def test_nothing_is_sent_to_a_root_that_is_mounted_or_has_its_key_loaded(
    root: dict[str, Any], code: str, remedy: str
) -> None:
    opened = DatasetState(dataset=replica_dataset(ROOT, **root))
    sources = [here(HOME, snap(1), snap(2)), here(WORK, snap(11)), here(COPY, snap(21))]
    works, notices = planned(sources, [opened, on_box("tank:home", snap(1)), on_box("tank:work", snap(11))])
    for plan in (work.plan for work in works.values()):
        assert isinstance(plan, Refused)
        assert plan.code == code
        assert ROOT in plan.reason
        assert plan.remedy.startswith(f"on the box: {remedy}")
    assert notices == (), "each refusal says it"


def test_a_root_that_is_shut_stands_in_nobodys_way() -> None:
    shut = DatasetState(dataset=replica_dataset(ROOT, encryption="off", keystatus=KeyStatus.NONE))
    works, _ = planned([here(HOME, snap(1))], [shut])
    assert isinstance(works[HOME].plan, FullSend)


def test_a_dataset_made_anew_under_its_old_name_is_told_how_to_go_on_with_both_replicas_kept() -> None:
    works, notices = planned([here(HOME, snap(9))], [on_box("tank:home", snap(1), snap(2))])
    plan = works[HOME].plan
    assert isinstance(plan, Conflict)
    assert plan.code == "diverged"
    assert "created anew under its old name" in plan.reason
    assert 'replicas = { "tank/home" = "tank:home-2" } in [job.home]' in plan.remedy
    assert f"zfs rename {ROOT}/tank:home {ROOT}/tank:home-old" in plan.remedy
    assert notices == ()
    chosen = job(replicas=((HOME, "tank:home-2"),))
    works, notices = planned([here(HOME, snap(9))], [on_box("tank:home", snap(1), snap(2))], chosen=chosen)
    assert isinstance(works[HOME].plan, FullSend)
    assert codes(notices) == [("replica-without-dataset", f"{ROOT}/tank:home")]


def test_the_replica_of_a_vanished_dataset_is_kept_and_reported() -> None:
    works, (notice,) = planned(
        [here(HOME, snap(1))], [on_box("tank:home", snap(1)), on_box("tank:gone", snap(7), snap(8))]
    )
    assert isinstance(works[HOME].plan, UpToDate)
    assert (notice.code, notice.subject, notice.alert) == ("replica-without-dataset", f"{ROOT}/tank:gone", False)
    assert "since about 2026-11-30 12:00 UTC" in notice.message
    assert "2 snapshots" in notice.message
    assert notice.remedy == f"to be rid of it, on the box: zfs destroy -r {ROOT}/tank:gone"


def test_the_unfinished_first_receive_of_a_vanished_dataset_is_told_with_its_size() -> None:
    begun = on_box("tank:gone", resume_token="1-a-b-c", used=4096)
    _, (notice,) = planned([here(HOME, snap(1))], [on_box("tank:home", snap(1)), begun])
    assert (notice.code, notice.subject, notice.alert) == ("receive-without-dataset", f"{ROOT}/tank:gone", False)
    assert "4096 bytes" in notice.message
    assert notice.remedy == f"to be rid of it, on the box: zfs receive -A {ROOT}/tank:gone"


def test_an_unfinished_receive_of_a_dataset_of_the_job_is_no_stray() -> None:
    _, notices = planned([here(HOME, snap(1))], [on_box("tank:home", resume_token="1-a-b-c")])
    assert notices == ()


def test_a_dataset_that_this_run_leaves_out_has_not_vanished() -> None:
    both = [here(HOME, snap(1)), here(WORK, snap(11))]
    _, notices = planned(both, [on_box("tank:home", snap(1)), on_box("tank:work", snap(11))], only=[HOME])
    assert notices == ()


def test_what_is_beside_the_root_is_not_looked_at() -> None:
    beside = on_box("x", snap(5))
    other = replace(beside, dataset=replace(beside.dataset, name=f"{ROOT}-more/x"))
    _, notices = planned([here(HOME, snap(1))], [on_box("tank:home", snap(1)), other])
    assert notices == ()


# -- clones

ORIGIN = snap(3, ours=False)
ORIGIN_NAME = f"{HOME}@{ORIGIN.name}"
FAMILY = [here(HOME, snap(1), snap(2), ORIGIN, snap(5)), here("tank/clone", snap(6), snap(7), origin=ORIGIN_NAME)]


def test_a_clone_starts_from_its_origin_where_the_box_has_that() -> None:
    works, notices = planned(FAMILY, [on_box("tank:home", snap(1), ORIGIN, snap(5))])
    plan = works["tank/clone"].plan
    assert isinstance(plan, IncrementalSend)
    assert [(step.base and step.base.full_name, step.to.name) for step in plan.steps] == [
        (ORIGIN_NAME, snap(6).name),
        (f"tank/clone@{snap(6).name}", snap(7).name),
    ]
    assert plan.steps[0].estimated_bytes == 2**6
    assert plan.reason == f"the box has @{ORIGIN.name} of {HOME}, from which it was cloned"
    assert notices == ()


def test_a_clone_in_a_first_run_waits_for_its_origin_and_takes_no_space_twice() -> None:
    works, notices = planned(FAMILY[::-1], [], chosen=OURS)
    assert list(works) == ["tank/clone", HOME]
    assert [step.to.guid for step in works[HOME].plan.steps] == [101, 102, ORIGIN.guid, 105]  # type: ignore[union-attr]
    assert isinstance(works["tank/clone"].plan, IncrementalSend)
    assert [[work.source.dataset.name for work in wave] for wave in waves(works.values())] == [[HOME], ["tank/clone"]]
    assert notices == ()


def test_what_a_clone_starts_from_travels_only_until_the_clone_is_there() -> None:
    works, _ = planned(FAMILY, [on_box("tank:home", snap(1)), on_box("tank:clone", snap(6))], chosen=OURS)
    assert [step.to.guid for step in works[HOME].plan.steps] == [102, 105]  # type: ignore[union-attr]
    works, _ = planned(FAMILY, [], chosen=job(selection=Selection.LATEST))
    assert [step.to.guid for step in works[HOME].plan.steps] == [ORIGIN.guid, 105]  # type: ignore[union-attr]


def test_a_clone_whose_origin_is_not_there_starts_from_what_the_box_has_before_it() -> None:
    works, notices = planned(FAMILY, [on_box("tank:home", snap(1), snap(5))])
    plan = works["tank/clone"].plan
    assert isinstance(plan, IncrementalSend)
    assert plan.steps[0].base == FAMILY[0].snapshots[0]
    assert plan.steps[0].estimated_bytes == 2**2 + 2**3 + 2**6
    assert notices == ()


def test_a_clone_starts_from_a_bookmark_of_its_origin_too() -> None:
    family = [replace(FAMILY[0], snapshots=FAMILY[0].snapshots[1:], bookmarks=(mark_of(snap(1)),)), FAMILY[1]]
    works, _ = planned(family, [on_box("tank:home", snap(1), snap(5))])
    plan = works["tank/clone"].plan
    assert isinstance(plan, IncrementalSend)
    assert isinstance(plan.steps[0].base, Bookmark)


def test_a_clone_is_sent_in_full_with_a_warning_where_the_box_has_nothing_of_its_origin() -> None:
    works, (notice,) = planned(FAMILY, [], covered=["tank/clone"])
    plan = works["tank/clone"].plan
    assert isinstance(plan, FullSend)
    assert plan.reason == f"the box has no snapshot of this dataset, nor of its origin {ORIGIN_NAME}"
    assert (notice.code, notice.subject, notice.alert) == ("clone-in-full", "tank/clone", False)
    assert "takes there the space again" in notice.message


def test_a_clone_of_an_origin_that_only_began_after_it_is_sent_in_full_with_a_warning() -> None:
    works, notices = planned(FAMILY, [on_box("tank:home", snap(5))])
    assert isinstance(works["tank/clone"].plan, FullSend)
    assert codes(notices) == [("clone-in-full", "tank/clone")]


def test_a_clone_waits_where_this_run_leaves_out_its_origin() -> None:
    works, notices = planned(FAMILY, [], only=["tank/clone"])
    plan = works["tank/clone"].plan
    assert isinstance(plan, Conflict)
    assert plan.code == "origin-first"
    assert plan.remedy == f"let the run send both: --dataset {HOME} --dataset tank/clone"
    assert notices == ()
    works, _ = planned(FAMILY, [on_box("tank:home", snap(1))], only=["tank/clone"])
    assert isinstance(works["tank/clone"].plan, IncrementalSend)


def test_a_clone_whose_origin_failed_before_its_snapshot_waits_for_the_next_run() -> None:
    failed = DatasetOutcome(source=HOME, replica=f"{ROOT}/tank:home", state=DatasetResult.FAILED)
    works, notices = planned(FAMILY, [], only=["tank/clone"], left_out=[failed])
    plan = works["tank/clone"].plan
    assert isinstance(plan, Conflict)
    assert plan.code == "origin-first"
    assert "something failed before its snapshot" in plan.reason
    assert "--dataset" not in plan.remedy
    assert "once that is mended, the next run sends both" in plan.remedy
    assert notices == ()


@pytest.mark.parametrize(
    ("origin", "box", "code"),
    [
        ({"choice": "homee"}, [], "bad-choice"),
        ({}, [on_box("tank:home", snap(11))], "diverged"),
        ({}, [on_box("tank:home")], "replica-empty"),
    ],
)
def test_a_clone_never_goes_in_full_because_its_origin_is_stopped(
    origin: dict[str, Any], box: list[DatasetState], code: str
) -> None:
    home = replace(FAMILY[0], dataset=replace(FAMILY[0].dataset, **origin))
    works, notices = planned([home, FAMILY[1]], box)
    stop, plan = works[HOME].plan, works["tank/clone"].plan
    assert isinstance(stop, Conflict | Refused)
    assert isinstance(plan, Conflict)
    assert (stop.code, plan.code) == (code, "origin-first")
    assert stop.reason in plan.reason
    assert stop.remedy in plan.remedy
    assert codes(notices) == []


def test_a_clone_of_a_renamed_origin_starts_from_the_replica_under_the_old_name() -> None:
    works, notices = planned(FAMILY, [on_box("tank:old", snap(1), ORIGIN)])
    assert works[HOME].plan.action == "conflict"
    assert isinstance(works["tank/clone"].plan, IncrementalSend)
    assert works["tank/clone"].family.there[ORIGIN.guid].dataset == f"{ROOT}/tank:old"
    assert list(waves([works["tank/clone"]])) == [[works["tank/clone"]]]
    assert notices == ()


def test_a_clone_of_a_clone_comes_after_both() -> None:
    second = here("tank/again", snap(8), origin=f"tank/clone@{snap(6).name}")
    works, _ = planned([second, *FAMILY], [])
    assert isinstance(works["tank/again"].plan, IncrementalSend)
    assert [[work.source.dataset.name for work in wave] for wave in waves(works.values())] == [
        [HOME],
        ["tank/clone"],
        ["tank/again"],
    ]


def test_a_clone_shares_no_guid_with_its_origin_so_its_replica_is_nobody_elses() -> None:
    works, notices = planned([FAMILY[1]], [on_box("tank:home", snap(1), ORIGIN)], covered=["tank/clone"])
    assert isinstance(works["tank/clone"].plan, FullSend)
    assert codes(notices) == [("replica-without-dataset", f"{ROOT}/tank:home"), ("clone-in-full", "tank/clone")]


@pytest.mark.parametrize("fromguid", [0, 101])
def test_a_clones_interrupted_send_goes_on_from_where_it_began(fromguid: int) -> None:
    unfinished = on_box("tank:clone", resume_token="1-a-b-c", written=5)
    offered = token(6, sends="tank/clone@x", fromguid=fromguid)
    works, _ = planned(
        FAMILY, [on_box("tank:home", snap(1), ORIGIN, snap(5)), unfinished], tokens={f"{ROOT}/tank:clone": offered}
    )
    plan = works["tank/clone"].plan
    assert isinstance(plan, ResumeSend)
    assert (plan.steps[0].base.guid if plan.steps[0].base else 0) == fromguid


def test_a_clones_token_for_another_start_is_an_alarm() -> None:
    unfinished = on_box("tank:clone", resume_token="1-a-b-c", written=5)
    offered = token(6, sends="tank/clone@x", fromguid=999)
    works, _ = planned(
        FAMILY, [on_box("tank:home", snap(1), ORIGIN), unfinished], tokens={f"{ROOT}/tank:clone": offered}
    )
    assert works["tank/clone"].plan.action == "refused"


def test_a_promoted_clone_goes_on_and_so_does_what_it_was_cloned_from() -> None:
    """`zfs promote` moves the snapshots up to the origin, guids and all."""
    promoted = [
        here(HOME, snap(5), snap(8), origin=f"tank/clone@{ORIGIN.name}"),
        here("tank/clone", snap(1), snap(2), ORIGIN, snap(6), snap(7)),
    ]
    for box_home in ((snap(1), ORIGIN, snap(5)), (snap(1), ORIGIN)):
        works, notices = planned(promoted, [on_box("tank:home", *box_home), on_box("tank:clone", snap(6))])
        assert isinstance(works[HOME].plan, IncrementalSend)
        assert isinstance(works["tank/clone"].plan, IncrementalSend)
        assert notices == ()


def test_a_promoted_clone_that_is_new_to_the_box_starts_from_the_other_replica() -> None:
    promoted = [
        here(HOME, snap(5), origin=f"tank/clone@{ORIGIN.name}"),
        here("tank/clone", snap(1), ORIGIN, snap(6)),
    ]
    works, notices = planned(promoted, [on_box("tank:home", snap(1), ORIGIN, snap(5))])
    plan = works["tank/clone"].plan
    assert isinstance(plan, IncrementalSend)
    assert [(step.base and step.base.guid, step.to.guid) for step in plan.steps] == [(ORIGIN.guid, 106)]
    assert isinstance(works[HOME].plan, UpToDate)
    assert notices == ()


def test_what_a_clone_starts_from_is_not_pruned_before_the_clone_has_arrived() -> None:
    works, _ = planned(FAMILY, [on_box("tank:home", snap(1), snap(5))])
    home = works[HOME]
    assert home.lends == {snap(1).guid}
    replica = after_send(home)
    assert replica is not None
    assert [s.guid for s in lent(replica, home.lends).snapshots if s.cloned] == [snap(1).guid]


def test_a_pending_snapshot_of_a_relative_is_no_base() -> None:
    pending = [
        here(HOME, snap(1), snap(9, guid=NOT_TAKEN)),
        here("tank/clone", snap(8, guid=NOT_TAKEN), origin=f"{HOME}@{snap(1).name}"),
    ]
    works, _ = planned(pending, [])
    plan = works["tank/clone"].plan
    assert isinstance(plan, IncrementalSend)
    assert plan.steps[0].base == pending[0].snapshots[0]
    assert works[HOME].lends == {snap(1).guid}
