"""What `deployments.serve` starts and stops: Prefect's own serving of every job."""

from __future__ import annotations

import sys

from prefect import serve

from deployments.catalog import deployments_of
from deployments.retiring import retire
from deployments.settings import settings_for_runs
from zoffsite.model.errors import ZoffsiteError


def main() -> int:
    """Serve until stopped. Schedules stay active when we stop, so that what was missed is made up for."""
    try:
        settings = settings_for_runs()
    except ZoffsiteError as error:
        print(f"{error}\nNext: {error.remedy}", file=sys.stderr)
        return error.exit_code
    wanted = tuple(deployments_of(settings))
    retire(wanted, None)
    serve(*wanted, pause_on_shutdown=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
