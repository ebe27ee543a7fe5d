"""What is said of the box fits a disk, too."""

from __future__ import annotations

from datetime import timedelta

from zoffsite.model.dataset import KeyStatus
from zoffsite.model.errors import OperationError
from zoffsite.model.job import Disk
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, DatasetPlan, Refused
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport
from zoffsite.planning.sends import plan_sends
from zoffsite.planning.wording import reworded, worded_notice, worded_outcome, worded_plan

from .make import REPLICA, job, replica, snap, source, there, token

DISK = Disk(pool="vault", guid=42, absent_after=timedelta(days=35))
FIRST = "(import it for that: zpool import -N 42)"


def plans() -> list[DatasetPlan]:
    """One plan of each kind, and every obstacle."""
    here = source(snap(1), snap(2))
    mounted = replica(there(1), mounted=True)
    loaded = replica(there(1), keystatus=KeyStatus.AVAILABLE)
    plain = replica(there(1), encryption="off")
    replicas = [None, replica(), replica(there(1)), replica(there(2)), mounted, loaded, plain]
    replicas += [
        replica(there(1), readonly=False),
        replica(there(1), written=1),
        replica(there(9)),
        replica(there(1), there(9)),
    ]
    made = [plan_sends(job(), here, each, None, REPLICA) for each in replicas]
    pending = replica(there(1), resume_token="1-a-b-c")
    return [
        *made,
        plan_sends(job(), here, pending, token(2, 1, raw=False), REPLICA),
        plan_sends(job(), source(), None, None, REPLICA),
    ]


def test_no_plan_of_a_disk_speaks_of_a_box() -> None:
    for plan in plans():
        worded = worded_plan(job(box=DISK), plan)
        assert "the box" not in worded.reason
        if isinstance(worded, Conflict | Refused):
            assert "the box" not in worded.remedy
            assert worded.remedy.endswith(FIRST) == ("on the disk" in worded.remedy)


def test_the_words_of_a_box_stay_as_they_are() -> None:
    assert [worded_plan(job(), plan) for plan in plans()] == plans()


def test_a_remedy_begins_with_the_import_and_needs_no_user_of_the_box() -> None:
    error = OperationError(
        "list",
        "usb/x",
        "the root of the replicas does not exist",
        "on the box, as root: zfs create -p usb/x && zfs allow -u root create,mount,receive usb/x",
        code="box-root-missing",
    )
    assert reworded(error, DISK).remedy == f"on the disk: zfs create -p usb/x {FIRST}"
    assert reworded(error, DISK).remedy.count("import") == 2  # said twice, worded once


def test_outcomes_and_notices_are_worded_too() -> None:
    said = ErrorReport(code="x", message="its key is loaded on the box", remedy="on the box: zfs x", transient=False)
    outcome = DatasetOutcome(source="a", replica="b", state=DatasetResult.REFUSED, error=said)
    worded = worded_outcome(job(box=DISK), outcome).error
    assert worded is not None
    assert (worded.message, worded.remedy) == ("its key is loaded on the disk", f"on the disk: zfs x {FIRST}")
    assert worded_outcome(job(), outcome) == outcome
    notice = Notice(code="c", subject="s", message="The box is full", remedy="look")
    assert worded_notice(job(box=DISK), notice).message == "The disk is full"
