"""A plan, a report and a status that hold every kind of thing there is to draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from zoffsite.model.errors import ExitCode
from zoffsite.model.history import PastRun
from zoffsite.model.job import Hook
from zoffsite.model.notice import Notice
from zoffsite.model.plan import (
    Conflict,
    FullSend,
    HookPlan,
    IncrementalSend,
    JobPlan,
    PrunePlan,
    Refused,
    ResumeSend,
    SendStep,
    Side,
    UpToDate,
)
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport, RunReport, RunState
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.status import Base, Freshness, JobStatus, ReplicaStatus
from zoffsite.model.version import NOT_TAKEN, Bookmark, Snapshot

STARTED = datetime(2026, 11, 23, 3, 0, 5, 123456, tzinfo=UTC)
BIG = 2**64 - 1
"""A guid that no reader of JSON numbers keeps."""


def snapshot(name: str, guid: int = BIG, dataset: str = "tank/home") -> Snapshot:
    return Snapshot(dataset=dataset, name=name, guid=guid, createtxg=7, creation=1_700_000_000)


def step(to: Snapshot, base: Snapshot | Bookmark | None, size: int = 1024) -> SendStep:
    return SendStep(to=to, base=base, estimated_bytes=size)


BOOKMARK = Bookmark(dataset="tank/home", name="zoffsite-home-0123", guid=5, createtxg=3, creation=1_600_000_000)
FULL = FullSend(
    source="tank/a",
    replica="v/tank:a",
    steps=(step(snapshot("s1"), None), step(snapshot("s2"), snapshot("s1"))),
    reason="new",
)
INCREMENTAL = IncrementalSend(
    source="tank/b", replica="v/tank:b", steps=(step(snapshot("s3", NOT_TAKEN), BOOKMARK),), reason="bookmark"
)
RESUME = ResumeSend(
    source="tank/c", replica="v/tank:c", token="1-secret", steps=(step(snapshot("s4"), snapshot("s3")),), reason="cut"
)
UP_TO_DATE = UpToDate(source="tank/d", replica="v/tank:d", newest=snapshot("s5"), reason="nothing new")
CONFLICT = Conflict(source="tank/e", replica="v/tank:e", code="no-base", reason="diverged", remedy="look | at it")
REFUSED = Refused(source="tank/f", replica="v/tank:f", code="not-encrypted", reason="plaintext", remedy="encrypt it")
NOTICE = Notice(
    code="replica-without-dataset", subject="v/tank:old", message="no dataset has *this* replica", remedy="look"
)
ALERT = Notice(code="unusual", subject="tank/a", message="ten times as much as usual", remedy="look at it", alert=True)
PLAN = JobPlan(
    job="home",
    to_snapshot=("tank/b@s3",),
    datasets=(FULL, INCREMENTAL, RESUME, UP_TO_DATE, CONFLICT, REFUSED),
    prune=(
        PrunePlan(
            side=Side.BOX,
            dataset="v/tank:d",
            snapshots=Snapshots.of([snapshot("s1"), snapshot("s2"), snapshot("s5")]),
            reasons={2: ("newest", "daily 2026-11-23")},
        ),
    ),
    notices=(NOTICE,),
    hooks=(
        HookPlan(
            hook=Hook(datasets=("tank/b",), before=("freeze", "main"), after=("thaw",), timeout=60.0),
            datasets=("tank/b", "tank/b/logs"),
        ),
    ),
)

ERROR = ErrorReport(code="stalled", message="send tank/b: no byte moved", remedy="zoffsite backup", transient=True)
SENT = DatasetOutcome(
    source="tank/a",
    replica="v/tank:a",
    state=DatasetResult.SENT,
    bytes=3 * 2**20,
    seconds=12.5,
    snapshot="s2",
    guid=BIG,
    verified=True,
    pruned_source=1,
    pruned_box=2,
)
FAILED = DatasetOutcome(source="tank/b", replica="v/tank:b", state=DatasetResult.FAILED, seconds=120.0, error=ERROR)
GOOD = RunReport(job="home", run="brave-otter", started=STARTED, seconds=61.5, datasets=(SENT,))
PARTIAL = replace(GOOD, datasets=(SENT, FAILED))
MIXED = replace(
    GOOD,
    datasets=(
        replace(FAILED, source="tank/c", state=DatasetResult.REFUSED),
        SENT,
        replace(FAILED, source="tank/e", state=DatasetResult.CONFLICT),
        FAILED,
        replace(FAILED, source="tank/d", state=DatasetResult.REFUSED),
    ),
)
NOTED = replace(GOOD, datasets=(replace(SENT, notices=(ALERT,)),), notices=(NOTICE,))
STOPPED = replace(GOOD, datasets=(), error=replace(ERROR, code="unreachable"), error_exit=ExitCode.UNREACHABLE)

REPLICA = ReplicaStatus(
    source="tank/a",
    replica="v/tank:a",
    newest="s2",
    guid=BIG,
    taken=STARTED,
    as_of=STARTED + timedelta(hours=1),
    used=4096,
    freshness=Freshness.OK,
    objective=timedelta(hours=26),
    base=Base(snapshot=True, bookmark=True, room=None),
    error=None,
)
EMPTY = replace(
    REPLICA,
    newest=None,
    base=None,
    guid=None,
    taken=None,
    as_of=None,
    used=0,
    freshness=Freshness.CRITICAL,
    error=ERROR,
)
STATUS = JobStatus(job="home", when=STARTED + timedelta(hours=3), replicas=(REPLICA, EMPTY))


def past(*, started: datetime, good: bool = True, **changes: Any) -> PastRun:
    """A run of the past."""
    made = PastRun(
        verb="backup",
        run=f"home-{started:%Y%m%dT%H%M%SZ}",
        how="zoffsite backup",
        started=started,
        seconds=60.0,
        state=RunState.OK if good else RunState.FAILED,
        bytes=1024,
        whole=True,
        words="home: all 3 datasets are on the box; 1.0 KiB sent in 1 min",
    )
    return replace(made, **changes)
