"""The settings, for this process and for the runs that it starts."""

from __future__ import annotations

import os

from tasks.artifacts import show_runs
from zoffsite.config.loading import load
from zoffsite.config.places import CONFIG_VARIABLE
from zoffsite.config.settings import Settings
from zoffsite.history import past_runs


def settings_for_runs(pool: str | None = None) -> Settings:
    """Read them; each run is a process of its own, which must find the same file. Raises SettingsError.

    What was run while nobody served, or while Prefect's server was down, is shown to it now, in the name of this
    machine's work `pool`, where it has one.
    """
    settings = load()
    os.environ[CONFIG_VARIABLE] = str(settings.file)
    for job in settings.job_names:
        past = past_runs(job, settings.state_dir)
        if past:
            show_runs(job, past, pool)
    return settings
