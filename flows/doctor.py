"""Flow: is everything as it should be, on both machines and between them?"""

from __future__ import annotations

from functools import partial
from typing import Any

from prefect import flow
from prefect.context import TagsContext
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.logs import logs_in_ui, without_tracebacks
from flows.run import SkippedError, new_name, skip_what_was_made_up_for
from tasks.doctor import examine
from tasks.naming import BY_PREFECT
from tasks.options import call, failed
from zoffsite.actions.doctor import DOCTOR, doctor_job
from zoffsite.actions.run import run_name
from zoffsite.config.loading import load
from zoffsite.hosts.connections import close_shared
from zoffsite.model.checkup import Checkup, Level
from zoffsite.model.errors import ZoffsiteError
from zoffsite.views.checkup import checkup_words


class SickError(Exception):
    """What a run raises when Prefect asks for its result: the checkup says why."""

    def __init__(self, checkup: Checkup) -> None:
        super().__init__(checkup_words(checkup))
        self.checkup = checkup


@flow(name=DOCTOR, flow_run_name=new_name(DOCTOR), persist_result=False, validate_parameters=True)
def doctor(job: str) -> Any:
    """Examine the source, the box, and the way between them. Changes nothing; alerts of what is not as it should be.

    Args:
        job: A job of zoffsite.toml.
    """
    without_tracebacks(SickError, SkippedError, ZoffsiteError)
    with logs_in_ui(), TagsContext(current_tags=set()):  # tagged tasks ask the server for leave before each start
        try:
            settings = load()
            chosen = settings.job(job)
            skip_what_was_made_up_for(settings, chosen, DOCTOR)
            name = flow_run.name or run_name(f"{job}-{DOCTOR}")
            look = partial(call, examine, chosen.retries, chosen, settings.file)
            checkup = doctor_job(settings, chosen, name, f"{BY_PREFECT}{name}", look)
        except SkippedError as error:
            return Cancelled(message=str(error), data=error)
        except ZoffsiteError as error:  # wrong settings, or the source cannot be reached
            return failed(error)
        finally:
            close_shared()
    return _final_state(checkup)


def _final_state(checkup: Checkup) -> Any:
    """Failed where anything is critical; a warning is told, and fails no run."""
    words = checkup_words(checkup)
    if checkup.level is Level.CRITICAL:
        return Failed(message=words, data=SickError(checkup))
    return Completed(message=words, data=checkup)
