"""Serve the deployments of every job: `python -m deployments.serve`, beside a running Prefect server.

What has a schedule runs by itself, the rest by the UI's Run button.
"""

from __future__ import annotations

import sys

from deployments.stopping import run_and_stop_in_order
from deployments.waiting import await_server


def main() -> int:
    """Serve until stopped; then end the runs, which clean up, before what started them."""
    await_server()
    return run_and_stop_in_order([sys.executable, "-m", "deployments.serving"])


if __name__ == "__main__":
    sys.exit(main())
