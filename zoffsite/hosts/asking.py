"""Ask a machine a list of questions, each a command; none of them stops the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from zoffsite.box import facts
from zoffsite.hosts.commands import Commands
from zoffsite.model.errors import OperationError
from zoffsite.model.facts import Answer

TOO_LATE = 124
"""As timeout(1) has it."""


def ask_all(commands: Commands, questions: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
    """Every answer, by name, then those of the disks that one of them named. UnreachableError is raised."""
    with ThreadPoolExecutor(facts.AT_ONCE) as pool:

        def ask(some: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
            return dict(zip(some, pool.map(partial(_ask, commands), some.values()), strict=True))

        said = ask(questions)
        disks = said.get("disks")
        if disks is not None and disks.code == 0:
            said |= ask(dict(list(facts.of_disks(disks.text).items())[: facts.MOST]))
    return said


def _ask(commands: Commands, argv: Sequence[str]) -> Answer:
    try:
        done = commands.run(argv, facts.TIMEOUT)
    except OperationError as error:
        return Answer(code=TOO_LATE, text=error.problem)
    said = done.stdout if done.stdout or done.exit_code == 0 else done.stderr
    return Answer(code=done.exit_code, text=said[: facts.LONGEST])
