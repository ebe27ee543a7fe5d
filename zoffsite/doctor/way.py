"""The way between the machines: does the box answer, as itself, through the tunnel?"""

from __future__ import annotations

from collections.abc import Iterator

from zoffsite.doctor.case import Case, Unseen, moment
from zoffsite.model.checkup import Finding
from zoffsite.views.words import duration_words

STALE = 180
"""Seconds. WireGuard renews a session that is in use every 120, and drops it after 180."""
NEVER_MET = ("name-unknown", "connection-refused", "no-answer", "no-route", "cannot-connect", "no-handshake")
"""Codes of errors (hosts/ssh_errors.py) before a host key was shown."""
NOT_LET_IN = "login-refused"
"""The code behind a host key that was the pinned one, where the login failed."""


def reachable(case: Case) -> Iterator[Finding | Unseen]:
    """The box answers, and its key is the pinned one. Both are seen from here."""
    error = case.facts.box_error
    if error is not None and error.code == "host-key-mismatch":
        yield case.own.critical("host-key", error.message, error.remedy)
        return
    if error is None or error.code not in NEVER_MET:
        yield case.own.good("host-key", "it showed the pinned key")
    if error is None:
        yield case.own.good("reachable", "it answers")
    else:
        yield case.own.critical("reachable", error.message, error.remedy)


def tunnel(case: Case) -> Iterator[Finding | Unseen]:
    """The age of the last handshake, as the source's kernel has it."""
    if case.machine is None:
        return
    text = case.source.text("handshake")
    if text is None:
        yield case.source.unseen("tunnel", "handshake")
        return
    unit = f"zoffsite-{case.machine.name}-tunnel.service"
    last = int((text.split() or ["x", "0"])[1])
    if last == 0:
        remedy = f"on the source: systemctl status {unit}; is UDP port {case.machine.port} forwarded to it?"
        yield case.source.critical("tunnel", "there was no handshake since the tunnel was set up", remedy)
        return
    age = (case.facts.now - moment(last)).total_seconds()
    words = f"the last handshake was {duration_words(max(age, 0))} ago"
    if age <= STALE:
        yield case.source.good("tunnel", words)
    else:
        remedy = "is the box switched on, and online? Does the DNS name follow your address? It tries every 30 seconds"
        yield case.source.critical("tunnel", words, remedy)


def elsewhere(case: Case) -> Iterator[Finding | Unseen]:
    """At the box's other addresses nobody must answer with the box's key."""
    for knock in case.facts.knocks:
        if knock.code and knock.code != NOT_LET_IN:
            other = knock.code == "host-key-mismatch"
            words = "another machine answers there" if other else f"no SSH there ({knock.code})"
            yield case.own.good("ssh-elsewhere", words, knock.address)
        else:
            yield case.own.critical(
                "ssh-elsewhere",
                "the box's sshd answers outside the tunnel",
                "on the box: ss -tlnp; systemctl status zoffsite-firewall.service; then the kit's install again",
                knock.address,
            )
    if case.kit and not case.facts.knocks:
        yield case.own.blind("ssh-elsewhere", "no other address of the box is known here")
