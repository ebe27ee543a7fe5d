"""A restore in JSON, and what a person does next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.planning.make import there
from zoffsite.model.dataset import Kind
from zoffsite.model.errors import ExitCode
from zoffsite.model.report import ErrorReport
from zoffsite.model.restore import (
    Restoration,
    RestoreAction,
    RestoreOutcome,
    RestorePlan,
    RestoreReport,
    RestoreResult,
    Wanted,
)
from zoffsite.views.restore import next_steps, part_words, restore_plan_json, restore_report_json

PART = Restoration(
    dataset="tank/my home",
    replica="vault/box/tank:my home",
    target="tank/back",
    action=RestoreAction.RECEIVE,
    reason="it is not here yet",
    snapshot=there(1, guid=2**64 - 1),
    key_of="tank",
    estimated_bytes=1024,
)
VOLUME = replace(PART, dataset="tank/my home/disk", target="tank/back/disk", kind=Kind.VOLUME)
ERROR = ErrorReport(code="wrong-key", message="no", remedy="another", transient=False)


def report(*outcomes: RestoreOutcome) -> RestoreReport:
    plan = RestorePlan(
        job="home",
        wanted=Wanted(dataset="tank/my home", to="tank/back"),
        containers=(),
        datasets=tuple(outcome.plan for outcome in outcomes),
    )
    return RestoreReport(plan=plan, started=datetime(2026, 11, 23, tzinfo=UTC), seconds=1.5, datasets=outcomes)


DONE = RestoreOutcome(plan=PART, state=RestoreResult.RESTORED, bytes=2048, seconds=1.0)


def test_a_plan_and_its_report_have_the_same_shape_and_guids_are_text() -> None:
    whole = report(DONE)
    plan, done = restore_plan_json(whole.plan), restore_report_json(whole)
    assert plan["datasets"][0].items() <= done["datasets"][0].items()
    assert done["datasets"][0]["guid"] == str(2**64 - 1)
    assert (done["keys"], done["started"], done["exit_code"]) == (["tank"], "2026-11-23T00:00:00Z", 0)


def test_what_is_locked_is_opened_next_then_mounted_then_made_the_live_one() -> None:
    steps = list(next_steps(report(DONE, replace(DONE, plan=VOLUME))))
    assert steps[0].startswith("zfs load-key -L prompt tank/back ")
    assert "zfs mount -o ro,nosuid,nodev,noexec tank/back" in steps
    assert not any(step.startswith("zfs mount") and "disk" in step for step in steps)
    assert "zfs rename tank/back 'tank/my home'" in steps


def test_what_is_open_and_mounted_needs_neither_and_what_failed_is_not_made_live() -> None:
    opened = replace(DONE, unlocked=True, mounted="/tank/back")
    assert not any("load-key" in step or "zfs mount -o" in step for step in next_steps(report(opened)))
    failed = RestoreOutcome(plan=VOLUME, state=RestoreResult.FAILED, error=ERROR)
    assert not any("rename" in step for step in next_steps(report(opened, failed)))


def test_a_refusal_outranks_a_failure_and_a_key_that_does_not_fit_is_one() -> None:
    failed = RestoreOutcome(plan=PART, state=RestoreResult.FAILED, error=ERROR)
    assert report(DONE).exit_code is ExitCode.OK
    assert report(replace(DONE, error=ERROR)).exit_code is ExitCode.SOME_FAILED
    assert report(failed, replace(failed, state=RestoreResult.REFUSED)).exit_code is ExitCode.REFUSED


def test_a_part_says_what_comes_and_why() -> None:
    assert part_words(PART) == f"@{there(1).name}, about 1.0 KiB: to come back, because it is not here yet"
    assert (
        part_words(replace(PART, snapshot=None, reason="its replica has no snapshot")) == "its replica has no snapshot"
    )
