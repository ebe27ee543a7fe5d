"""What is in the box's root."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doctor.make import REPLICA, ROOT, bad, case, facts, healthy_replica, inventory, of
from zoffsite.doctor.examine import examine
from zoffsite.model.checkup import Finding, Level, Word
from zoffsite.model.dataset import KeyStatus
from zoffsite.model.report import ErrorReport
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot


def with_replica(**changes: object) -> tuple[Finding, ...]:
    state = healthy_replica()
    changed = replace(state, dataset=replace(state.dataset, **changes))  # type: ignore[arg-type]
    return examine(case(inventory=inventory(changed)))


@pytest.mark.parametrize(
    ("change", "check", "command"),
    [
        ({"keystatus": KeyStatus.AVAILABLE}, "locked", "zfs unload-key"),
        ({"mounted": True}, "unmounted", "zfs unmount"),
        ({"readonly": False}, "read-only", "zfs inherit readonly"),
        ({"encryption": "off"}, "encrypted", "zfs destroy -r"),
    ],
)
def test_whatever_is_wrong_with_a_replica_is_critical_and_named(
    change: dict[str, object], check: str, command: str
) -> None:
    findings = with_replica(**change)
    assert bad(findings) == [(check, Level.CRITICAL)]
    (found,) = of(findings, check)
    assert REPLICA in found.what
    assert f"{command} {REPLICA}" in found.remedy
    assert found.word is Word.BOX


def test_a_root_that_is_mounted_is_critical_too() -> None:
    made = inventory(healthy_replica())
    root = made.datasets[ROOT]
    states = {**made.datasets, ROOT: replace(root, dataset=replace(root.dataset, mounted=True))}
    assert bad(examine(case(inventory=replace(made, datasets=states)))) == [("unmounted", Level.CRITICAL)]


def snapshot(number: int, dataset: str = REPLICA) -> Snapshot:
    return Snapshot(dataset=dataset, name="manual", guid=99, createtxg=number, creation=0)


def test_a_foreign_snapshot_that_is_the_newest_is_critical_for_it_blocks_the_next_increment() -> None:
    state = healthy_replica()
    found = examine(case(inventory=inventory(replace(state, snapshots=state.snapshots.plus([snapshot(9)])))))
    assert bad(found) == [("foreign-snapshots", Level.CRITICAL)]
    assert f"zfs destroy {REPLICA}@manual" in of(found, "foreign-snapshots")[0].remedy


def test_a_foreign_snapshot_among_ours_is_a_warning() -> None:
    state = healthy_replica()
    found = examine(case(inventory=inventory(replace(state, snapshots=Snapshots.of([snapshot(0), *state.snapshots])))))
    assert bad(found) == [("foreign-snapshots", Level.WARNING)]


def test_a_snapshot_of_the_root_is_foreign() -> None:
    made = inventory(healthy_replica())
    states = {**made.datasets, ROOT: replace(made.datasets[ROOT], snapshots=Snapshots.of([snapshot(1, ROOT)]))}
    findings = examine(case(inventory=replace(made, datasets=states)))
    assert f"{ROOT}@manual" in of(findings, "foreign-snapshots")[0].what


def test_what_the_ledger_knows_to_be_sent_is_ours_although_the_source_has_it_no_more() -> None:
    guids = frozenset(each.guid for each in healthy_replica().snapshots)
    assert bad(examine(case(known=guids))) == []
    assert bad(examine(case(known=frozenset()))) == [("foreign-snapshots", Level.CRITICAL)]


def test_without_a_ledger_nobody_is_accused() -> None:
    findings = examine(case(known=None))
    assert bad(findings) == [("unseen", Level.WARNING)]
    assert "foreign-snapshots (the ledger cannot be read)" in of(findings, "unseen")[0].what


def test_of_many_names_some_are_shown_and_the_rest_counted() -> None:
    state = healthy_replica()
    states = [
        replace(state, dataset=replace(state.dataset, name=f"{ROOT}/r{number}", mounted=True)) for number in range(9)
    ]
    (found,) = of(examine(case(inventory=inventory(*states))), "unmounted")
    assert found.what.endswith(f"{ROOT}/r4 and 4 more")


def test_a_root_or_pool_that_is_gone_is_critical() -> None:
    error = ErrorReport(code="pool-missing", message="the pool is not there", remedy="zpool import", transient=False)
    found = examine(case(inventory=None, inventory_error=error))
    assert bad(found) == [("root", Level.CRITICAL)]
    assert facts().inventory_error is None
