"""One file or folder back from the box: its dataset into a scratch, a copy out of that, and the scratch away again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from shlex import quote

from zoffsite.actions.progress import Progress
from zoffsite.actions.properties import give_properties
from zoffsite.actions.restore import bring_back, preview_restore
from zoffsite.actions.unlock import Keys, open_up
from zoffsite.hosts.connections import Connections
from zoffsite.model.dataset import Kind
from zoffsite.model.errors import OperationError, SafetyError, SettingsError
from zoffsite.model.job import Job
from zoffsite.model.restore import RestoreOutcome, RestorePlan, Wanted
from zoffsite.zfs.picking import check_path
from zoffsite.zfs.scratch import VISIBLE

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """What is wanted: `path` of a dataset, into `folder` of the receiving machine. `wanted.to` is the scratch."""

    wanted: Wanted
    path: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What came: `place` is where it is, with `entries` files, folders and links; `received` bytes crossed the wire."""

    pick: Pick
    snapshot: str
    place: str
    entries: int
    bytes: int
    received: int


def preview_pick(job: Job, pick: Pick, hosts: Connections) -> RestorePlan:
    """What would come for it. Changes nothing.

    Raises SettingsError "bad-path" or "no-files", SafetyError "scratch-exists", and what `preview_restore` raises.
    """
    check_path(pick.path)
    plan = preview_restore(job, pick.wanted, hosts)
    if any(part.kind is not Kind.FILESYSTEM for part in plan.datasets):
        raise _no_files(pick)
    rehearsal = hosts.rehearsal_of(job)
    if rehearsal.is_there(pick.wanted.to):
        raise _in_the_way(pick.wanted.to)
    return plan


def pick_out(
    job: Job, pick: Pick, keys: Keys, hosts: Connections, progress: Progress, rate: int | None = None
) -> Picked:
    """Carry out what `preview_pick` says. The scratch is destroyed, whatever happens but a kill.

    Raises what `preview_pick` and `restore` raise; OperationError "path-missing", "path-through-link", "target-exists"
    or "copy-failed".
    """
    wanted = replace(pick.wanted, to=f"{pick.wanted.to}/back")
    receiver = hosts.receiver_of(job)
    with hosts.rehearsal_of(job).scratch(pick.wanted.to, job.name):
        outcomes = bring_back(job, wanted, hosts, progress, rate)
        seen = give_properties(map(_only_visible, outcomes), receiver)
        (back,) = _all_well(tuple(open_up(_all_well(tuple(seen)), wanted.to, keys, receiver)))
        assert back.plan.snapshot is not None  # noqa: S101 - it has come
        snapshot = back.plan.snapshot.name
        entries, size = receiver.copy_out(f"{back.plan.target}@{snapshot}", pick.path, pick.folder)
    place = f"{pick.folder.rstrip('/')}/{pick.path.rpartition('/')[2]}"
    return Picked(pick=pick, snapshot=snapshot, place=place, entries=entries, bytes=size, received=back.bytes)


def _only_visible(outcome: RestoreOutcome) -> RestoreOutcome:
    """What is thrown away in a moment needs no quota."""
    needed = tuple(each for each in outcome.plan.properties if each.name in VISIBLE)
    return replace(outcome, plan=replace(outcome.plan, properties=needed))


def _all_well(outcomes: Sequence[RestoreOutcome]) -> Sequence[RestoreOutcome]:
    """The outcomes; the first error that is among them is raised."""
    for outcome in outcomes:
        if outcome.error is not None:
            error = outcome.error
            raise OperationError("restore", outcome.plan.dataset, error.message, error.remedy, code=error.code)
    return outcomes


def _no_files(pick: Pick) -> SettingsError:
    return SettingsError(
        "restore",
        f"--path {pick.path}",
        f"{pick.wanted.dataset} is a volume: what is in it are blocks, not files",
        "bring it back whole, and look into it: leave out --path",
        code="no-files",
    )


def _in_the_way(scratch: str) -> SafetyError:
    return SafetyError(
        "restore to",
        scratch,
        "it exists: another restore of a path is under way, or one was killed",
        f"if none is under way: zfs destroy -r {quote(scratch)}; or name another place: --scratch POOL/NAME",
        code="scratch-exists",
    )
