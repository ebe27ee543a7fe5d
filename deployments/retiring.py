"""What zoffsite.toml no longer names goes from Prefect's server, which otherwise plans runs of it for ever."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment

OURS = DeploymentFilter(tags=DeploymentFilterTags(all_=["zoffsite"]))
PAGE = 200
"""Deployments in one answer; the server gives no more."""


def retire(wanted: Sequence[RunnerDeployment], pool: str | None) -> None:
    """Remove this machine's deployments that are not `wanted`, and the schedules of those that have none any more.

    This machine's are those of its work `pool`, or those without a pool. Their runs stay.
    """
    named = {(each.flow_name, each.name): each for each in wanted}
    with get_client(sync_client=True) as client:
        for known in [each for each in _all(client) if each.work_pool_name == pool]:
            kept = named.get((client.read_flow(known.flow_id).name, known.name))
            if kept is None:
                client.delete_deployment(known.id)
            elif not kept.schedules:
                for schedule in known.schedules:
                    client.delete_deployment_schedule(known.id, schedule.id)


def _all(client: SyncPrefectClient) -> Sequence[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while len(found) % PAGE == 0:
        page = client.read_deployments(deployment_filter=OURS, limit=PAGE, offset=len(found))
        if not page:
            break
        found += page
    return found
