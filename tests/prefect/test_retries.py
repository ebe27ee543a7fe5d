"""Retries: for what can heal by itself, and for nothing else; and a wait that ends when the run does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import State, flow, task
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Failed

from demo.server import PrefectServer
from tasks.options import FRESH, as_state, call, retry_can_help
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import OperationError, RunInterruptedError, TransferError, ZoffsiteError
from zoffsite.model.job import Retries

QUICK = Retries(count=2, first_wait=0.01, longest_wait=0.02)
PATIENT = Retries(count=2, first_wait=300, longest_wait=300)


def lost(*, transient: bool) -> TransferError:
    return TransferError(
        "send", "tank/a", "the line is gone", "look at it", code="connection-lost", transient=transient
    )


@pytest.fixture
def through_server(server: PrefectServer) -> Iterator[None]:
    transfers.reset()
    with temporary_settings({PREFECT_API_URL: server.url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
    transfers.reset()


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (lost(transient=True), True),
        (lost(transient=False), False),
        (OperationError("a", "b", "c", "d", code="e"), False),
        (RunInterruptedError("a", "b", "c", "d", code="interrupted"), False),
        (ValueError("not ours"), False),
    ],
)
def test_only_the_transient_flag_of_our_own_errors_leads_to_a_retry(error: Exception, helps: bool) -> None:
    state: State[Any] = Failed(message="failed", data=error)
    assert retry_can_help(None, None, state) is helps  # type: ignore[arg-type]


@pytest.mark.prefect
def test_a_task_tries_transient_failures_again_and_no_others(through_server: None) -> None:
    attempts: dict[str, list[int]] = {}

    @task(**FRESH)
    def fails(name: str, transient: bool, times: int) -> object:
        def act(attempt: int) -> str:
            attempts.setdefault(name, []).append(attempt)
            if attempt < times:
                raise lost(transient=transient)
            return "done"

        return as_state(act, QUICK, str)

    @flow(persist_result=False)
    def probe() -> None:
        assert call(fails, QUICK, "heals", True, 2) == "done"
        for name, transient in (("stays", True), ("hopeless", False)):
            with pytest.raises(ZoffsiteError):
                call(fails, QUICK, name, transient, 9)

    probe()
    assert attempts == {"heals": [0, 1, 2], "stays": [0, 1, 2], "hopeless": [0]}


@pytest.mark.prefect
def test_a_stopped_run_does_not_sit_out_the_wait_for_a_retry(through_server: None) -> None:
    waiting = threading.Event()

    @task(**FRESH)
    def fails() -> object:
        def act(_attempt: int) -> str:
            waiting.set()
            raise lost(transient=True)

        return as_state(act, PATIENT, str)

    @flow(persist_result=False)
    def probe() -> None:
        with pytest.raises(RunInterruptedError):
            call(fails, PATIENT)

    def stop() -> None:
        waiting.wait(60)
        transfers.stop_all()

    stopper = threading.Thread(target=stop)
    stopper.start()
    began = time.monotonic()
    probe()
    stopper.join()
    assert time.monotonic() - began < 30
