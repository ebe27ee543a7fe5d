"""Write into the canary before its snapshot, and remember what was written. Nothing here stops a backup."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime

from zoffsite.actions.memory import ledger_of
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.job import Job, SnapshotWhen
from zoffsite.model.notice import Notice
from zoffsite.model.work import SourceFacts
from zoffsite.planning.canary import DATA, FILE, canary_text, digest_of

log = logging.getLogger(__name__)

NONCE = 32
SIZE = 4096
"""Random bytes in the file beside it, which are twice as many digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """What was written into `dataset`, None where nothing was; `notices` say why it could not be."""

    dataset: str | None = None
    sha256: str = ""
    notices: tuple[Notice, ...] = ()

    @property
    def touched(self) -> frozenset[str]:
        """The datasets in which something was written."""
        return frozenset() if self.dataset is None else frozenset({self.dataset})


def write_canary(job: Job, facts: SourceFacts, hosts: Connections, run: str, now: datetime) -> Canary:
    """Write that this is `run`, where the settings name a canary and this run is about it."""
    name = job.drill.canary
    state = next((each for each in facts.chosen if each.dataset.name == name), None)
    if name is None or state is None or job.snapshot_when is SnapshotWhen.NEVER:
        return Canary()
    files = {DATA: secrets.token_hex(SIZE)}
    text = canary_text(run, now, secrets.token_bytes(NONCE), files)
    try:
        if not state.dataset.mounted:
            raise _not_mounted(name)
        hosts.rehearsal_of(job).write(name, {**files, FILE: text})
    except ZoffsiteError as error:
        return Canary(notices=(_not_written(name, error),))
    return Canary(dataset=name, sha256=digest_of(text))


def remember_canary(job: Job, facts: SourceFacts, canary: Canary) -> None:
    """Which snapshot holds what was written."""
    for state in facts.chosen:
        taken = next((s for s in state.snapshots if s.full_name in facts.to_snapshot), None)
        if state.dataset.name == canary.dataset and taken is not None:
            try:
                ledger_of(job).wrote_canary(taken.guid, canary.sha256)
            except OperationError as error:
                log.error("%s; the drill of this snapshot will not look at the canary", error)


def _not_mounted(dataset: str) -> OperationError:
    return OperationError(
        "write into",
        dataset,
        "the canary is not mounted",
        f"mount it: zfs mount {dataset}; or leave out `canary`",
        code="canary-not-mounted",
    )


def _not_written(dataset: str, error: ZoffsiteError) -> Notice:
    return Notice(
        code="canary-not-written",
        subject=dataset,
        message=f"the canary could not be written, so that its drill will say nothing of this run: {error.problem}",
        remedy=error.remedy,
        alert=True,
    )
