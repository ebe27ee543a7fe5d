"""A run that was killed is marked as such in the UI, and no other."""

from __future__ import annotations

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running

from demo.server import PrefectServer
from tasks.naming import bury

pytestmark = pytest.mark.prefect


@flow
def backup() -> None:
    """Only its runs are wanted."""


def test_of_two_machines_runs_of_the_same_name_only_the_killed_one_is_marked(server: PrefectServer) -> None:
    tags = ["zoffsite", "home", "backup", "home-20271123T030000Z"]
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        killed, healthy = (client.create_flow_run(backup, tags=tags, state=Running()).id for _ in range(2))
        bury(str(killed))
        states = [client.read_flow_run(run).state_type for run in (killed, healthy)]
    assert states == ["CRASHED", "RUNNING"]
