"""Run the user's own commands around the snapshot, on the source machine."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from zoffsite.hosts.endpoint import Source
from zoffsite.hosts.runner import Completed
from zoffsite.model.errors import OperationError, RunInterruptedError, TransferError, ZoffsiteError
from zoffsite.model.job import Hook
from zoffsite.model.notice import Notice
from zoffsite.model.plan import HookPlan
from zoffsite.views.words import duration_words
from zoffsite.zfs.excerpt import plain

log = logging.getLogger(__name__)

LAST_LINES = 3
LONGEST_LINE = 200
GRACE = 10
"""Seconds between SIGTERM and SIGKILL for a command that takes too long."""
PATIENCE = 30
"""Seconds more until the machine itself is taken to hang."""

_TIMED_OUT = (124, 137)
_NOT_FOUND = 127


@dataclass
class Ran:
    """What became of the hooks: for each dataset that must be left out, why; and what else to know."""

    failed: dict[str, ZoffsiteError] = field(default_factory=dict)
    before: set[str] = field(default_factory=set)
    notices: list[Notice] = field(default_factory=list)


@contextmanager
def hooks_around(plans: Sequence[HookPlan], source: Source) -> Iterator[Ran]:
    """Run `before` of each, the block, and then, whatever happened, `after` of each whose turn had come, last first.

    A `before` that fails is in `Ran.failed` of its datasets, an `after` that fails is a notice.
    """
    ran = Ran()
    started: list[HookPlan] = []
    try:
        for plan in plans:
            if not ran.failed.keys() >= set(plan.datasets):
                started.append(plan)
                _before(plan, source, ran)
        yield ran
    finally:
        for plan in reversed(started):
            _after(plan.hook, source, ran)


def _before(plan: HookPlan, source: Source, ran: Ran) -> None:
    if not plan.hook.before:
        return
    ran.before.update(plan.datasets)
    error = _run("before", plan.hook, plan.hook.before, source)
    if error is not None:
        log.error("%s; %s", error, error.remedy)
        ran.failed.update(dict.fromkeys(plan.datasets, error))


def _after(hook: Hook, source: Source, ran: Ran) -> None:
    """Also while the run is being stopped: somebody's database may still be frozen."""
    if not hook.after:
        return
    try:
        error: ZoffsiteError | None = _run("after", hook, hook.after, source, undoing=True)
    except ZoffsiteError as lost:
        error = lost
    if error is not None:
        log.warning("%s; %s", error, error.remedy)
        subject = ", ".join(hook.datasets)
        ran.notices.append(
            Notice(code="hook-failed", subject=subject, message=str(error), remedy=error.remedy, alert=True)
        )


def _run(
    when: str, hook: Hook, command: Sequence[str], source: Source, *, undoing: bool = False
) -> OperationError | None:
    """Run one command; what was wrong with it, if anything. Raises what says nothing of the command: a lost connection.

    timeout(1) ends it where it runs: over SSH, nothing here could.
    """
    argv = ["timeout", "-k", str(GRACE), f"{hook.timeout:g}", *command]
    log.info("running the %s-hook of %s: %s", when, ", ".join(hook.datasets), command[0])  # its arguments at debug
    try:
        done = source.run_hook(argv, hook.timeout + GRACE + PATIENCE, undoing=undoing)
    except (RunInterruptedError, TransferError):
        raise
    except OperationError as error:
        return _error(when, command, error.problem)
    return None if done.exit_code == 0 else _error(when, command, _words(hook, done))


def _error(when: str, command: Sequence[str], problem: str) -> OperationError:
    line = shlex.join(command)
    return OperationError(
        f"run the {when}-hook", plain(line, LONGEST_LINE), problem, f"try it on the source: {line}", code="hook-failed"
    )


def _words(hook: Hook, done: Completed) -> str:
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-LAST_LINES:]
    what = f"it ended with exit code {done.exit_code}"
    if done.exit_code in _TIMED_OUT:
        what = f"it took longer than {duration_words(hook.timeout)}"
    elif done.exit_code == _NOT_FOUND:
        what = "there is no such command"
    lines = " / ".join(plain(line, LONGEST_LINE) for line in said)
    return f"{what}: {lines}" if lines else what
