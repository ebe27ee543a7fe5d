"""What all tasks have in common: nothing cached, nothing stored, retries only where they can help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import task_run
from prefect.states import Completed, Failed

from zoffsite.actions.retrying import wait_before_retry
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Retries

T = TypeVar("T")
FRESH: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


def retry_can_help(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Prefect's retry condition: it reads only the transient flag of our own error."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, ZoffsiteError) and error.transient


def as_state(action: Callable[[int], T], retries: Retries, words: Callable[[T], str]) -> State[Any]:
    """Completed with the result of `action(attempt)`, in `words` too; or Failed with our error, as one line.

    Attempts count from 0. A failure that leads to a retry waits here, not in Prefect's `retry_delay_seconds`: that one
    sleeps in the task's thread, up to minutes, and a cancelled run would have to sit it out. Ours ends at once.
    """
    attempt = max(task_run.run_count or 1, 1) - 1
    try:
        try:
            result = action(attempt)
        except ZoffsiteError as error:
            if error.transient and attempt < retries.count:
                wait_before_retry(attempt, retries, error)
            raise
    except ZoffsiteError as error:
        return failed(error)
    return Completed(message=words(result), data=result)


def failed(error: ZoffsiteError) -> State[Any]:
    """A Failed state that says what happened and what to do, and carries the error."""
    return Failed(message=f"{error}; {error.remedy}", data=error)


def value_of(run: Any) -> Any:
    """What a task run, given as its State or its future, came to: the value, or the error raised again."""
    result = run.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def call(task: Task[..., Any], retries: Retries, *arguments: object) -> Any:
    """Run `task` here, with the job's own number of retries; its value, or the error it failed with."""
    patient: Any = task.with_options(retries=retries.count, retry_condition_fn=retry_can_help)
    return value_of(patient(*arguments, return_state=True))
