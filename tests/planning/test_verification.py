"""Expected against seen."""

from __future__ import annotations

from typing import Any

import pytest

from zoffsite.model.dataset import KeyStatus
from zoffsite.model.errors import OperationError, SafetyError
from zoffsite.planning.verification import check_replica, failed_verification

from .make import REPLICA, mark, replica, snap, there


def test_a_sound_replica_has_no_findings_by_snapshot_or_by_bookmark() -> None:
    assert check_replica(snap(2), replica(there(1), there(2))) == ()
    assert check_replica(mark(2), replica(there(1), there(2))) == ()


@pytest.mark.parametrize(
    ("change", "what", "unsafe"),
    [
        ({"encryption": "off"}, "encryption", True),
        ({"keystatus": KeyStatus.AVAILABLE}, "keystatus", True),
        ({"keystatus": KeyStatus.NONE}, "keystatus", False),
        ({"mounted": True}, "mounted", True),
        ({"readonly": False}, "readonly", False),
        ({"written": 1}, "written since", False),
        ({"resume_token": "1-a-b-c"}, "interrupted receive", False),
    ],
)
def test_each_thing_that_must_be_true_is_looked_at(change: dict[str, Any], what: str, unsafe: bool) -> None:
    (finding,) = check_replica(snap(1), replica(there(1), **change))
    assert (finding.what, finding.unsafe) == (what, unsafe)


def test_another_newest_snapshot_is_found_by_its_guid_though_the_name_is_right() -> None:
    (finding,) = check_replica(snap(1), replica(there(1, guid=999)))
    assert finding.what == "newest guid"
    assert "101" in finding.expected
    assert "999" in finding.seen
    (older,) = check_replica(snap(2), replica(there(1)))
    assert older.what == "newest guid"


@pytest.mark.parametrize("creation", [0, snap(1).creation + 1, 2**64 - 1])
def test_another_time_than_the_stream_brought_along_is_found(creation: int) -> None:
    (finding,) = check_replica(snap(1), replica(there(1, creation=creation)))
    assert finding.what == "time of the newest"
    assert finding.expected == "2026-11-23 12:00:00 UTC"


def test_a_missing_or_empty_replica_is_found() -> None:
    assert [finding.what for finding in check_replica(snap(1), None)] == ["replica"]
    assert [finding.seen for finding in check_replica(snap(1), replica())] == ["no snapshot"]


def test_the_error_lists_everything_expected_and_seen_and_is_not_tried_again() -> None:
    error = failed_verification(REPLICA, check_replica(snap(2), replica(there(1), readonly=False)))
    assert type(error) is OperationError
    assert (error.code, error.subject, error.transient) == ("verify-failed", REPLICA, False)
    assert "newest guid: expected 102" in error.problem
    assert "readonly: expected on, seen off" in error.problem


def test_a_loaded_key_is_a_matter_of_safety() -> None:
    findings = check_replica(snap(1), replica(there(1), keystatus=KeyStatus.AVAILABLE))
    assert isinstance(failed_verification(REPLICA, findings), SafetyError)
