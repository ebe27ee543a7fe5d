"""What the settings come to, once they are read and checked; and the two ways in, `load` and `problems`.

Both import pydantic when they are called, not before: `zoffsite --help` must not wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoffsite.config.mistakes import Problem, did_you_mean
from zoffsite.model.alert import AlertKind
from zoffsite.model.errors import SettingsError
from zoffsite.model.job import Job

if TYPE_CHECKING:
    from pydantic import SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When something is run by itself: a cron line of five fields, read in an IANA time zone."""

    cron: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """An apprise URL, which is a secret, and the kinds of message that it is for."""

    url: SecretStr
    kinds: frozenset[AlertKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings: at least one job. `file` is where they came from, `state_dir` where reports and locks live.

    `schedules`: by the job, then by what is done: "backup", "verify", "prune", "prove", "drill", "doctor".
    """

    file: Path
    state_dir: Path
    jobs: Mapping[str, Job]
    schedules: Mapping[str, Mapping[str, Schedule]] = field(default_factory=dict)
    ping_urls: Mapping[str, SecretStr] = field(default_factory=dict)
    heard_by: Mapping[str, tuple[Receiver, ...]] = field(default_factory=dict)

    @property
    def job_names(self) -> tuple[str, ...]:
        """The jobs' names, in the order of the file."""
        return tuple(self.jobs)

    def job(self, name: str) -> Job:
        """The job called `name`; SettingsError (unknown-job) that lists the jobs otherwise."""
        if name in self.jobs:
            return self.jobs[name]
        remedy = f"jobs in {self.file}: {', '.join(self.job_names)}"
        guess = did_you_mean(name, self.job_names)
        raise SettingsError(
            "find job",
            name,
            "there is no such job",
            f"{guess} ({remedy})" if guess.startswith("did") else remedy,
            code="unknown-job",
        )

    def only_job(self) -> Job:
        """The one job there is; SettingsError (several-jobs) when one must be named."""
        if len(self.jobs) == 1:
            return next(iter(self.jobs.values()))
        raise SettingsError(
            "choose a job from",
            str(self.file),
            f"there are {len(self.jobs)}: {', '.join(self.job_names)}",
            f"name one: --job {self.job_names[0]}",
            code="several-jobs",
        )

    def schedule(self, job: str, verb: str = "backup") -> Schedule | None:
        """When `verb` of `job` is run by itself, or None when only a person does it."""
        return self.schedules.get(job, {}).get(verb)

    def receivers(self, job: str) -> tuple[Receiver, ...]:
        """Who hears about `job`: its own URLs, else those of all jobs."""
        return self.heard_by.get(job, ())


def load(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: `path`, or the first file of `find_config`; `environ` is os.environ if not given.

    Raises SettingsError with code `no-config` (no file found) or `bad-settings` (every mistake, with file, line, key).
    """
    from zoffsite.config.loading import load as read

    return read(path, environ=environ)


def problems(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Every mistake in the settings, in the order of their lines; none when all is well. SettingsError if no file."""
    from zoffsite.config.loading import problems as read

    return read(path, environ=environ)
