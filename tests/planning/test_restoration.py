from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zoffsite.model.errors import OperationError, SafetyError, SettingsError
from zoffsite.model.inventory import DatasetState, Inventory, TokenContents
from zoffsite.model.job import Disk, Job, Origin
from zoffsite.model.memory import Arrived, Memory, Remembered
from zoffsite.model.restore import Landing, Restoration, RestoreAction, RestorePlan, Wanted
from zoffsite.model.snapshots import NO_SNAPSHOTS, Snapshots
from zoffsite.planning.restoration import MARGIN, TIMES_LONGER, bounded, check_not_the_box, plan_restore

from .make import JOB, dataset, replica_dataset, snap

ROOT = "vault/box"
WANTED = Wanted(dataset="tank/home", to="tank/back")


def on_box(name: str, *numbers: int, **changes: Any) -> DatasetState:
    """The replica of a dataset, with the snapshots of these numbers."""
    replica = f"{ROOT}/{name.replace('/', ':')}"
    versions = Snapshots.of(snap(number, where=replica) for number in numbers)
    return DatasetState(dataset=replica_dataset(replica, **changes), snapshots=versions)


def plan(
    *states: DatasetState,
    wanted: Wanted = WANTED,
    landing: Landing | None = None,
    memory: Memory | None = None,
    ever_sent: Set[int] = frozenset(),
) -> RestorePlan:
    box = Inventory(host="box", datasets={state.dataset.name: state for state in states})
    names = {state.dataset.name.removeprefix(f"{ROOT}/").replace(":", "/"): [state.dataset.name] for state in states}
    return plan_restore(JOB, wanted, box, names, landing or Landing(room=10**12), memory, ever_sent)


def one(*states: DatasetState, **more: Any) -> Restoration:
    return plan(*states, **more).datasets[0]


def here(name: str, *numbers: int, token: str | None = None) -> Mapping[str, DatasetState]:
    versions = tuple(snap(number, where=name) for number in numbers)
    return {
        name: DatasetState(dataset=dataset(name, resume_token=token, mounted=False), snapshots=Snapshots.of(versions))
    }


def begun(number: int, **changes: Any) -> TokenContents:
    facts = {"token": "1-a-b-c", "sends": "", "toguid": 100 + number, "fromguid": 0, "raw": True, "stale": "gone"}
    return TokenContents(**{**facts, "received_bytes": 500, "remaining_bytes": 0, **changes})


def interrupted(number: int, **changes: Any) -> Landing:
    """A receive into tank/back that broke off."""
    return Landing(
        there=here("tank/back", token="1-a-b-c"), tokens={"tank/back": begun(number, **changes)}, room=10**12
    )


def test_the_tree_comes_back_under_its_new_name_parents_first() -> None:
    found = plan(on_box("tank/home/ann", 1), on_box("tank/home", 1, 2), on_box("tank/homework", 1), on_box("tank", 1))
    assert [(each.dataset, each.target) for each in found.datasets] == [
        ("tank/home", "tank/back"),
        ("tank/home/ann", "tank/back/ann"),
    ]
    assert found.datasets[0].snapshot == snap(2, where=f"{ROOT}/tank:home")


def test_alone_is_without_what_is_below() -> None:
    wanted = Wanted(dataset="tank/home", to="tank/back", alone=True)
    assert len(plan(on_box("tank/home", 1), on_box("tank/home/ann", 1), wanted=wanted).datasets) == 1


@pytest.mark.parametrize(
    ("choice", "before", "number"),
    [
        ("latest", None, 3),
        (snap(2).name, None, 2),
        ("2026-11-24", datetime(2026, 11, 24, 23, 59, tzinfo=UTC), 2),
        ("2026-11-24T11:00", datetime(2026, 11, 24, 11, tzinfo=UTC), 1),
    ],
)
def test_a_snapshot_is_chosen_by_name_by_time_or_is_the_newest(choice: str, before: datetime, number: int) -> None:
    wanted = Wanted(dataset="tank/home", to="tank/back", snapshot=choice, before=before)
    found = one(on_box("tank/home", 1, 2, 3), wanted=wanted)
    assert found.snapshot is not None
    assert found.snapshot.guid == 100 + number


def test_a_snapshot_that_is_not_there_is_refused_and_says_what_there_is() -> None:
    wanted = Wanted(dataset="tank/home", to="tank/back", snapshot="nope")
    found = one(on_box("tank/home", 1, 2), wanted=wanted)
    assert (found.action, found.code) == (RestoreAction.REFUSED, "snapshot-missing")
    assert snap(1).name in found.reason


def test_a_replica_that_is_not_encrypted_is_none_of_ours() -> None:
    found = one(on_box("tank/home", 1, encryption="off", encryptionroot=None))
    assert (found.action, found.code) == (RestoreAction.REFUSED, "not-encrypted")


def test_an_interrupted_restore_goes_on_with_what_it_had_begun_though_there_is_a_newer_snapshot() -> None:
    found = one(on_box("tank/home", 1, 2), landing=interrupted(1))
    assert (found.action, found.token, found.snapshot) == (
        RestoreAction.RESUME,
        "1-a-b-c",
        snap(1, where=f"{ROOT}/tank:home"),
    )
    assert found.estimated_bytes == snap(1).referenced - 500


@pytest.mark.parametrize("changes", [{"toguid": 9}, {"fromguid": 101}, {"raw": False}])
def test_an_interrupted_receive_of_something_else_is_refused(changes: dict[str, Any]) -> None:
    found = one(on_box("tank/home", 1, 2), landing=interrupted(2, **changes))
    assert (found.action, found.code, found.token) == (RestoreAction.REFUSED, "interrupted-other", None)


def test_what_has_come_back_is_there_and_what_is_in_the_way_stays() -> None:
    back = Landing(there=here("tank/back", 2), room=10**12)
    assert one(on_box("tank/home", 1, 2), landing=back).action is RestoreAction.THERE
    for other in (here("tank/back", 1), here("tank/back", 2, 3), here("tank/back")):
        found = one(on_box("tank/home", 1, 2), landing=Landing(there=other, room=10**12))
        assert (found.action, found.code) == (RestoreAction.REFUSED, "target-exists")


def test_what_was_not_backed_up_between_the_others_becomes_an_empty_place() -> None:
    wanted = Wanted(dataset="tank", to="pool/back")
    found = plan(on_box("tank/a/b/c", 1), on_box("tank/a", 1), wanted=wanted)
    assert found.containers == ("pool/back", "pool/back/a/b")


def test_a_place_that_is_not_encrypted_is_said_to_be() -> None:
    def said(landing: Landing, *names: str) -> list[tuple[str, str]]:
        found = plan(*(on_box(name, 1) for name in names), wanted=wanted, landing=landing).notices
        places = [each for each in found if each.code == "place-not-encrypted"]
        return [(each.message.partition(":")[0], each.remedy) for each in places]

    wanted = Wanted(dataset="tank", to="pool/back")
    (below,) = said(Landing(room=10**12, encrypted=True), "tank/a/b/c", "tank/a")
    assert below[0] == "pool/back/a/b"
    assert "zfs rename pool/back/a/b pool/back/a/b-place && zfs create pool/back/a/b," in below[1]
    (above,) = said(Landing(room=10**12), "tank/a/b/c", "tank/d")
    assert above[0] == "pool/back, pool/back/a, pool/back/a/b"
    encrypted = {"pool/back": DatasetState(dataset=dataset("pool/back", mounted=False), snapshots=NO_SNAPSHOTS)}
    assert said(Landing(room=10**12, there=encrypted), "tank/a/b/c") == []
    assert said(Landing(room=10**12, encrypted=True), "tank/a/b/c") == []


def test_a_place_that_is_in_use_is_none() -> None:
    wanted = Wanted(dataset="tank", to="pool/back")
    with pytest.raises(SettingsError) as caught:
        plan(on_box("tank/a", 1), wanted=wanted, landing=Landing(there=here("pool/back", 1), room=10**12))
    assert caught.value.code == "target-exists"


def test_the_keys_are_those_that_opened_it_when_it_was_sent() -> None:
    known = Remembered(dataset="tank/home/ann", encryptionroot="tank/home")
    memory = Memory(replicas={f"{ROOT}/tank:home:ann": known})
    found = plan(on_box("tank/home", 1), on_box("tank/home/ann", 1), memory=memory)
    assert found.keys == ("tank/home",)


def test_a_snapshot_that_the_ledger_never_saw_go_is_an_alert() -> None:
    known = Remembered(dataset="tank/home", on_box=Arrived(["one"], [101]), properties=())
    memory = Memory(replicas={f"{ROOT}/tank:home": known})
    assert plan(on_box("tank/home", 1), memory=memory).notices == ()
    (notice,) = plan(on_box("tank/home", 1, 2), memory=memory).notices
    assert (notice.code, notice.alert) == ("never-sent", True)


def test_what_was_sent_and_is_not_expected_there_any_more_is_no_stranger() -> None:
    known = Remembered(dataset="tank/home", on_box=Arrived(["two"], [102]), properties=())
    memory = Memory(replicas={f"{ROOT}/tank:home": known})
    asked = replace(WANTED, snapshot=snap(1).name)
    (notice,) = plan(on_box("tank/home", 1, 2), wanted=asked, memory=memory).notices
    assert notice.code == "never-sent"
    assert plan(on_box("tank/home", 1, 2), wanted=asked, memory=memory, ever_sent={101}).notices == ()


def test_what_stands_in_the_place_of_a_lost_replica_is_an_alert() -> None:
    memory = Memory(replicas={f"{ROOT}/tank:home": Remembered(dataset="tank/home", properties=())})
    (notice,) = plan(on_box("tank/home", 2), memory=memory, ever_sent={101}).notices
    assert (notice.code, notice.alert) == ("never-sent", True)
    assert plan(on_box("tank/home", 1), memory=memory, ever_sent={101}).notices == ()


def never_sent(*states: DatasetState, **more: Any) -> list[str]:
    return [notice.message for notice in plan(*states, **more).notices if notice.code == "never-sent"]


def test_a_replica_that_a_ledger_of_others_never_heard_of_is_an_alert() -> None:
    others = Memory(replicas={f"{ROOT}/tank:work": Remembered(dataset="tank/work")})
    for more in ({"memory": others}, {"ever_sent": {999}}):
        (message,) = never_sent(on_box("tank/home", 1), **more)
        assert message.endswith(f"nor anything else to {ROOT}/tank:home")
    assert never_sent(on_box("tank/home", 1), memory=others, ever_sent={101}) == []  # under another name


def test_without_a_ledger_nobody_can_tell_what_was_sent() -> None:
    assert never_sent(on_box("tank/home", 1)) == []
    assert never_sent(on_box("tank/home", 1), memory=Memory()) == []


def test_what_does_not_fit_is_not_begun() -> None:
    with pytest.raises(OperationError) as caught:
        plan(on_box("tank/home", 1), landing=Landing(room=1000))
    assert caught.value.code == "no-room"


def huge(name: str, referenced: int) -> DatasetState:
    """What a box says that lies about sizes."""
    state = on_box(name, 1)
    return replace(state, snapshots=Snapshots.of([replace(state.snapshots[0], referenced=referenced)]))


def test_what_comes_cannot_be_more_than_there_is_room_for_all_together() -> None:
    room = 10**12
    found = bounded(plan(huge("tank/home", 4 * 10**11), huge("tank/home/ann", 5 * 10**11)), room, {})
    assert plan(huge("tank/home", 4 * 10**11)).datasets[0].longest > room
    assert [part.longest for part in found.datasets] == [4 * 10**11 * 3 // 2, 5 * 10**11 * 3 // 2]
    roomy = bounded(plan(huge("tank/home", 10**9), huge("tank/home/ann", 10**9)), 5 * 10**9, {})
    assert sum(part.longest for part in roomy.datasets) <= 5 * 10**9


def test_what_comes_cannot_be_more_than_was_ever_sent_whatever_the_box_says() -> None:
    lied = plan(huge("tank/home", 10**11))
    (part,) = bounded(lied, 10**12, {101: 10**6}).datasets
    assert part.longest == TIMES_LONGER * 10**6 + MARGIN
    assert bounded(lied, 10**12, {999: 1}).datasets[0].longest > part.longest


def test_a_stream_may_be_no_longer_than_its_snapshot_allows() -> None:
    assert one(on_box("tank/home", 1)).longest == TIMES_LONGER * snap(1).referenced + MARGIN


def test_what_the_box_does_not_have_is_said_with_what_it_has() -> None:
    with pytest.raises(SettingsError) as caught:
        plan(on_box("tank/other", 1))
    assert caught.value.code == "nothing-matched"
    assert "tank/other" in caught.value.remedy


def is_box(
    receiver: Mapping[str, DatasetState], granted: Set[str] | None, *, asked: Job = JOB, keys: Set[str] = frozenset()
) -> bool:
    box = Inventory(host="box", datasets={asked.root: DatasetState(dataset=dataset(asked.root, guid=77))})
    try:
        check_not_the_box(asked, receiver, box, granted, keys)
    except SafetyError as error:
        assert error.code == "this-is-the-box"
        return True
    return False


def test_never_on_the_box_itself_by_guid_or_by_what_only_the_kit_s_box_has() -> None:
    root = {guid: {JOB.root: DatasetState(dataset=dataset(JOB.root, guid=guid))} for guid in (77, 78)}
    assert is_box(root[77], None)
    assert is_box({}, {JOB.root})
    assert is_box({}, frozenset()), "a box, and nobody can tell whose"
    assert not is_box({}, None)
    assert not is_box(root[78], None)


def test_the_box_of_somebody_else_may_receive_even_where_its_root_has_the_same_name() -> None:
    assert not is_box({}, {"vault/zoffsite/of-a-friend"})
    same_name = {JOB.root: DatasetState(dataset=dataset(JOB.root, guid=78))}
    assert not is_box(same_name, {JOB.root})


def test_a_carried_disk_is_not_read_on_the_box_that_it_is_of() -> None:
    origin = Origin(host_key="ssh-ed25519 AAAAbox", root=JOB.root)
    disk = Disk(pool="v2", guid=1, absent_after=timedelta.max, carried=origin)
    carried = replace(JOB, box=disk, root="v2/box")
    assert is_box({}, None, asked=carried, keys={"ssh-rsa AAAAx", "ssh-ed25519 AAAAbox"})
    assert not is_box({}, {JOB.root}, asked=carried, keys={"ssh-ed25519 AAAAmine"})
    assert is_box({}, {JOB.root}, asked=carried)
    assert not is_box({}, None, asked=carried)
