"""What all tasks have in common: nothing cached, nothing stored, retries only where they can help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Failed

from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Retries
from zoffsite.planning.waits import JITTER, growing_waits

T = TypeVar("T")
FRESH: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


def retry_can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Prefect's retry condition: it reads only the transient flag of our own error."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, ZoffsiteError) and error.transient


def as_state(action: Callable[[], T]) -> T | State[T]:
    """The result of `action`, or a Failed state that carries our error: one line in the logs, no traceback."""
    try:
        return action()
    except ZoffsiteError as error:
        return Failed(message=f"{error}; {error.remedy}", data=error)


def value_of(state: Any) -> Any:
    """What `as_state` wrapped: the value, or the error raised again."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def call(task: Task[..., Any], retries: Retries, *arguments: object) -> Any:
    """Run `task` here, with the job's own number of retries and waits; its value, or the error it failed with."""
    patient: Any = task.with_options(
        retries=retries.count,
        retry_delay_seconds=list(growing_waits(retries)),
        retry_jitter_factor=JITTER,
        retry_condition_fn=retry_can_help,
    )
    return value_of(patient(*arguments, return_state=True))
