"""Expected against seen: what must be true of a replica after a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

from zoffsite.model.dataset import KeyStatus
from zoffsite.model.errors import OperationError, SafetyError, ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.version import Version
from zoffsite.planning.freshness import time_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it must be. `unsafe`: someone there could read, or has written, what is only ours."""

    what: str
    expected: str
    seen: str
    unsafe: bool = False

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, seen {self.seen}"


def check_replica(expected: Version, replica: DatasetState | None) -> tuple[Finding, ...]:
    """All that is wrong with a replica whose newest snapshot should be `expected`; empty means good."""
    return tuple(_findings(expected, replica))


def failed_verification(replica: str, findings: tuple[Finding, ...]) -> ZoffsiteError:
    """The error "verify-failed" that lists what was expected and seen; a SafetyError when any finding is unsafe."""
    kind = SafetyError if any(finding.unsafe for finding in findings) else OperationError
    return kind(
        "verify",
        replica,
        "; ".join(map(str, findings)) or "it could not be looked at",
        f"look on the box: zfs get encryption,keystatus,mounted,readonly,written {quote(replica)}",
        code="verify-failed",
    )


def _findings(expected: Version, replica: DatasetState | None) -> Iterator[Finding]:
    if replica is None:
        yield Finding(what="replica", expected="there", seen="missing")
        return
    newest, dataset = replica.newest, replica.dataset
    if newest is None or newest.guid != expected.guid:
        seen = f"{newest.guid} ({newest.name})" if newest else "no snapshot"
        yield Finding(what="newest guid", expected=f"{expected.guid} ({expected.name})", seen=seen)
    elif newest.creation != expected.creation:  # the stream brings it along, to the second
        yield Finding(what="time of the newest", expected=_moment(expected.creation), seen=_moment(newest.creation))
    if not dataset.encrypted:
        yield Finding(what="encryption", expected="on", seen=dataset.encryption, unsafe=True)
    if dataset.keystatus is not KeyStatus.UNAVAILABLE:
        unsafe = dataset.keystatus is KeyStatus.AVAILABLE
        yield Finding(what="keystatus", expected="unavailable", seen=dataset.keystatus, unsafe=unsafe)
    if dataset.mounted:
        yield Finding(what="mounted", expected="no", seen="yes", unsafe=True)
    if not dataset.readonly:
        yield Finding(what="readonly", expected="on", seen="off")
    if dataset.written > 0:
        yield Finding(what="written since", expected="0 bytes", seen=f"{dataset.written} bytes")
    if dataset.resume_token is not None:
        yield Finding(what="interrupted receive", expected="none", seen="pending")


def _moment(seconds: int) -> str:
    """In UTC; as a number where no calendar goes so far, for the box may say anything."""
    moment = time_of(seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else f"second {seconds}"
