"""Prefect deployments: schedules and limits, no logic."""
