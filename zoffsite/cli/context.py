"""What every verb shares: the settings file, and how an error looks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from zoffsite.config.settings import Settings
    from zoffsite.model.errors import ZoffsiteError
    from zoffsite.model.job import Job


def set_up(config: Path | None) -> None:
    """Remember where the settings are, for this process and the flows it starts."""
    if config is not None:
        os.environ["ZOFFSITE_CONFIG"] = str(config.absolute())


def job_of(settings: Settings, name: str | None) -> Job:
    """The job that was asked for, or the only one there is."""
    return settings.job(name) if name is not None else settings.only_job()


def jobs_of(settings: Settings, name: str | None) -> list[Job]:
    """The job that was asked for, or all of them."""
    return [settings.job(each) for each in ([name] if name is not None else settings.job_names)]


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def console(*, stderr: bool = False) -> Console:
    """A terminal, or a file that is 80 columns wide."""
    from rich.console import Console

    out = Console(stderr=stderr, highlight=False)
    return out if out.is_terminal else Console(stderr=stderr, highlight=False, width=max(80, out.width))


def show_error(error: ZoffsiteError) -> None:
    """What was being done, to what, what happened, what to do next."""
    from rich.text import Text

    out = console(stderr=True)
    out.print(Text.assemble(("Error: ", "bold red"), str(error)), soft_wrap=True)
    out.print(Text.assemble(("Next:  ", "bold"), error.remedy), soft_wrap=True)
