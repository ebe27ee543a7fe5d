"""What all flows have in common: settings, lock, logs and report, and the state that Prefect gets to see in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefect.context import FlowRunContext, TagsContext
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.logs import logs_in_ui, without_tracebacks
from tasks.artifacts import show_plan, show_report, show_runs
from tasks.naming import BY_PREFECT, bury, name_run
from tasks.options import failed
from zoffsite.actions.disk import target_needed
from zoffsite.actions.run import BACKUP, Known, Occasion, run_job, run_name
from zoffsite.config.loading import load
from zoffsite.config.settings import Settings
from zoffsite.history import past_runs
from zoffsite.hosts.connections import close_shared, shared
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import ExitCode, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import RunReport, RunState
from zoffsite.planning.lateness import made_up_by
from zoffsite.views.titles import plan_title, report_title
from zoffsite.views.words import report_words

_unattended: ContextVar[bool | None] = ContextVar("unattended", default=None)


@contextmanager
def by_command(*, unattended: bool) -> Iterator[None]:
    """Flows in this block are run by a command, which has its own way of being stopped."""
    token = _unattended.set(unattended)
    try:
        yield
    finally:
        _unattended.reset(token)


class RunFailedError(Exception):
    """What a failed run raises when Prefect asks for its result: the report says why."""

    def __init__(self, report: RunReport) -> None:
        super().__init__(report_words(report))
        self.report = report


class SkippedError(Exception):
    """The same, of a late run that another one has made up for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What a flow does, given the job, the datasets that were asked for, and the time; `plan` changes nothing."""

    name: str
    steps: Callable[[Job, tuple[str, ...], datetime], Iterator[Known]]
    plan: Callable[[Job, tuple[str, ...], datetime], JobPlan] | None = None


def new_name(verb: str) -> Callable[[], str]:
    """For `flow_run_name`: the name by which report, alerts and lock know the run; the UI's comes with the plan."""

    def name() -> str:
        job = str(flow_run.parameters["job"])
        return run_name(job if verb == BACKUP else f"{job}-{verb}")

    return name


def this_run(job: str) -> str:
    """The name of the run of `job` that goes on here."""
    return flow_run.name or run_name(job)


def carry_out(verb: Verb, job: str, datasets: list[str] | None, *, dry_run: bool = False) -> Any:
    """The body of a flow: the state that its run ends in."""
    without_tracebacks(RunFailedError, SkippedError, ZoffsiteError)
    only = tuple(datasets or ())
    with logs_in_ui(), TagsContext(current_tags=set()):  # tagged tasks ask the server for leave before each start
        if _unattended.get() is None:
            transfers.reset()
        try:
            settings = load()
            chosen = settings.job(job)
            if dry_run and verb.plan is not None:
                return _only_planned(settings, chosen, only, verb.plan)
            return _run(settings, chosen, only, verb)
        except SkippedError as error:
            return Cancelled(message=str(error), data=error)
        except ZoffsiteError as error:  # wrong settings, or the lock is held: nothing was run
            return failed(error)
        finally:
            close_shared()


def run_tags(job: str, verb: str = BACKUP) -> list[str]:
    """What the runs of a job are found by."""
    return ["zoffsite", job, verb]


def final_state(report: RunReport) -> Any:
    """Failed when any dataset failed, with a message that names it; Cancelled when somebody stopped the run."""
    words = report_words(report)
    if report.state is RunState.OK:
        return Completed(message=words, data=report)
    kind = Cancelled if report.error_exit is ExitCode.INTERRUPTED else Failed
    return kind(message=words, data=RunFailedError(report))


def _run(settings: Settings, job: Job, only: tuple[str, ...], verb: Verb) -> Any:
    """The run under the job's lock; its report is saved and sent before Prefect is told."""
    name = this_run(job.name)
    name_run(name, name)
    what = Occasion(
        run=name,
        how=f"{BY_PREFECT}{name}",
        ident=str(flow_run.id or ""),
        verb=verb.name,
        whole=not only,
        unattended=_unattended.get() or _of_deployment(),
        still_due=lambda: skip_what_was_made_up_for(settings, job, verb.name),
        bury=bury,
    )
    report = run_job(settings, job, what, shared(), lambda now: verb.steps(job, only, now))
    show_report(report)
    show_runs(job.name, past_runs(job.name, settings.state_dir))
    if verb.name != BACKUP:  # a backup was named after its plan
        name_run(report_title(job.name, verb.name, report), name)
    return final_state(report)


def _of_deployment() -> bool:
    """Whether a schedule, or a person in the UI, started this run: nobody then waits for it at a terminal."""
    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None


def skip_what_was_made_up_for(settings: Settings, job: Job, verb: str) -> None:
    """Raise SkippedError where another run has done what this late one was to do."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or not context.flow_run.auto_scheduled:
        return
    due = context.flow_run.expected_start_time
    other = due and made_up_by(due, datetime.now(UTC), verb, past_runs(job.name, settings.state_dir))
    if due and other:
        raise SkippedError(f"skipped: it was due at {due:%Y-%m-%d %H:%M} UTC, and {other.run} has made up for it")


def _only_planned(
    settings: Settings, job: Job, only: tuple[str, ...], look: Callable[[Job, tuple[str, ...], datetime], JobPlan]
) -> Any:
    now = datetime.now(UTC)
    with target_needed(job, shared(), settings.state_dir, now):
        plan = look(job, only, now)
    show_plan(plan)
    title = f"{plan_title(plan)} (only planned)"
    name_run(title, flow_run.name or job.name)
    return Completed(message=title)
