"""A box that is spoken to through its gate: our own verbs instead of zfs commands."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial

from zoffsite.hosts.commands import Commands
from zoffsite.hosts.endpoint import LISTING, pool_missing, root_missing
from zoffsite.hosts.listing import Lister
from zoffsite.hosts.permissions import Lacking
from zoffsite.hosts.runner import BOX_KEPT, Process, Runner
from zoffsite.model.facts import Answer
from zoffsite.model.inventory import Inventory
from zoffsite.model.listing import Listings
from zoffsite.model.openzfs import Versions
from zoffsite.model.plan import SendStep
from zoffsite.model.version import Snapshot
from zoffsite.zfs import gate
from zoffsite.zfs.excerpt import plain
from zoffsite.zfs.gate import GateHead
from zoffsite.zfs.gathering import Budget
from zoffsite.zfs.parse import read_inventory
from zoffsite.zfs.versions import parse_versions

log = logging.getLogger(__name__)


class GateBox:
    """See endpoint.Box. What the gate does not grant is SafetyError "gate-refused"."""

    def __init__(self, runner: Runner, root: str) -> None:
        self._gate = Commands(runner)
        self._root = root

    @property
    def label(self) -> str:
        """See Box."""
        return self._gate.label

    def inventory(self, root: str) -> Inventory:
        """See Box."""
        request = gate.inventory(self._root, root)
        head: GateHead | None = None

        def read(lines: Iterator[str]) -> Inventory:
            nonlocal head
            head = gate.parse_head(next(lines, ""), self.label)
            return read_inventory(lines, self.label, Budget(BOX_KEPT))

        found = self._gate.read_if_there(root, request, LISTING, read)
        if found is not None:
            return found
        if root != self._root:
            return Inventory(host=self.label)
        health = head is not None and head.health
        raise root_missing(root, self.label) if health else pool_missing(root.partition("/")[0], self.label)

    def inventory_since(self, known: Listings | None) -> tuple[Inventory, Listings]:
        """See Box. A gate that does not know these requests yet refuses them: then all is listed."""
        snapshots_of = partial(gate.snapshots, self._root)
        lister = Lister(self._gate, LISTING, BOX_KEPT, gate.overview(), snapshots_of)
        return lister.inventory_since(known, lambda: self.inventory(self._root))

    def open_receive(self, replica: str, step: SendStep) -> Process:
        """See Box."""
        base = step.base.guid if step.base else 0
        return self._gate.open(gate.receive(self._root, replica, step.to.guid, base))

    def abort_receive(self, replica: str) -> None:
        """See Box."""
        self._gate.do("abort the receive of", replica, gate.abort(self._root, replica))

    def open_send(self, step: SendStep) -> Process:
        """See Box."""
        return self._gate.open(gate.send(self._root, step))

    def open_resume(self, token: str) -> Process:
        """See Box."""
        return self._gate.open(gate.resume(token))

    def open_digest(self, step: SendStep, nonce: bytes, rate: int | None) -> Process:
        """See Box."""
        return self._gate.open(gate.prove(self._root, step, nonce, rate))

    def destroy_snapshots(self, replica: str, snapshots: Sequence[Snapshot]) -> frozenset[str]:
        """Ask the keeper, whose policy may keep more than the job's retention does; what it keeps."""
        kept: frozenset[str] = frozenset()
        for request in gate.prune(self._root, replica, snapshots):
            done = self._gate.do("destroy snapshots of", replica, request)
            answer = gate.parse_keeper(done.stdout, self.label)
            for name, reason in answer.kept.items():
                log.info("%s@%s is kept by the box: %s", replica, plain(name, 100), plain(reason, 200))
            kept |= {name for name, reason in answer.kept.items() if reason != gate.ABSENT}
        return kept

    def allow_key(self, replica: str, fingerprint: str) -> None:
        """See Box. Only for the restore key: that of the backups could be in others' hands."""
        self._gate.do("allow a key of", replica, gate.allow_key(self._root, replica, fingerprint))

    def versions(self) -> Versions:
        """See Box."""
        done = self._gate.do("tell the version of", "zfs", gate.hello())
        return parse_versions(gate.parse_hello(done.stdout, self.label), self.label)

    def facts(self) -> dict[str, Answer]:
        """See Box. Its keeper looks as root, at a fixed list of things."""
        return gate.parse_facts(self._gate.do("ask", "the facts", gate.facts()).stdout, self.label)

    def permissions(self) -> tuple[Lacking, ...]:
        """The box's own `install` sees to them; here only that its gate answers."""
        self._gate.do("ask", "the gate", gate.hello())
        return ()
