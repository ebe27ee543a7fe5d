"""A bandwidth that changes with the time of the day, in the middle of a transfer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from .conftest import MakeStage
from .stage import SOME, await_true

pytestmark = [pytest.mark.lab, pytest.mark.long]
SLOW_UNTIL_A_MINUTE_PAST_NOON = '[[job.home.windows]]\nstart = "11:00"\nend = "12:01"\nbandwidth = "100 KB/s"'


def zone_where_it_is_noon(now: datetime) -> str:
    """A TZ in which the clock on the wall shows 12:00:00 at `now`, in UTC: windows begin and end with a minute."""
    behind = now - now.replace(hour=12, minute=0, second=0, microsecond=0)
    minutes, seconds = divmod(abs(int(behind.total_seconds())), 60)
    return f"NOON{'-' if behind < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def test_a_running_transfer_takes_up_the_end_of_a_slow_window(make_stage: MakeStage) -> None:
    stage = make_stage("window")
    stage.write("big", "60M")
    stage.configure(keep_box=f"last = 10\n\n{SLOW_UNTIL_A_MINUTE_PAST_NOON}")
    began = datetime.now(UTC)
    run = stage.start("backup", "--direct", "--json", env={"TZ": zone_where_it_is_noon(began)})
    await_true(lambda: stage.held() > SOME or run.poll() is not None, "the box has some of it")
    during = datetime.now(UTC)
    assert run.poll() is None, run.communicate()
    done = stage.finish(run, 0)  # at 100 KB/s it would take ten minutes, and this waits for five
    part = stage.part(done.json)
    assert (part["state"], part["verified"]) == ("sent", True)
    assert during < began + timedelta(minutes=1) < datetime.now(UTC)
