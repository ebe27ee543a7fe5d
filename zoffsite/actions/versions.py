"""Which OpenZFS both hosts run, asked once a run that sends, and what is known against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError
from zoffsite.model.job import Disk, Job
from zoffsite.model.notice import Notice
from zoffsite.model.openzfs import Release, Versions
from zoffsite.model.plan import Send, Side
from zoffsite.model.work import Work
from zoffsite.planning.known_bugs import known_bug_notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The release of each side that told one, and what to know about them."""

    releases: tuple[tuple[Side, Release], ...]
    notices: tuple[Notice, ...]


def ask_versions(job: Job, hosts: Connections, works: Iterable[Work]) -> Running:
    """One command on each host, none where nothing is to be sent: the known bugs are all of sends.

    One that does not tell is a notice, no failure: the backup matters more.
    """
    if not any(isinstance(work.plan, Send) for work in works):
        return Running(releases=(), notices=())
    source, box = hosts.source_of(job), hosts.box_of(job)
    releases, notices = list[tuple[Side, Release]](), list[Notice]()
    for side, label, ask in ((Side.SOURCE, source.label, source.versions), (Side.BOX, box.label, box.versions)):
        told = _told(ask)
        if isinstance(told, OperationError):
            notices.append(_unknown(side, label, told))
            continue
        releases.append((side, told.running))
        notices += known_bug_notices(side, told.running, label, apart=not isinstance(job.box, Disk))
    return Running(releases=tuple(releases), notices=tuple(notices))


def _told(ask: Callable[[], Versions]) -> Versions | OperationError:
    try:
        return ask()
    except OperationError as error:
        return error


def _unknown(side: Side, label: str, error: OperationError) -> Notice:
    return Notice(
        code="version-unknown",
        subject=label,
        message=f"the {side} does not tell its version of OpenZFS, so known bugs are not looked up: {error.problem}",
        remedy="try it there: zfs version",
    )
