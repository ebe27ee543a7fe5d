"""The settings, for this process and for the runs that it starts."""

from __future__ import annotations

import os

from deployments.catalog import FLOWS
from tasks.artifacts import show_report, show_runs
from tasks.naming import bury
from zoffsite.actions.run import BACKUP
from zoffsite.config.loading import load
from zoffsite.config.places import CONFIG_VARIABLE
from zoffsite.config.settings import Settings
from zoffsite.history import past_runs
from zoffsite.state import last_report
from zoffsite.unburied import bury_all


def settings_for_runs(pool: str | None = None) -> Settings:
    """Read them; each run is a process of its own, which must find the same file. Raises SettingsError.

    What was run while nobody served, or while Prefect's server was down, is shown to it now, once, in the name of this
    machine's work `pool`, where it has one. Runs that were found killed meanwhile are marked as such.
    """
    settings = load()
    os.environ[CONFIG_VARIABLE] = str(settings.file)
    for job in settings.job_names:
        for verb in FLOWS:
            report = last_report(job if verb == BACKUP else f"{job}.{verb}", settings.state_dir)
            if report is not None:
                show_report(report, pool, once=True)
        past = past_runs(job, settings.state_dir)
        if past:
            show_runs(job, past, pool, once=True)
    bury_all(settings.state_dir, bury)
    return settings
