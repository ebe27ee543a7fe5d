"""The database of the Prefect server that `zoffsite deploy` sets up stops growing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from demo.environment import clean_environment
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


def test_after_a_year_of_hourly_runs_only_those_of_the_last_days_are_left(tmp_path: Path) -> None:
    home = str(tmp_path)
    env = {**clean_environment(), **variables_of_the_server(), "PREFECT_HOME": home, "HOME": home}
    done = subprocess.run(
        [sys.executable, "-m", "tests.prefect.year"], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert {"flow_runs", "events", "orphans"} <= set(found["cleaned"])
    assert found["left"] == dict.fromkeys(("flow_run", "task_run", "log", "artifact"), KEPT_DAYS * 24)
