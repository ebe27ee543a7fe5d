"""A ZFS host with verbs. `Source` speaks plain zfs; what speaks for the box is a `Box`: the one seam where plain zfs
commands (`PlainBox`) or the gate's verbs are chosen.

Every verb raises what zfs.stderr makes of a failed command, and what Runner.run raises.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from zoffsite.box import facts
from zoffsite.hosts.asking import ask_all
from zoffsite.hosts.commands import Commands
from zoffsite.hosts.listing import Lister
from zoffsite.hosts.permissions import Lacking, lacking
from zoffsite.hosts.runner import BOX_KEPT, Completed, Process, Runner
from zoffsite.model.dataset import Dataset
from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.facts import Answer
from zoffsite.model.inventory import DatasetState, Inventory, TokenContents
from zoffsite.model.listing import Listings
from zoffsite.model.openzfs import Versions
from zoffsite.model.plan import SendStep
from zoffsite.model.property import Property
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot, Version
from zoffsite.zfs import argv
from zoffsite.zfs.estimate import parse_estimate
from zoffsite.zfs.gathering import Budget
from zoffsite.zfs.holds import ALREADY_HELD, ALREADY_RELEASED, parse_holds
from zoffsite.zfs.parse import MOST_KEPT, parse_inventory, read_inventory, read_snapshots
from zoffsite.zfs.permissions import BOX_PERMISSIONS, SOURCE_PERMISSIONS
from zoffsite.zfs.properties import parse_of_others, parse_properties
from zoffsite.zfs.refusals import refused_snapshots
from zoffsite.zfs.rows import lines_of
from zoffsite.zfs.stderr import zfs_error
from zoffsite.zfs.token import parse_token

LISTING = 3600.0
"""Seconds for a listing: 8 ms a snapshot on a slow machine, so time for hundreds of thousands."""


class Source:
    """The machine that is backed up: fully trusted, here or over SSH."""

    def __init__(self, runner: Runner) -> None:
        self._zfs = Commands(runner)

    @property
    def label(self) -> str:
        """How messages name this host."""
        return self._zfs.label

    def inventory(self, roots: Sequence[str]) -> Inventory:
        """Everything under `roots`, in one command. A root that does not exist is OperationError "dataset-missing"."""
        outermost = _outermost(roots)
        with self._zfs.lines("list", ", ".join(outermost), argv.list_inventory(outermost), LISTING) as lines:
            return read_inventory(lines, self.label)

    def inventory_since(self, roots: Sequence[str], known: Listings | None) -> tuple[Inventory, Listings]:
        """The same, without listing anew what `known` shows to be as it was; and what the next run may know."""
        overview = argv.list_overview(_outermost(roots))
        lister = Lister(self._zfs, LISTING, MOST_KEPT, overview, argv.list_snapshots_of)
        return lister.inventory_since(known, lambda: self.inventory(roots))

    def existing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of `names` that are there."""
        there = self._zfs.run(argv.list_names(names)).stdout.splitlines()
        return tuple(name for name in names if name in there)

    def dataset(self, name: str) -> DatasetState:
        """One dataset as it is now, with its versions."""
        done = self._zfs.do("list", name, argv.list_one(name), timeout=LISTING)
        return parse_inventory(done.stdout, self.label).datasets[name]

    def datasets(self, names: Sequence[str]) -> dict[str, Dataset]:
        """These datasets as they are now, by name, without their versions; one that is gone is left out."""
        return {
            name: state.dataset
            for command in argv.list_datasets(names)
            for name, state in parse_inventory(
                self._zfs.do("list", names[0], command, fine="dataset-missing").stdout, self.label
            ).datasets.items()
        }

    def properties(self, names: Sequence[str]) -> Mapping[str, tuple[Property, ...]]:
        """What is not the default of these datasets, by name; one that has nothing of the kind is left out."""
        return {
            name: properties
            for command in argv.get_properties(names)
            for name, properties in parse_properties(
                self._zfs.do("look at", names[0], command).stdout, self.label
            ).items()
        }

    def properties_of_others(self, names: Sequence[str]) -> Mapping[str, tuple[Property, ...]]:
        """The user properties of these datasets that are not ours, by name. Four times as slow as `properties`."""
        return {
            name: properties
            for command in argv.get_every_property(names)
            for name, properties in parse_of_others(self._zfs.do("look at", names[0], command).stdout).items()
        }

    def sync_pools(self, pools: Sequence[str]) -> None:
        """Write out what is pending, so that `written` tells the truth; no pool named means all."""
        self._zfs.do("sync", ", ".join(pools), argv.sync_pools(pools))

    def snapshot(self, full_names: Sequence[str]) -> dict[str, ZoffsiteError]:
        """Take these snapshots of one pool at the same instant; or none, and why, for each that zfs refused by name."""
        done = self._zfs.run(argv.snapshot(full_names))
        if done.exit_code == 0:
            return {}
        refused = refused_snapshots(done.stderr, full_names)
        if not refused:
            raise zfs_error("snapshot", full_names[0], done.exit_code, done.stderr, self.label)
        return {name: zfs_error("snapshot", name, done.exit_code, said, self.label) for name, said in refused.items()}

    def snapshots(self, full_names: Iterable[str]) -> dict[str, Snapshots]:
        """These snapshots as they are now, by dataset; one that is gone is left out."""
        return {
            dataset: snapshots
            for command in argv.list_snapshots(full_names)
            for dataset, snapshots in read_snapshots(
                lines_of(self._zfs.do("list", "snapshots", command, fine="dataset-missing").stdout), self.label
            ).items()
        }

    def snapshots_of(self, datasets: Sequence[str]) -> dict[str, Snapshots]:
        """All snapshots of these datasets as they are now, not of those below; one that is gone is left out."""
        found: dict[str, Snapshots] = {}
        for command, names in argv.list_snapshots_of(datasets):
            with self._zfs.lines("list", names[0], command, LISTING, fine="dataset-missing") as lines:
                found |= read_snapshots(lines, self.label, frozenset(names))
        return found

    def versions(self) -> Versions:
        """Which OpenZFS this is."""
        return self._zfs.versions()

    def facts(self, place: facts.Place) -> dict[str, Answer]:
        """What the doctor wants to know of this machine."""
        return ask_all(self._zfs, facts.of_machine(place))

    def estimate(self, step: SendStep) -> int:
        """How many bytes `open_send` would give, as zfs tells it without sending."""
        done = self._zfs.do("send", step.to.full_name, argv.estimate(step))
        return parse_estimate(done.stdout, self.label)

    def open_send(self, step: SendStep) -> Process:
        """`zfs send -w`, ready to be read."""
        return self._zfs.open(argv.send(step))

    def open_resume(self, token: str) -> Process:
        """Go on with an interrupted send. The token must have been vetted against the plan."""
        return self._zfs.open(argv.send_resume(token))

    def open_digest(self, step: SendStep, nonce: bytes, rate: int | None) -> Process:
        """Start to digest what `open_send` would give, on that machine, `rate` bytes per second at most.

        It tells how far it is: zfs.digest.parse_told.
        """
        return self._zfs.open_digest(step, nonce, rate, telling=True)

    def read_token(self, token: str) -> TokenContents:
        """What a token of the box stands for, as this machine decodes it. Sends nothing."""
        done = self._zfs.run(argv.read_token(token))
        return parse_token(done.stdout, done.stderr, token, exit_code=done.exit_code, host=self.label)

    def bookmark(self, version: Version, bookmark_full: str) -> None:
        """Bookmark a version, also while the run is being stopped.

        That the bookmark is there already is fine: its name holds the snapshot's guid.
        """
        command = argv.bookmark(version, bookmark_full)
        self._zfs.do("bookmark", version.full_name, command, fine="already-exists", undoing=True)

    def hold(self, tag: str, full_names: Sequence[str]) -> None:
        """Hold these snapshots of one dataset; those that `tag` holds already are fine."""
        for command in argv.hold(tag, full_names):
            self._zfs.do_each("hold", full_names[0], command, fine=ALREADY_HELD)

    def release(self, tag: str, full_names: Sequence[str]) -> None:
        """Take back the holds of `tag`; those that are gone already are fine. Also while the run is being stopped."""
        for command in argv.release(tag, full_names):
            self._zfs.do_each("release", full_names[0], command, fine=ALREADY_RELEASED, undoing=True)

    def holds(self, full_names: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Who holds these snapshots: pairs of snapshot and tag. One that is gone has no holds."""
        return tuple(
            hold
            for command in argv.list_holds(full_names)
            for hold in parse_holds(
                self._zfs.do_each("list the holds of", full_names[0], command, fine=ALREADY_RELEASED).stdout, self.label
            )
        )

    def run_hook(self, command: Sequence[str], timeout: float, *, undoing: bool = False) -> Completed:
        """Run a command of the user's own; how it ended is the caller's to judge."""
        return self._zfs.run(command, timeout, undoing=undoing)

    def destroy_snapshots(self, dataset: str, names: Sequence[str]) -> int:
        """Destroy these snapshots of one dataset, and say how many went.

        Those that are gone already count; those that somebody holds, clones or sends just now are kept.
        """
        return len(names) - len(self._zfs.destroy_snapshots(dataset, names))

    def destroy_bookmark(self, full_name: str) -> None:
        """Destroy one bookmark; that it is gone already is fine."""
        self._zfs.do("destroy", full_name, argv.destroy_bookmark(full_name), fine="dataset-missing")

    def permissions(self, datasets: Sequence[str]) -> tuple[Lacking, ...]:
        """What our user lacks to back up `datasets`; empty when all is well, and always for root."""
        return lacking(self._zfs.runner, datasets, SOURCE_PERMISSIONS)


class Box(Protocol):
    """The backup machine, as the chain needs it. Partially trusted: every answer is bounded and strictly parsed."""

    @property
    def label(self) -> str:
        """How messages name this host."""
        ...

    def inventory(self, root: str) -> Inventory:
        """Everything under `root`: the job's root, or one replica. A replica that does not exist gives an empty one.

        Raises OperationError "box-root-missing" when the job's root does not exist, "pool-missing" when all is gone.
        """
        ...

    def inventory_since(self, known: Listings | None) -> tuple[Inventory, Listings]:
        """All under the job's root, without listing anew what `known` shows to be as it was; and what to know next."""
        ...

    def open_receive(self, replica: str, step: SendStep) -> Process:
        """A receive of `step` into `replica`, resumable and unmounted, ready to be written to."""
        ...

    def abort_receive(self, replica: str) -> None:
        """Give up an interrupted receive."""
        ...

    def open_send(self, step: SendStep) -> Process:
        """A replica's snapshot, raw, for a restore; ready to be read."""
        ...

    def open_resume(self, token: str) -> Process:
        """Go on with a send for a restore that was interrupted; `token` is the receiver's."""
        ...

    def open_digest(self, step: SendStep, nonce: bytes, rate: int | None) -> Process:
        """Start to digest there what `open_send` would give; what it says is the box's own word. `rate` as above."""
        ...

    def destroy_snapshots(self, replica: str, snapshots: Sequence[Snapshot]) -> frozenset[str]:
        """Destroy these snapshots of one replica, and name those that are kept. See Source.destroy_snapshots."""
        ...

    def allow_key(self, replica: str, fingerprint: str) -> None:
        """Let the wrapped key with this fingerprint take the place of that which the replica has."""
        ...

    def permissions(self) -> tuple[Lacking, ...]:
        """What our user there lacks on the root; empty when all is well."""
        ...

    def versions(self) -> Versions:
        """Which OpenZFS this is, by its own word."""
        ...

    def facts(self) -> dict[str, Answer]:
        """What the doctor wants to know of the machine, as far as our user there may look."""
        ...


class PlainBox:
    """A box that is spoken to with plain zfs commands."""

    def __init__(self, runner: Runner, root: str) -> None:
        self._zfs = Commands(runner)
        self._root = root

    @property
    def label(self) -> str:
        """See Box."""
        return self._zfs.label

    def inventory(self, root: str) -> Inventory:
        """See Box."""
        read = partial(read_inventory, host=self.label, budget=Budget(BOX_KEPT))
        found = self._zfs.read_if_there(root, argv.list_inventory([root]), LISTING, read)
        if found is not None:
            return found
        if root != self._root:
            return Inventory(host=self.label)
        pool = root.partition("/")[0]
        there = self._zfs.run(argv.list_names([pool])).exit_code == 0
        raise root_missing(root, self.label) if there else pool_missing(pool, self.label)

    def inventory_since(self, known: Listings | None) -> tuple[Inventory, Listings]:
        """See Box."""
        overview = argv.list_overview([self._root])
        lister = Lister(self._zfs, LISTING, BOX_KEPT, overview, argv.list_snapshots_of)
        return lister.inventory_since(known, lambda: self.inventory(self._root))

    def open_receive(self, replica: str, step: SendStep) -> Process:  # noqa: ARG002 - plain zfs takes what comes
        """See Box."""
        return self._zfs.open(argv.receive(replica))

    def abort_receive(self, replica: str) -> None:
        """See Box."""
        self._zfs.do("abort the receive of", replica, argv.abort_receive(replica))

    def open_send(self, step: SendStep) -> Process:
        """See Box."""
        return self._zfs.open(argv.send(step))

    def open_resume(self, token: str) -> Process:
        """See Box."""
        return self._zfs.open(argv.send_resume(token))

    def open_digest(self, step: SendStep, nonce: bytes, rate: int | None) -> Process:
        """See Box."""
        return self._zfs.open_digest(step, nonce, rate)

    def destroy_snapshots(self, replica: str, snapshots: Sequence[Snapshot]) -> frozenset[str]:
        """See Box."""
        return self._zfs.destroy_snapshots(replica, [snapshot.name for snapshot in snapshots])

    def allow_key(self, replica: str, fingerprint: str) -> None:
        """See Box. Plain zfs takes what comes."""

    def versions(self) -> Versions:
        """See Box."""
        return self._zfs.versions()

    def facts(self) -> dict[str, Answer]:
        """See Box."""
        place = facts.Place(pools=(self._root.partition("/")[0],))
        user = self.label.partition("@")[0]
        return ask_all(self._zfs, {**facts.of_machine(place), **facts.of_box(self._root, user)})

    def permissions(self) -> tuple[Lacking, ...]:
        """See Box."""
        return lacking(self._zfs.runner, [self._root], BOX_PERMISSIONS)


def _outermost(roots: Sequence[str]) -> list[str]:
    return [root for root in sorted(set(roots)) if not _inside_another(root, roots)]


def _inside_another(root: str, roots: Collection[str]) -> bool:
    """zfs would list what is under both twice."""
    return any(root.startswith(f"{other}/") for other in roots)


def root_missing(root: str, label: str) -> OperationError:
    """The job's root is not there, though its pool is."""
    user = label.partition("@")[0]
    return OperationError(
        "list",
        root,
        f"the root of the replicas does not exist ({label})",
        "on the box, as root: zfs create -p -o canmount=off -o mountpoint=none -o readonly=on "
        f"{root} && zfs allow -u {user} {','.join(BOX_PERMISSIONS)} {root}",
        code="box-root-missing",
    )


def pool_missing(pool: str, label: str) -> OperationError:
    """After a reboot, for instance. To make the root anew would then be the wrong advice."""
    return OperationError(
        "list",
        pool,
        f"the pool {pool} is not there ({label})",
        f"on the box, as root: zpool import {pool}; if it is not found, look at its disks: zpool import; lsblk",
        code="pool-missing",
    )
