from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from zoffsite.model.event import Event, EventKind
from zoffsite.views.history import history_json, of_words, what_words

SENT = Event(
    when=datetime(2026, 11, 23, 3, tzinfo=UTC),
    kind=EventKind.SENT,
    dataset="tank/home",
    snapshot="daily",
    guid=2**64 - 1,
    base_guid=0,
    bytes=5,
    seconds=1.5,
)
PRUNED = Event(
    when=SENT.when, kind=EventKind.PRUNED, dataset="tank/home", snapshot="old", side="box", count=3, guid=None
)


def test_an_event_in_words() -> None:
    assert (what_words(SENT), of_words(SENT)) == ("sent", "@daily in full")
    assert of_words(replace(SENT, base_guid=7)) == "@daily"
    assert (what_words(PRUNED), of_words(PRUNED)) == ("pruned on the box", "3 snapshots from @old")
    assert what_words(replace(SENT, kind=EventKind.PROVED, good=False)) == "NOT proved"
    assert what_words(replace(SENT, kind=EventKind.PROVED, good=None)) == "proof broke off"
    assert what_words(replace(SENT, kind=EventKind.DRILLED, good=None)) == "drill broke off"


def test_guids_are_text_in_json_and_a_full_stream_has_no_base() -> None:
    (event,) = history_json("home", (SENT,))["events"]
    assert (event["when"], event["guid"], event["base_guid"]) == ("2026-11-23T03:00:00Z", str(2**64 - 1), None)
