"""Versions, clocks and keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from shlex import quote

from zoffsite.box.facts import KEYS
from zoffsite.doctor.case import Case, Side, Unseen, moment
from zoffsite.model.checkup import Finding
from zoffsite.model.plan import Side as Which
from zoffsite.planning.known_bugs import bugs_of
from zoffsite.views.words import duration_words
from zoffsite.zfs.versions import parse_versions

AHEAD = 60.0
"""Seconds that the clocks may differ, beside the time that the answer took."""
FAR = 3600.0
TIME = "time server"
OLD = timedelta(days=3 * 365)
KEPT = ("keys", "login-file", "initrd-key")
"""The facts that tell of keys."""
CERTIFICATE = ".crt"
"""How the name of one ends: it grows old, too, but anybody may read it."""


def releases(case: Case) -> Iterator[Finding | Unseen]:
    """OpenZFS on both sides, and what is known against it."""
    for side, which in ((case.source, Which.SOURCE), (case.box, Which.BOX)):
        text = side.text("zfs")
        if text is None:
            yield side.unseen("known-bugs", "zfs")
            continue
        versions = parse_versions(text, side.name)
        bugs = bugs_of(which, versions.running)
        if not bugs:
            yield side.good("known-bugs", f"OpenZFS {versions.running} has no bug that we know of")
        for bug in bugs:
            doubt = ", unless its distribution has mended that" if versions.running.packaged else ""
            judge = side.critical if bug.refuse and not versions.running.packaged else side.warning
            what = f"OpenZFS {versions.running} has a known bug{doubt}: {bug.words} (#{bug.issue})"
            yield judge("known-bugs", what, f"upgrade OpenZFS there to {bug.fixed[0]} or newer: {bug.url}")
        if versions.module is not None and versions.module != versions.tools:
            words = f"its tools are of {versions.tools}, its module is of {versions.module}"
            yield side.warning("known-bugs", words, f"reboot {side.name}, or reload the module")


def clock(case: Case) -> Iterator[Finding | Unseen]:
    """The box's clock against ours, and whether it follows a time server."""
    side, text = case.box, case.box.text("clock")
    if text is None:
        yield side.unseen("clock", "clock")
        return
    there = moment(text).timestamp()
    early, late = case.facts.asked - there, there - case.facts.answered
    off = max(early, late, 0.0)
    words = f"{duration_words(off)} {'behind' if early > late else 'ahead of'} the source"
    remedy = "on the box: timedatectl; it asks time servers outside the tunnel; is its CMOS battery empty?"
    if off > FAR:
        yield side.critical("clock", words, remedy)
    elif off > AHEAD:
        yield side.warning("clock", words, remedy)
    else:
        yield side.good("clock", "right")
    if (side.text("synchronized") or "").strip() == "no":
        # A clock that was set back makes its handshakes older than the last: nobody reaches it then.
        what = "it follows no time server: with an empty CMOS battery a power cut would end the tunnel"
        yield side.warning("clock", what, "on the box: apt-get install systemd-timesyncd; timedatectl", TIME)


def keys(case: Case) -> Iterator[Finding | Unseen]:
    """How old the keys are, by when their files were written."""
    now = case.facts.now
    for subject, made in (("the job's SSH key", case.facts.key_made), ("the restore key", case.facts.restore_key_made)):
        if made is not None:
            yield _age(case.source, subject, made, now)
    for side in (case.source, case.box):
        for line in (each for fact in KEPT for each in (side.text(fact) or "").splitlines()):
            seconds, mode, owner, path = line.split(maxsplit=3)
            if path.startswith(f"{KEYS}/"):
                continue  # public ones
            if int(mode, 8) & 0o077 and not path.endswith(CERTIFICATE):
                remedy = f"on {side.name}: chmod 600 {quote(path)}; then change it, for others may have read it"
                yield side.critical("key-age", f"others may read it ({owner}, {mode})", remedy, path)
            else:
                yield _age(side, path, moment(seconds), now)


def _age(side: Side, subject: str, made: datetime, now: datetime) -> Finding:
    age = now - made
    words = f"made {duration_words(max(age, timedelta(0)))} ago"
    if age > OLD:
        return side.warning("key-age", words, "make a new one: docs/how-to/ask-the-doctor.md", subject)
    return side.good("key-age", words, subject)
