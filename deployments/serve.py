"""Serve the deployments of every job: `python -m deployments.serve`, beside a running Prefect server.

What has a schedule runs by itself, the rest by the UI's Run button.
"""

from __future__ import annotations

import sys

from prefect import serve

from deployments.catalog import deployments_of
from deployments.settings import settings_for_runs
from zoffsite.model.errors import ZoffsiteError


def main() -> int:
    """Serve until stopped. Schedules stay active when we stop, so that what was missed is made up for."""
    try:
        settings = settings_for_runs()
    except ZoffsiteError as error:
        print(f"{error}\nNext: {error.remedy}", file=sys.stderr)
        return error.exit_code
    serve(*deployments_of(settings), pause_on_shutdown=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
