"""Tell people how a run went, and remember what has arrived. Nothing here can fail the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from zoffsite.config.settings import Receiver
from zoffsite.model.alert import ALL_OF_IT, NOTHING_HEARD, AlertKind, Heard, Reach
from zoffsite.model.notice import Notice
from zoffsite.model.report import RunReport
from zoffsite.notify import deliver, receiver_name
from zoffsite.planning.telling import after_telling, settled, taken_in, what_to_tell
from zoffsite.state import last_good
from zoffsite.told import read_heard, save_heard
from zoffsite.views.messages import Message, alert_message, failure_message, recovery_message

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """To how many receivers a message went, and by their names why not to the others. True when all is well."""

    sent: int = 0
    faults: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return not self.faults

    @property
    def words(self) -> str:
        """What did not arrive: `URL 1 (mailto): not delivered (connection refused)`."""
        return "; ".join(f"URL {name}: {fault}" for name, fault in self.faults.items())


def tell(
    receivers: Sequence[Receiver],
    report: RunReport,
    since: datetime | None,
    directory: Path,
    now: datetime,
    reach: Reach = ALL_OF_IT,
) -> RunReport:
    """Tell each receiver what it does not know yet; the report, with a notice where that could not be delivered.

    One that fails stops no other, and is tried again by the next run; those that can be reached hear of it, too.
    `since`: when the first of the failures in a row started, before this run. `reach`: which datasets it was about.
    """
    named = _named(receivers)
    before = read_heard(report.job, directory)
    heard = {
        name: taken_in(before.get(name, NOTHING_HEARD), each.kinds, report, since, reach)
        for name, each in named.items()
    }
    done = _round(named, report, heard, directory, now, reach)
    if not done:
        report = _with_faults(report, done)
        reached = {name: each for name, each in named.items() if name not in done.faults}
        _round(reached, report, heard, directory, now, reach)
    if heard or before:
        save_heard(report.job, directory, {name: settled(each, report, now) for name, each in heard.items()})
    return report


def tell_all(receivers: Sequence[Receiver], message: Message, kind: AlertKind | None = None) -> Delivered:
    """Send one message to every receiver of its kind; without a kind, to all."""
    wanted = {name: each for name, each in _named(receivers).items() if kind is None or kind in each.kinds}
    answers = {name: deliver(each.url, message, kind) for name, each in wanted.items()}
    faults = {name: fault for name, fault in answers.items() if fault is not None}
    return Delivered(sent=len(answers) - len(faults), faults=faults)


def _named(receivers: Sequence[Receiver]) -> dict[str, Receiver]:
    return {receiver_name(number, each.url): each for number, each in enumerate(receivers, 1)}


def _round(
    receivers: Mapping[str, Receiver],
    report: RunReport,
    heard: dict[str, Heard],
    directory: Path,
    now: datetime,
    reach: Reach,
) -> Delivered:
    """Each receiver gets what is due to it; `heard` follows what has arrived."""
    sent, faults = 0, dict[str, str]()
    for name, each in receivers.items():
        kind = what_to_tell(heard[name], each.kinds, report, now, reach)
        if kind is None:
            continue
        fault = deliver(each.url, _message(kind, report, heard[name], directory), kind)
        if fault is None:
            heard[name] = after_telling(heard[name], kind, report, now)
            sent += 1
        else:
            faults[name] = fault
            log.error("an alert was not delivered: URL %s: %s", name, fault)
    return Delivered(sent=sent, faults=faults)


def _message(kind: AlertKind, report: RunReport, heard: Heard, directory: Path) -> Message:
    if kind is AlertKind.FAILURE:
        return failure_message(report, heard.failing, last_good(report.of_job, directory))
    return recovery_message(report, heard.failing) if kind is AlertKind.RECOVERY else alert_message(report)


def _with_faults(report: RunReport, done: Delivered) -> RunReport:
    notice = Notice(
        code="alert-not-delivered",
        subject="the alerts",
        message=done.words,
        remedy=f"the next run tries again; see what is wrong: zoffsite notify test --job {report.of_job}",
        alert=True,
    )
    return replace(report, notices=(*report.notices, notice))
