"""Prefect deployments: schedules and limits, no logic."""

import tasks  # noqa: F401 - before Prefect: see there
