"""Read the facts: one batched listing per host, and the box's resume tokens as the source decodes them.

`by_changes`: what has not changed since the run before is not listed again (`zoffsite/zfs/changes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from zoffsite.actions.memory import ask_ledger
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.endpoint import Source
from zoffsite.ledger import Ledger
from zoffsite.listings import keep_listings, recall_listings
from zoffsite.model.errors import OperationError, SettingsError
from zoffsite.model.inventory import DatasetState, Inventory, TokenContents, UnreadToken
from zoffsite.model.job import Job
from zoffsite.model.listing import Listings
from zoffsite.model.memory import Memory
from zoffsite.model.plan import Side
from zoffsite.model.work import SourceFacts
from zoffsite.planning.hooks import check_hooks
from zoffsite.planning.selection import choose, roots_of, unmatched, vanished
from zoffsite.planning.snapshots import to_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxFacts:
    """The box as it is: its listing, and the contents of each pending resume token by replica name."""

    inventory: Inventory
    tokens: Mapping[str, TokenContents | UnreadToken]


def look_at_source(
    job: Job, hosts: Connections, now: datetime, only: Collection[str] = (), *, by_changes: bool = False
) -> SourceFacts:
    """List the job's datasets with all their versions. `only` narrows the job to these dataset names.

    Raises SettingsError "nothing-matched" when a dataset or pattern of the job has nothing there, or that of a hook.
    What was backed up before stops no other: see `vanished`.
    """
    source = hosts.source_of(job)
    roots = () if job.by_property else roots_of(job.datasets)
    inventory = _list_source(source, job, roots, by_changes=by_changes)
    known = _backed_up(job) if unmatched(inventory, job) else {}
    gone = vanished(inventory, job, known)
    check_hooks(job, choose(inventory, job, known=known), gone)
    chosen = choose(inventory, job, only, known)
    due = to_snapshot(job, chosen, now)
    return SourceFacts(inventory=inventory, chosen=chosen, to_snapshot=due, vanished=() if only else gone)


def _backed_up(job: Job) -> dict[str, str]:
    """The replicas that the ledger knows, by their datasets."""
    known = ask_ledger(job, Ledger.recall, Memory())
    return {each.dataset: replica for replica, each in known.replicas.items() if each.dataset}


def _list_source(source: Source, job: Job, roots: Sequence[str], *, by_changes: bool) -> Inventory:
    """List what is there of `roots`. Where that is nothing, it is a mistake in the settings, as far as we see."""
    try:
        return _list(source, job, roots, by_changes=by_changes)
    except OperationError as error:
        if error.code != "dataset-missing":
            raise
        there = source.existing(roots)
        if there and len(there) < len(roots):
            return _list(source, job, there, by_changes=by_changes)
        raise SettingsError(
            "choose",
            f"the datasets of job {job.name}",
            error.problem,
            f"see what there is on {source.label}: zfs list; then correct `datasets` of the job, or import the pool",
            code="nothing-matched",
        ) from error


def _list(source: Source, job: Job, roots: Sequence[str], *, by_changes: bool) -> Inventory:
    """Write out what is pending, and list."""
    source.sync_pools(sorted({root.partition("/")[0] for root in roots}))
    if by_changes:
        return _since(job, Side.SOURCE, lambda known: source.inventory_since(roots, known))
    return source.inventory(roots)


def look_at_box(job: Job, hosts: Connections, replicas: Collection[str], *, by_changes: bool = False) -> BoxFacts:
    """List the box, and have the source decode the resume tokens of `replicas`; a token is never believed itself."""
    box = hosts.box_of(job)
    inventory = _since(job, Side.BOX, box.inventory_since) if by_changes else box.inventory(job.root)
    states = (inventory.datasets.get(replica) for replica in replicas)
    return BoxFacts(inventory=inventory, tokens=_decode_tokens(job, hosts, [state for state in states if state]))


def _since(job: Job, side: Side, ask: Callable[[Listings | None], tuple[Inventory, Listings]]) -> Inventory:
    known = recall_listings(job, side)
    inventory, seen = ask(known)
    if seen != known:
        keep_listings(job, side, seen, known)
    return inventory


def look_at_replica(job: Job, hosts: Connections, replica: str) -> BoxFacts:
    """The same for one replica, after something has changed there."""
    inventory = hosts.box_of(job).inventory(replica)
    return BoxFacts(inventory=inventory, tokens=_decode_tokens(job, hosts, inventory.datasets.values()))


def _decode_tokens(
    job: Job, hosts: Connections, states: Collection[DatasetState]
) -> dict[str, TokenContents | UnreadToken]:
    source = hosts.source_of(job)
    return {
        state.dataset.name: _decode(source, state.dataset.resume_token)
        for state in states
        if state.dataset.resume_token is not None
    }


def _decode(source: Source, token: str) -> TokenContents | UnreadToken:
    """A token that cannot be read concerns its own dataset: the box could stop all others with it."""
    try:
        return source.read_token(token)
    except OperationError as error:
        if error.transient:
            raise
        return UnreadToken(token=token, code=error.code, problem=error.problem)
