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
from deployments.retiring import retire
from deployments.settings import settings_for_runs
from deployments.stopping import run_and_stop_in_order
from deployments.waiting import await_server
from zoffsite.model.errors import ZoffsiteError


def main(words: list[str]) -> int:
    """Once the server is there, bring the deployments up to date, and run Prefect's own worker until told to stop."""
    pool = words[0] if words else socket.gethostname().partition(".")[0]
    await_server()
    try:
        settings = settings_for_runs(pool)
    except ZoffsiteError as error:
        print(f"{error}\nNext: {error.remedy}", file=sys.stderr)
        return error.exit_code
    _make_pool(pool)
    wanted = tuple(deployments_of(settings, pool))
    retire(wanted, pool)
    for deployment in wanted:
        deployment.apply()
    argv = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", pool, "--type", "process"]
    return run_and_stop_in_order(argv)


def _make_pool(name: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", description="zoffsite, one machine"))
        except ObjectAlreadyExists:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
