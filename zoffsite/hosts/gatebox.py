"""A box that is spoken to through its gate: our own verbs instead of zfs commands."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from zoffsite.hosts.commands import Commands
from zoffsite.hosts.endpoint import LISTING, pool_missing, root_missing
from zoffsite.hosts.permissions import Lacking
from zoffsite.hosts.runner import BOX_LINES, Process, Runner
from zoffsite.model.facts import Answer
from zoffsite.model.inventory import Inventory
from zoffsite.model.openzfs import Versions
from zoffsite.model.plan import SendStep
from zoffsite.model.version import Snapshot
from zoffsite.zfs import gate
from zoffsite.zfs.excerpt import plain
from zoffsite.zfs.parse import parse_inventory
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
        done = self._gate.do("list", root, request, fine="dataset-missing", timeout=LISTING)
        head, listing = gate.parse_head(done.stdout, self.label)
        if done.exit_code != 0 and root == self._root:
            missing = pool_missing(root.partition("/")[0], self.label)
            raise root_missing(root, self.label) if head.health else missing
        return parse_inventory(listing, self.label, max_lines=BOX_LINES)

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

    def open_digest(self, step: SendStep, nonce: bytes) -> Process:
        """See Box."""
        return self._gate.open(gate.prove(self._root, step, nonce))

    def destroy_snapshots(self, replica: str, snapshots: Sequence[Snapshot]) -> int:
        """Ask the keeper, whose policy may keep more than the job's retention does; how many it destroyed."""
        destroyed = 0
        for request in gate.prune(self._root, replica, snapshots):
            done = self._gate.do("destroy snapshots of", replica, request)
            answer = gate.parse_keeper(done.stdout, self.label)
            for name, reason in answer.kept.items():
                log.info("%s@%s is kept by the box: %s", replica, plain(name, 100), plain(reason, 200))
            destroyed += answer.destroyed
        return destroyed

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
