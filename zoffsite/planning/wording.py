"""What is said of the box, said of a removable disk instead.

A disk is a target like a box, planned and verified alike, so the words are those of the box. Here they are fitted, in
one place: a disk has no user and no machine of its own, and what a person should do there needs it imported first.
"""

from __future__ import annotations

import re
from dataclasses import replace

from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Disk, Job
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, DatasetPlan, Refused
from zoffsite.model.report import DatasetOutcome, ErrorReport

_PLACE = re.compile(r"\b([Oo])n the box(?:, as root)?\b")
_BOX = re.compile(r"\b([Tt])he box\b")
_ALLOW = re.compile(r" && zfs allow -u \S+ \S+ \S+")


def worded_plan(job: Job, plan: DatasetPlan) -> DatasetPlan:
    """`plan` in the words of the job's target."""
    if not isinstance(job.box, Disk):
        return plan
    if isinstance(plan, Conflict | Refused):
        return replace(plan, reason=_of_disk(plan.reason), remedy=_to_do(plan.remedy, job.box))
    return replace(plan, reason=_of_disk(plan.reason))


def worded_outcome(job: Job, outcome: DatasetOutcome) -> DatasetOutcome:
    """`outcome` in the words of the job's target."""
    return outcome if outcome.error is None else replace(outcome, error=worded_error(job, outcome.error))


def worded_error(job: Job, error: ErrorReport) -> ErrorReport:
    """`error` in the words of the job's target."""
    if not isinstance(job.box, Disk):
        return error
    return replace(error, message=_of_disk(error.message), remedy=_to_do(error.remedy, job.box))


def worded_notice(job: Job, notice: Notice) -> Notice:
    """`notice` in the words of the job's target."""
    if not isinstance(job.box, Disk):
        return notice
    return replace(notice, message=_of_disk(notice.message), remedy=_to_do(notice.remedy, job.box))


def reworded(error: ZoffsiteError, disk: Disk) -> ZoffsiteError:
    """The same error, which speaks of a disk now."""
    error.problem, error.remedy = _of_disk(error.problem), _to_do(error.remedy, disk)
    return error


def _of_disk(text: str) -> str:
    return _BOX.sub(r"\1he disk", _PLACE.sub(r"\1n the disk", text))


def _to_do(remedy: str, disk: Disk) -> str:
    """A remedy; after the run the disk is exported, so whoever types it imports it first."""
    worded = _ALLOW.sub("", _of_disk(remedy))
    first = f"zpool import -N {disk.guid}"
    return f"{worded} (import it for that: {first})" if "on the disk" in worded and first not in worded else worded
