"""Runs in the UI, told apart by their names: the job, and what is done; and the name that report and alerts know."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext
from prefect.states import Crashed

from tasks.telling import best_effort

BY_PREFECT = "Prefect run "
"""How the lock, and the history, name a run of ours: this, and the run's name."""


@best_effort
def name_run(title: str, run: str) -> None:
    """Call the flow run `title`; the name that report and alerts know it by stays as a tag."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with get_client(sync_client=True) as client:
        client.update_flow_run(context.flow_run.id, name=title, tags=sorted({*context.flow_run.tags, run}))


@best_effort
def bury(ident: str) -> None:
    """Let the UI know of a run that was killed: it would stay in state Running for ever. True where it knows.

    By its own id, for another machine's run of a job of the same name may have begun in the same second.
    """
    known = FlowRunFilter(
        id=FlowRunFilterId(any_=[UUID(ident)]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.CANCELLING])),
    )
    with get_client(sync_client=True) as client:
        for each in client.read_flow_runs(flow_run_filter=known):
            killed: State[Any] = Crashed(message="it was killed, or the machine went down; the next run found it")
            client.set_flow_run_state(each.id, killed, force=True)
