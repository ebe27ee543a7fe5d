"""Prefect flows: wiring only, what runs after what."""

import tasks  # noqa: F401 - before Prefect: see there
