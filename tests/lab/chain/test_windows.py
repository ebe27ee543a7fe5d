"""A bandwidth that changes with the time of the day, in the middle of a transfer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from .conftest import MakeStage
from .stage import SOME, await_true

pytestmark = pytest.mark.lab
MINUTE = timedelta(minutes=1)


def test_a_running_transfer_takes_up_the_end_of_a_slow_window(make_stage: MakeStage) -> None:
    stage = make_stage("window")
    stage.write("big", "30M")
    now = datetime.now()
    end = (now + 2 * MINUTE if now.second > 30 else now + MINUTE).replace(second=0, microsecond=0)  # 30 to 90 s ahead
    slow = f'start = "{now - MINUTE:%H:%M}"\nend = "{end:%H:%M}"\nbandwidth = "50 KB/s"'
    stage.configure(keep_box=f"last = 10\n\n[[job.home.windows]]\n{slow}")
    run = stage.start("backup", "--direct", "--json")
    await_true(lambda: stage.held() > SOME or run.poll() is not None, "the box has some of it", 90)
    during = datetime.now()
    assert run.poll() is None, run.communicate()
    done = stage.finish(run, 0)  # at 50 KB/s it would take ten minutes, and this waits for five
    part = stage.part(done.json)
    assert (part["state"], part["verified"]) == ("sent", True)
    assert during < end < datetime.now()
