"""The box's door: what the one key may do, and whether there is another way in."""

from __future__ import annotations

from collections.abc import Iterator

from zoffsite.doctor.case import Case, Unseen
from zoffsite.doctor.read.sockets import listeners
from zoffsite.model.checkup import Finding
from zoffsite.zfs.excerpt import plain

AGAIN = "on the box: the kit's install again"
KEPT_FROM_US = ("firewall", "units", "ssh-settings", "login-key")
"""What nobody tells us of a box without the kit."""
SSHD = {
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "permitrootlogin": "no",
    "permitemptypasswords": "no",
    "disableforwarding": "yes",
    "permittty": "no",
    "permituserenvironment": "no",
    "authenticationmethods": "publickey",
}
"""What the kit writes, as `sshd -T` says it."""


def forced_command(case: Case) -> Iterator[Finding | Unseen]:
    """Forbidden things were tried, with the job's own key."""
    if not case.kit:
        yield case.own.warning(
            "gate",
            "there is no gate: the SSH key may do whatever its user may",
            "set the box up with the kit: docs/how-to/set-up-the-box.md",
        )
        for check in KEPT_FROM_US:
            yield case.own.blind(check, "only root sees it there")
        return
    granted = [each for each in case.facts.attempts if not each.refused]
    for each in granted:
        what = f"{each.what}: {plain(each.outcome, 100)}"
        yield case.own.critical("forced-command", f"not refused: {what}", f"{AGAIN}, and change the SSH key")
    if not case.facts.attempts and case.facts.box_error is not None:
        return  # "reachable" says why nothing could be tried
    if not case.facts.attempts:
        yield case.own.blind("forced-command", "the connection was lost while it was tried")
    elif not granted:
        tried = ", ".join(each.what for each in case.facts.attempts)
        yield case.own.good("forced-command", f"tried and refused: {tried}")


def listening(case: Case) -> Iterator[Finding | Unseen]:
    """sshd, or whatever else has its port, on other addresses than the tunnel's."""
    if case.machine is None:
        return
    text = case.box.text("listening")
    if text is None:
        yield case.box.unseen("ssh-listens", "listening")
        return
    found = [each for each in listeners(text) if not each.loopback]
    ours = (case.machine.address, case.machine.ssh_port)
    bad = [
        each for each in found if (each.address, each.port) != ours and (each.port == ours[1] or each.program == "sshd")
    ]
    for each in bad:
        yield case.box.warning(
            "ssh-listens",
            "sshd listens there, beside the tunnel; only the firewall keeps others out",
            f"on the box: look for ListenAddress in /etc/ssh/sshd_config.d; {AGAIN}",
            f"{each.address}:{each.port}",
        )
    if not bad:
        others = {f"{each.program or '?'} on {each.address}:{each.port}" for each in found} - {
            f"sshd on {ours[0]}:{ours[1]}"
        }
        more = f"; behind the firewall: {', '.join(sorted(others)[:10])}" if others else ""
        yield case.box.good("ssh-listens", f"sshd listens on the tunnel's address only{more}")


def ssh_settings(case: Case) -> Iterator[Finding | Unseen]:
    """sshd's settings, as they are in force for the job's user."""
    if not case.kit:
        return
    text = case.box.text("sshd")
    if text is None:
        yield case.box.unseen("ssh-settings", "sshd")
        return
    there = dict(line.lower().partition(" ")[::2] for line in text.splitlines())
    wrong = [f"{name} {there.get(name, '?')}" for name, value in SSHD.items() if there.get(name) != value]
    if wrong:
        yield case.box.warning("ssh-settings", f"not as the kit wrote them: {', '.join(wrong)}", AGAIN)
    else:
        yield case.box.good("ssh-settings", "keys only, no root, no terminal, no forwarding")


def login_key(case: Case) -> Iterator[Finding | Unseen]:
    """The file that lets the job's key in."""
    if case.machine is None:
        return
    text = case.box.text("login")
    if text is None:
        yield case.box.unseen("login-key", "login")
        return
    start = f'restrict,from="{case.machine.source_address}",command="/usr/local/lib/zoffsite/gate '
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    loose = [line for line in lines if not line.startswith(start)]
    writers = _writers(case.box.text("login-file") or "")
    if loose:
        what = f"{len(loose)} of {len(lines)} keys have no gate: {plain(loose[0], 80)}"
        yield case.box.critical("login-key", what, f"{AGAIN}, and see who wrote it")
    elif writers:
        yield case.box.critical("login-key", f"others than root may write it ({writers})", AGAIN)
    else:
        yield case.box.good("login-key", f"{len(lines)} with `restrict`, the source's address and the gate")


def _writers(listing: str) -> str:
    """Owner and mode of the first file, where others than root may write it; "" where all is well, or nothing known."""
    if not listing:
        return ""
    _, mode, owner, _ = listing.splitlines()[0].split(maxsplit=3)
    return f"{owner}, {mode}" if owner != "root" or int(mode, 8) & 0o022 else ""
