"""Carry out the jobs of this machine for a Prefect server that others use, too: `python -m deployments.work [POOL]`.

The machine has a work pool of its own, by default of its own name, so that no other machine takes its runs.
"""

from __future__ import annotations

import socket
import sys

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from deployments.catalog import deployments_of
from deployments.settings import settings_for_runs
from deployments.stopping import run_worker
from zoffsite.model.errors import ZoffsiteError


def main(words: list[str]) -> int:
    """Bring the deployments up to date, then run Prefect's own worker until we are told to stop."""
    pool = words[0] if words else socket.gethostname().partition(".")[0]
    try:
        settings = settings_for_runs()
    except ZoffsiteError as error:
        print(f"{error}\nNext: {error.remedy}", file=sys.stderr)
        return error.exit_code
    _make_pool(pool)
    for deployment in deployments_of(settings, pool):
        deployment.apply()
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", pool, "--type", "process"]
    return run_worker(argv)


def _make_pool(name: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", description="zoffsite, one machine"))
        except ObjectAlreadyExists:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
