"""Who is told what, when; whatever arrives or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.views.values import ALERT, ERROR, FAILED, GOOD, NOTED, PARTIAL, SENT, STARTED, STOPPED
from zoffsite.model.alert import ALL_OF_IT, NOTHING_HEARD, AlertKind, Heard, Reach, Told
from zoffsite.model.report import RunReport
from zoffsite.planning.telling import after_telling, failures_of, settled, taken_in, what_to_tell

HOUR = timedelta(hours=1)
ALL = frozenset(AlertKind)
WEEK = timedelta(days=7)
ALSO = replace(PARTIAL, datasets=(FAILED, replace(FAILED, source="tank/c")))


class Person:
    """A receiver that lives through runs, an hour apart unless told otherwise."""

    def __init__(self, kinds: frozenset[AlertKind] = ALL) -> None:
        self.kinds = kinds
        self.heard: Heard = NOTHING_HEARD
        self.now: datetime = STARTED
        self.since: datetime | None = None

    def run(
        self,
        report: RunReport,
        *,
        later: timedelta = HOUR,
        arrives: bool = True,
        killed: bool = False,
        reach: Reach = ALL_OF_IT,
    ) -> AlertKind | None:
        """What is sent after the run. `killed`: the report was saved, and nothing came after that."""
        self.now += later
        report = replace(report, started=self.now)
        failed = report.state != "ok"
        since = self.since
        self.since = (since or self.now) if failed else None if reach.whole else since
        if killed:
            return None
        self.heard = taken_in(self.heard, self.kinds, report, since, reach)
        kind = what_to_tell(self.heard, self.kinds, report, self.now, reach)
        if kind is not None and arrives:
            self.heard = after_telling(self.heard, kind, report, self.now)
        self.heard = settled(self.heard, report, self.now)
        return kind


def test_a_failure_is_told_at_once_and_the_recovery_from_it_once() -> None:
    person = Person()
    assert [person.run(each) for each in (GOOD, PARTIAL, GOOD, GOOD)] == [None, "failure", "recovery", None]


def test_hourly_failures_are_told_at_growing_distances() -> None:
    person = Person()
    told = [hour for hour in range(24 * 30) if person.run(PARTIAL)]
    assert told[0] == 0
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert gaps[:3] == [6, 22, 65]
    assert set(gaps[3:]) == {152}
    assert person.run(GOOD) == "recovery"


def test_daily_failures_are_told_every_day_at_first() -> None:
    person = Person()
    told = [day for day in range(15) if person.run(PARTIAL, later=timedelta(days=1) - timedelta(minutes=1))]
    assert told == [0, 1, 2, 5, 12]


@pytest.mark.parametrize(
    "report", [ALSO, STOPPED, replace(PARTIAL, datasets=(replace(FAILED, error=replace(ERROR, code="no-space")),))]
)
def test_a_new_trouble_is_told_at_once_though_the_old_one_goes_on(report: RunReport) -> None:
    person = Person()
    assert [person.run(PARTIAL), person.run(PARTIAL), person.run(report)] == ["failure", None, "failure"]


def test_troubles_that_take_turns_are_each_new_only_once() -> None:
    person = Person()
    assert [person.run(each) for each in (PARTIAL, STOPPED, PARTIAL, STOPPED)] == ["failure", "failure", None, None]


def test_what_did_not_arrive_is_told_by_the_next_run_be_it_failure_or_recovery() -> None:
    person = Person()
    assert person.run(PARTIAL, arrives=False) == "failure"
    assert person.run(PARTIAL) == "failure"
    assert person.run(GOOD, arrives=False) == "recovery"
    assert person.run(GOOD, arrives=False) == "recovery"
    assert person.run(GOOD) == "recovery"
    assert person.run(GOOD) is None


def test_a_failure_that_nobody_could_be_told_of_is_told_with_the_recovery() -> None:
    person = Person()
    assert person.run(PARTIAL, arrives=False) == "failure"
    failing = person.heard.failing
    assert person.run(GOOD, arrives=False) == "recovery"
    assert (person.heard.failing, failing) == (failing, STARTED + HOUR)
    assert person.run(GOOD) == "recovery"


def test_a_run_that_was_killed_before_it_told_leaves_it_to_the_next() -> None:
    person = Person()
    person.run(PARTIAL, killed=True)
    assert person.run(GOOD, arrives=False) == "recovery"
    assert person.heard.failing == STARTED + HOUR
    person = Person()
    person.run(PARTIAL)
    person.run(GOOD, killed=True)
    assert person.run(GOOD) == "recovery"


def test_a_warning_is_told_once_and_again_at_growing_distances() -> None:
    person = Person()
    told = [hour for hour in range(60) if person.run(NOTED)]
    assert told == [0, 6, 28]


def test_a_warning_that_comes_and_goes_within_hours_is_not_told_each_time() -> None:
    person = Person()
    assert [person.run(each) for each in (NOTED, GOOD, NOTED, GOOD)] == ["warning", None, None, None]
    assert [person.run(GOOD, later=7 * HOUR), person.run(NOTED)] == [None, "warning"]


def test_a_new_warning_beside_a_known_failure_is_told() -> None:
    person = Person()
    person.run(PARTIAL)
    assert person.run(replace(PARTIAL, notices=(ALERT,))) == "warning"


def test_a_failure_brings_the_warnings_with_it_so_that_they_are_not_told_twice() -> None:
    person = Person()
    both = replace(PARTIAL, notices=(ALERT,))
    assert [person.run(both), person.run(both), person.run(NOTED)] == ["failure", None, "recovery"]
    assert person.run(NOTED) is None


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({AlertKind.FAILURE}, ["failure", None, None, "failure"]),
        ({AlertKind.RECOVERY}, [None, "recovery", None, None]),
        ({AlertKind.WARNING}, [None, None, "warning", None]),
        ({AlertKind.DIGEST}, [None, None, None, None]),
    ],
)
def test_each_receiver_gets_only_the_kinds_it_is_for(kinds: set[AlertKind], expected: list[str | None]) -> None:
    person = Person(frozenset(kinds))
    assert [person.run(each) for each in (PARTIAL, GOOD, NOTED, PARTIAL)] == expected


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    person = Person()
    person.run(PARTIAL)
    assert person.run(PARTIAL, later=timedelta(days=-3650)) == "failure"


def test_what_fails_is_known_by_what_and_how_never_by_the_words_of_the_box() -> None:
    other = replace(PARTIAL, datasets=(replace(FAILED, error=replace(ERROR, message="other words, 3 s")),))
    assert failures_of(other) == failures_of(PARTIAL) == {"tank/b: stalled"}


def test_times_are_counted_from_the_newest_trouble() -> None:
    heard = after_telling(NOTHING_HEARD, AlertKind.FAILURE, PARTIAL, STARTED)
    heard = after_telling(heard, AlertKind.FAILURE, PARTIAL, STARTED + HOUR)
    assert heard.failure == Told(times=2, last=STARTED + HOUR, about=frozenset({"tank/b: stalled"}))
    heard = after_telling(heard, AlertKind.FAILURE, ALSO, STARTED + 2 * HOUR)
    assert heard.failure is not None
    assert heard.failure.times == 1


@pytest.mark.parametrize("kinds", [ALL, frozenset({AlertKind.FAILURE})])
def test_a_good_run_of_some_datasets_is_no_recovery_and_the_failure_stays_known(kinds: frozenset[AlertKind]) -> None:
    person = Person(kinds)
    assert person.run(PARTIAL) == "failure"
    assert person.run(GOOD, reach=Reach(whole=False)) is None
    assert person.run(PARTIAL) is None
    assert person.run(GOOD) == ("recovery" if AlertKind.RECOVERY in kinds else None)


TURNS = Reach(members=frozenset({"tank/a", "tank/b", "tank/c"}))
EVERY_KIND = pytest.mark.parametrize("kinds", [ALL, frozenset({AlertKind.FAILURE}), frozenset({AlertKind.RECOVERY})])


def one(dataset: str, *, good: bool = True) -> RunReport:
    """A run whose turn it was to look at this dataset."""
    return replace(GOOD, job="home.drill", datasets=(replace(SENT if good else FAILED, source=dataset),))


def nothing() -> RunReport:
    """A run that found nothing due."""
    return replace(GOOD, job="home.prove", datasets=())


@EVERY_KIND
def test_a_good_drill_of_another_dataset_is_no_recovery_until_the_one_that_failed_is_good(
    kinds: frozenset[AlertKind],
) -> None:
    person = Person(kinds)
    turns = [one("tank/a", good=False), one("tank/b"), one("tank/c"), one("tank/a"), one("tank/b")]
    told = [person.run(each, later=WEEK, reach=TURNS) for each in turns]
    assert told[1:3] == [None, None]
    assert told[3:] == ["recovery" if AlertKind.RECOVERY in kinds else None, None]
    assert person.heard == NOTHING_HEARD


def test_of_two_that_failed_each_is_good_in_its_turn_and_the_last_is_the_recovery() -> None:
    person = Person()
    turns = [one("tank/a", good=False), one("tank/b", good=False), one("tank/c"), one("tank/a"), one("tank/b")]
    told = [person.run(each, later=WEEK, reach=TURNS) for each in turns]
    assert told == ["failure", "failure", None, None, "recovery"]


def test_a_drill_that_never_could_be_told_of_is_no_recovery_either_where_another_is_good() -> None:
    person = Person()
    assert person.run(one("tank/a", good=False), arrives=False, reach=TURNS) == "failure"
    assert person.run(one("tank/b"), later=WEEK, reach=TURNS) is None


def test_a_good_drill_by_hand_counts_with_the_next_that_a_schedule_begins() -> None:
    person = Person()
    person.run(one("tank/a", good=False), reach=TURNS)
    assert person.run(one("tank/a"), reach=Reach(whole=False)) is None
    assert person.run(one("tank/b"), reach=TURNS) == "recovery"


def test_what_failed_and_has_left_the_job_keeps_nobody_from_the_recovery() -> None:
    person = Person()
    person.run(one("tank/a", good=False), reach=TURNS)
    alarmed = frozenset({"tank/a"})
    assert person.run(one("tank/b"), later=WEEK, reach=replace(TURNS, alarmed=alarmed)) is None
    left = Reach(members=frozenset({"tank/b", "tank/c"}), alarmed=alarmed)
    assert person.run(one("tank/b"), later=WEEK, reach=left) == "recovery"


def test_a_stream_that_differed_and_has_no_challenge_left_is_never_told_to_work_again_while_its_alarm_stands() -> None:
    person = Person()
    alarmed = replace(TURNS, alarmed=frozenset({"tank/a"}))
    assert person.run(one("tank/a", good=False), reach=alarmed) == "failure"
    others = [nothing(), one("tank/b"), one("tank/a"), nothing()]  # tank/a: another stream of it
    assert [person.run(each, later=WEEK, reach=alarmed) for each in others] == [None] * 4
    assert person.run(nothing(), later=WEEK, reach=TURNS) == "recovery", "somebody has acknowledged it"


def test_a_run_that_stopped_as_a_whole_is_recovered_from_by_any_that_goes_well() -> None:
    person = Person()
    assert person.run(replace(STOPPED, job="home.prove"), reach=TURNS) == "failure"
    assert person.run(nothing(), later=WEEK, reach=TURNS) == "recovery"
