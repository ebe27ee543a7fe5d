"""Who is told what after a run: at once, then at growing distances, then of the recovery.

A trouble that nobody has heard of yet is told at once. One that goes on is told again, each time after a longer wait,
so that hourly runs fill no mailbox. What could not be delivered still counts as untold: the next run tries again.

A run recovers only what it was about. A drill comes to one dataset, a proof to what is due: that these are good says
nothing of the one that failed before, so that there is no recovery until that one has been found good, too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from zoffsite.model.alert import ALL_OF_IT, AlertKind, Heard, Reach, Told
from zoffsite.model.report import RunReport, RunState

WAITS = (timedelta(hours=6), timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""How long after the first, second … message the same trouble is told again; the last one holds from there on."""
EARLY = 0.9
"""The share of a wait that is enough: a daily run is sometimes a little early."""
ALARMS = {"drill": "drill-failed", "prove": "proof-failed"}
"""The alarms that a verb raises, by the verb: while one stands, a good run of it is no recovery."""


def what_to_tell(
    heard: Heard, kinds: Collection[AlertKind], report: RunReport, now: datetime, reach: Reach = ALL_OF_IT
) -> AlertKind | None:
    """The kind of message that a receiver of `kinds` gets after this run; None: nothing that it does not know.

    `heard` is as `taken_in` made it of this report. A failure and a recovery bring the warnings with them.
    """
    failed = report.state is not RunState.OK
    if failed and AlertKind.FAILURE in kinds and _due(heard.failure, failures_of(report), now):
        return AlertKind.FAILURE
    if heard.failing is not None and _recovered(heard, report, reach) and AlertKind.RECOVERY in kinds:
        return AlertKind.RECOVERY
    warnings = warnings_of(report)
    if warnings and AlertKind.WARNING in kinds and _due(heard.warning, warnings, now):
        return AlertKind.WARNING
    return None


def taken_in(
    heard: Heard, kinds: Collection[AlertKind], report: RunReport, since: datetime | None, reach: Reach = ALL_OF_IT
) -> Heard:
    """What was heard before, with what this run changes, whatever is told of it.

    `since`: when the first of the failures in a row started, before this run; None if the run before went well.
    """
    failed = report.state is not RunState.OK
    failing = heard.failing or since or (report.started if failed else None)
    heard = replace(heard, failing=failing, failed=_still_failed(heard.failed, report, reach))
    if AlertKind.RECOVERY not in kinds and _recovered(heard, report, reach):
        return replace(heard, failing=None, failure=None)
    return heard


def after_telling(heard: Heard, kind: AlertKind, report: RunReport, now: datetime) -> Heard:
    """What is heard once a message of `kind` has arrived."""
    warnings = warnings_of(report)
    if warnings:
        heard = replace(heard, warning=_again(heard.warning, warnings, now))
    if kind is AlertKind.FAILURE:
        return replace(heard, failure=_again(heard.failure, failures_of(report), now))
    if kind is AlertKind.RECOVERY:
        return replace(heard, failing=None, failure=None)
    return heard


def settled(heard: Heard, report: RunReport, now: datetime) -> Heard:
    """What stays remembered after the run: a warning that has been gone for some hours may come again as a new one."""
    gone = heard.warning is not None and not warnings_of(report) and now - heard.warning.last > WAITS[0]
    return replace(heard, warning=None) if gone else heard


def failures_of(report: RunReport) -> frozenset[str]:
    """What failed, and how: the same trouble has the same key in every run."""
    whole = [f"job: {report.error.code}"] if report.error is not None else []
    bad = (outcome for outcome in report.datasets if not outcome.state.good)
    return frozenset([*whole, *(f"{each.source}: {each.error.code if each.error else each.state}" for each in bad)])


def warnings_of(report: RunReport) -> frozenset[str]:
    """The notices that alert, as keys."""
    return frozenset(f"{notice.subject}: {notice.code}" for notice in report.all_notices if notice.alert)


def _recovered(heard: Heard, report: RunReport, reach: Reach) -> bool:
    """Whether the run is the end of all failures: a run of some datasets only is not, it says nothing of the job."""
    alarmed = reach.alarmed if reach.members is None else reach.alarmed & reach.members
    return report.state is RunState.OK and reach.whole and not heard.failed and not alarmed


def _still_failed(before: frozenset[str], report: RunReport, reach: Reach) -> frozenset[str]:
    """The datasets that failed, and were not found good since; but what the job has no more is nobody's trouble."""
    good = {outcome.source for outcome in report.datasets if outcome.state.good}
    bad = {outcome.source for outcome in report.datasets} - good
    failed = before - good | bad
    if report.state is not RunState.OK or not reach.whole:
        return failed
    return failed & reach.members if reach.members is not None else frozenset()


def _due(told: Told | None, about: frozenset[str], now: datetime) -> bool:
    if told is None or not about <= told.about:
        return True
    wait = EARLY * WAITS[min(told.times, len(WAITS)) - 1]
    return not timedelta(0) <= now - told.last < wait  # a clock that was set back silences nobody


def _again(told: Told | None, about: frozenset[str], now: datetime) -> Told:
    """What is new begins the waits anew; what comes and goes stays known."""
    if told is None or not about <= told.about:
        return Told(times=1, last=now, about=about | (told.about if told else frozenset()))
    return replace(told, times=told.times + 1, last=now)
