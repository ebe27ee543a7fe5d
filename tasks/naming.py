"""The name of a run in the UI: the job, and what is done."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from tasks.telling import best_effort


@best_effort
def name_run(title: str, run: str) -> None:
    """Call the flow run `title`; the name that report and alerts know it by stays as a tag."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with get_client(sync_client=True) as client:
        client.update_flow_run(context.flow_run.id, name=title, tags=sorted({*context.flow_run.tags, run}))
