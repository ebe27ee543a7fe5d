"""What artifacts are called: Prefect shows the latest of each key, whoever made it."""

from __future__ import annotations

from uuid import uuid4

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from tasks.artifacts import artifact_key


def key(pool: str | None) -> str:
    with FlowRunContext.model_construct(flow_run=FlowRun(flow_id=uuid4(), work_pool_name=pool)):
        return artifact_key("send", "tank/Home")


def test_machines_with_the_same_datasets_have_artifacts_of_their_own() -> None:
    assert key("NAS_1") == "send-nas-1-tank-home"
    assert key("office") == "send-office-tank-home"


def test_without_a_work_pool_and_outside_of_a_run_no_machine_is_named() -> None:
    assert key(None) == artifact_key("send", "tank/Home") == "send-tank-home"
    assert artifact_key("runs", "home", "office") == "runs-office-home"
