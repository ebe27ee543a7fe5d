"""What stands in the way of a send, and what plans say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.dataset import KeyStatus
from zoffsite.model.inventory import DatasetState, TokenContents, UnreadToken
from zoffsite.model.job import Job, Selection, SnapshotWhen
from zoffsite.model.plan import Conflict, DatasetPlan, FullSend, IncrementalSend, Refused, ResumeSend, UpToDate
from zoffsite.model.version import NOT_TAKEN
from zoffsite.planning.sends import plan_sends

from .make import JOB, REPLICA, SOURCE, job, mark, replica, snap, source, there, token

TOKEN = "1-a-b-c"


def plan(
    here: DatasetState,
    box: DatasetState | None,
    offered: TokenContents | UnreadToken | None = None,
    chosen: Job = JOB,
) -> DatasetPlan:
    return plan_sends(chosen, here, box, offered, REPLICA)


def test_an_unencrypted_dataset_is_refused_whatever_the_box_has() -> None:
    for box in (None, replica(there(1)), replica()):
        refused = plan(source(snap(1), snap(2), encryption="off"), box)
        assert isinstance(refused, Refused)
        assert (refused.code, refused.source, refused.replica) == ("not-encrypted", SOURCE, REPLICA)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"keystatus": KeyStatus.AVAILABLE}, "key-loaded"),
        ({"mounted": True}, "replica-mounted"),
        ({"encryption": "off", "keystatus": KeyStatus.NONE}, "replica-not-encrypted"),
        ({"readonly": False}, "replica-writable"),
    ],
)
def test_a_replica_that_is_not_as_it_must_be_is_refused_though_there_is_nothing_to_send(
    change: dict[str, Any], code: str
) -> None:
    for here in (source(snap(1)), source(snap(1), snap(2))):
        refused = plan(here, replica(there(1), **change))
        assert isinstance(refused, Refused)
        assert refused.code == code
        assert REPLICA in refused.remedy or "readonly=on vault/box" in refused.remedy


def test_a_clones_key_is_unloaded_where_it_was_loaded() -> None:
    refused = plan(source(snap(1)), replica(there(1), keystatus=KeyStatus.AVAILABLE, encryptionroot="vault/box/origin"))
    assert isinstance(refused, Refused)
    assert "zfs unload-key vault/box/origin;" in refused.remedy


def test_what_else_occupies_the_replicas_name_is_left_alone() -> None:
    conflict = plan(source(snap(1)), replica())
    assert isinstance(conflict, Conflict)
    assert conflict.code == "replica-empty"


def test_a_replica_that_was_written_to_is_a_conflict() -> None:
    for here in (source(snap(1)), source(snap(1), snap(2))):
        conflict = plan(here, replica(there(1), written=8192))
        assert isinstance(conflict, Conflict)
        assert conflict.code == "replica-written"
        assert f"zfs rollback {REPLICA}@{there(1).name}" in conflict.remedy


def test_a_divergence_names_what_the_source_does_not_know_and_the_last_common_one() -> None:
    conflict = plan(source(snap(1), snap(9)), replica(there(1), *(there(n) for n in (2, 3, 4, 5, 6))))
    assert isinstance(conflict, Conflict)
    assert conflict.code == "diverged"
    assert f"@{there(6).name} and 2 older ones" in conflict.reason
    assert f"after @{snap(1).name}" in conflict.reason
    assert "zfs rename" in conflict.remedy
    assert "destroy" not in conflict.remedy


def test_a_divergence_calls_the_last_common_one_by_its_name_on_the_box() -> None:
    for here in (source(snap(1, name="renamed"), snap(9)), source(snap(9), bookmarks=[mark(1)])):
        conflict = plan(here, replica(there(1), there(2)))
        assert isinstance(conflict, Conflict)
        assert f"after @{there(1).name}, the last both sides have" in conflict.reason


def test_a_full_send_says_why() -> None:
    full = plan(source(snap(1), snap(2)), None)
    assert isinstance(full, FullSend)
    assert full.reason == "the box has no snapshot of this dataset"
    assert [step.base for step in full.steps] == [None, snap(1)]
    assert [step.estimated_bytes for step in full.steps] == [1001, 4]


def test_an_incremental_send_names_its_base_and_says_when_it_is_a_bookmark() -> None:
    by_snapshot = plan(source(snap(1), snap(2)), replica(there(1)))
    assert isinstance(by_snapshot, IncrementalSend)
    assert by_snapshot.reason == f"@{snap(1).name} is the newest snapshot both sides have"
    by_bookmark = plan(source(snap(2), bookmarks=[mark(1)]), replica(there(1)))
    assert isinstance(by_bookmark, IncrementalSend)
    assert by_bookmark.steps[0].base == mark(1)
    assert f"#{mark(1).name}" in by_bookmark.reason
    assert "bookmark" in by_bookmark.reason


def test_up_to_date_gives_the_boxs_own_snapshot_where_the_source_has_only_a_bookmark() -> None:
    by_bookmark = plan(source(bookmarks=[mark(1)]), replica(there(1)))
    assert isinstance(by_bookmark, UpToDate)
    assert by_bookmark.newest == there(1)
    by_snapshot = plan(source(snap(1)), replica(there(1)))
    assert isinstance(by_snapshot, UpToDate)
    assert by_snapshot.newest == snap(1)


def test_a_snapshot_that_is_not_taken_yet_is_planned_like_any_other() -> None:
    pending = snap(2, guid=NOT_TAKEN)
    made = plan(source(snap(1), pending), replica(there(1)))
    assert isinstance(made, IncrementalSend)
    assert [step.to for step in made.steps] == [pending]


def test_estimates_count_what_the_skipped_snapshots_hold() -> None:
    here = source(snap(1), snap(2, ours=False), snap(3, ours=False), snap(4))
    made = plan(here, replica(there(1)), chosen=job(selection=Selection.OURS))
    assert isinstance(made, IncrementalSend)
    assert [step.estimated_bytes for step in made.steps] == [2**2 + 2**3 + 2**4]


def test_patterns_add_to_what_is_ours() -> None:
    here = source(snap(1), snap(2, ours=False), snap(3, ours=False))
    made = plan(here, None, chosen=job(selection=Selection.OURS, selection_patterns=("other-3",)))
    assert isinstance(made, FullSend)
    assert [step.to for step in made.steps] == [snap(1), snap(3, ours=False)]


def test_latest_without_any_snapshots_of_ours_is_the_newest_of_all() -> None:
    chosen = job(selection=Selection.LATEST, snapshot_when=SnapshotWhen.NEVER)
    made = plan(source(snap(1), snap(2, ours=False)), None, chosen=chosen)
    assert isinstance(made, FullSend)
    assert [step.to for step in made.steps] == [snap(2, ours=False)]


def test_a_first_receive_that_was_cut_is_resumed_even_before_its_encryption_arrived() -> None:
    box = replica(encryption="off", keystatus=KeyStatus.NONE, written=4096, resume_token=TOKEN)
    made = plan(source(snap(1), snap(2)), box, token(1))
    assert isinstance(made, ResumeSend)
    assert made.token == TOKEN
    assert [(step.to, step.base, step.estimated_bytes) for step in made.steps] == [
        (snap(1), None, 77),
        (snap(2), snap(1), 4),
    ]
    assert made.reason == f"the send of @{snap(1).name} was interrupted; the box has no snapshot of this dataset"


def test_a_token_that_no_true_answer_is_about_is_none_of_ours() -> None:
    unread = UnreadToken(token=TOKEN, code="malformed-answer", problem="toguid is there twice")
    made = plan(source(snap(1), snap(2)), replica(there(1), resume_token=TOKEN), unread)
    assert isinstance(made, Refused)
    assert made.code == "unplanned-token"
    assert "toguid is there twice" in made.reason
    assert "distrust the box" in made.remedy


def test_a_token_that_the_source_cannot_look_up_refuses_its_dataset_and_accuses_nobody() -> None:
    unread = UnreadToken(token=TOKEN, code="io-error", problem="cannot resume send: I/O error")
    made = plan(source(snap(1), snap(2)), replica(there(1), resume_token=TOKEN), unread)
    assert isinstance(made, Refused)
    assert made.code == "io-error"
    assert "I/O error" in made.reason
    assert "distrust" not in made.remedy
    assert f"zfs receive -A {REPLICA}" in made.remedy


def test_the_guid_of_a_token_decides_and_not_the_name_of_its_snapshot() -> None:
    box = replica(there(1), resume_token=TOKEN)
    renamed = token(2, 1, sends=f"{SOURCE}@name")
    assert isinstance(plan(source(snap(1), snap(2)), box, renamed), ResumeSend)


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        (token(2, 1, raw=False), "not be sent raw"),
        (token(2, 1, toguid=555), "555"),
        (token(2, 1, sends="tank/copy@2"), "tank/copy@2"),
        (token(2, 1, strange=("savedok",)), "savedok"),
        (token(2, None), "nothing"),
        (token(2, 1, token="1-d-e-f"), "asked about"),
        (None, "asked about"),
    ],
)
def test_a_token_that_nobody_planned_is_an_alarm(offered: TokenContents | None, why: str) -> None:
    if offered is not None and why == "nothing":
        here, box = source(snap(1), snap(2)), replica(there(1), resume_token=TOKEN)
        refused = plan(here, box, offered)
        assert isinstance(refused, Refused)
        assert "guid 0 instead of 101" in refused.reason
        return
    refused = plan(source(snap(1), snap(2)), replica(there(1), resume_token=TOKEN), offered)
    assert isinstance(refused, Refused)
    assert refused.code == "unplanned-token"
    assert why in refused.reason


def test_a_token_for_another_datasets_snapshot_is_never_used() -> None:
    """openzfs #14153: `zfs send -t` sends whatever the token names."""
    other = replace(token(2, 1), toguid=987654321, sends="tank/secret@x")
    assert isinstance(plan(source(snap(1), snap(2)), replica(there(1), resume_token=TOKEN), other), Refused)


def test_a_stale_token_with_nothing_to_send_is_still_handed_on_to_be_aborted() -> None:
    made = plan(source(snap(1)), replica(there(1), resume_token=TOKEN), token(2, 1, stale="gone"))
    assert isinstance(made, UpToDate)
    assert made.stale_token == TOKEN


def test_a_stale_token_of_a_first_send_begins_anew() -> None:
    made = plan(source(snap(2)), replica(resume_token=TOKEN, written=5), token(1, stale="gone"))
    assert isinstance(made, FullSend)
    assert made.stale_token == TOKEN
    assert "no longer be resumed" in made.reason


numbers = st.sets(st.integers(1, 28))


@given(numbers, numbers, numbers, st.sampled_from(Selection))
def test_steps_are_a_chain_that_only_goes_forward(
    on_source: set[int], marked: set[int], on_box: set[int], selection: Selection
) -> None:
    here = source(
        *(snap(n, ours=n % 3 > 0) for n in sorted(on_source)), bookmarks=[mark(number) for number in sorted(marked)]
    )
    box = replica(*map(there, sorted(on_box))) if on_box else None
    made = plan(here, box, chosen=job(selection=selection))
    if isinstance(made, FullSend | IncrementalSend):
        assert isinstance(made, FullSend) == (made.steps[0].base is None)
        for before, step in zip(made.steps, made.steps[1:], strict=False):
            assert step.base == before.to
        for step in made.steps:
            assert step.base is None or step.base.createtxg < step.to.createtxg
            assert step.estimated_bytes >= 0
