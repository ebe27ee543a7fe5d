"""The database of the Prefect server that `zoffsite deploy` sets up stops growing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from demo.environment import clean_environment
from tests.prefect import year
from zoffsite.deploy.spec import Deployment, Needs, Way
from zoffsite.deploy.units import KEPT_DAYS, SERVER, UNITS, files_of

NOTHING = Needs(zfs=False, disks=False, hooks=False)


def variables_of_the_server() -> dict[str, str]:
    """What its unit sets."""
    here = Path("/nowhere")
    deployment = Deployment(
        way=Way.PREFECT, config=here, state_dir=here, python=here, zoffsite=here, reachable=True, needs=NOTHING
    )
    unit = files_of(deployment)[f"{UNITS}/{SERVER}"]
    return dict(re.findall(r"^Environment=(PREFECT_[A-Z_]+)=(.*)$", unit, re.MULTILINE))


def test_after_a_year_of_hourly_runs_only_those_of_the_last_days_are_left_in_any_table(tmp_path: Path) -> None:
    home = str(tmp_path)
    env = {**clean_environment(), **variables_of_the_server(), "PREFECT_HOME": home, "HOME": home}
    done = subprocess.run(
        [sys.executable, "-m", "tests.prefect.year"], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert {"flow_runs", "events", "orphans"} <= set(found["cleaned"])
    before = found["before"]
    assert before == of_runs(year.RUNS, events_of=year.EVENT_DAYS * 24, keys=len(year.ARTIFACTS) + 1, older=1)
    assert found["left"] == of_runs(KEPT_DAYS * 24, events_of=7 * 24, keys=len(year.ARTIFACTS))


def of_runs(count: int, *, events_of: int, keys: int, older: int = 0) -> dict[str, int]:
    """The rows of so many runs; events are kept for a week. What belongs to no run stays for ever."""
    changes = len(year.STATES) * (1 + len(year.TASKS))
    return {
        "flow": 1,
        "flow_run": count,
        "flow_run_state": count * len(year.STATES),
        "task_run": count * len(year.TASKS),
        "task_run_state": count * len(year.TASKS) * len(year.STATES),
        "log": count * year.LINES,
        "artifact": count * len(year.ARTIFACTS) + year.OUTSIDE + older,
        "artifact_collection": keys,
        "events": events_of * changes,
        "event_resources": events_of * changes,
    }
