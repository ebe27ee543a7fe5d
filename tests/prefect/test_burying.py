"""A run that was killed is marked as such in the UI, and no other."""

from __future__ import annotations

from uuid import uuid4

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
        assert bury(str(killed))
        states = [client.read_flow_run(run).state_type for run in (killed, healthy)]
    assert states == ["CRASHED", "RUNNING"]


def test_a_server_that_does_not_answer_has_not_heard_of_it_and_one_that_has_lost_the_run_has(
    server: PrefectServer,
) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert not bury(str(uuid4()))
    with temporary_settings({PREFECT_API_URL: server.url}):
        assert bury(str(uuid4()))
