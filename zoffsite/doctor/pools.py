"""Pools and disks of either machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from shlex import quote

from zoffsite.doctor.case import SHOWN, Side, Unseen, moment
from zoffsite.doctor.read.poolstatus import PoolStatus, pool_statuses
from zoffsite.doctor.read.smart import complaints, not_opened
from zoffsite.model.checkup import Finding
from zoffsite.views.words import duration_words
from zoffsite.zfs.excerpt import plain

FULL, NEARLY_FULL = 95, 85
"""Percent of a pool that is allocated."""
SCRUBBED, LONG_AGO = timedelta(days=40), timedelta(days=100)
"""The timer scrubs once a month; the second is three missed."""


def pools(side: Side, now: datetime) -> Iterator[Finding | Unseen]:
    """Health, errors, space, and when all of it was last read."""
    text, listing = side.text("status"), side.text("pools")
    if text is None or listing is None:
        yield side.unseen("pool", "status" if text is None else "pools")
        return
    made = dict(line.partition("\t")[::2] for line in (side.text("made") or "").splitlines())
    for status in pool_statuses(text):
        yield _health(side, status)
        yield _scrub(side, status, now, moment(made[status.name]) if status.name in made else None)
    for line in listing.splitlines():
        yield _space(side, line)


def _subject(side: Side, pool: str) -> str:
    return f"{plain(pool, 100)} on {side.name}"


def _health(side: Side, status: PoolStatus) -> Finding:
    subject = _subject(side, status.name)
    words = "; ".join([status.state, *status.troubles, status.errors])
    remedy = f"on {side.name}, as root: zpool status -v {quote(status.name)}"
    if status.state != "ONLINE" or not status.unharmed:
        return side.critical("pool", words, remedy, subject)
    if status.troubles:
        return side.warning("pool", words, f"{remedy}; after a new cable or disk: zpool clear", subject)
    return side.good("pool", "ONLINE, no errors", subject)


def _scrub(side: Side, status: PoolStatus, now: datetime, made: datetime | None) -> Finding:
    subject, remedy = _subject(side, status.name), f"on {side.name}, as root: zpool scrub {quote(status.name)}"
    if status.scrubbing:
        return side.good("scrub", "one is running", subject)
    if status.scrubbed is None and made is None:
        return side.warning("scrub", "never, as far as it tells", remedy, subject)
    last = status.scrubbed or made
    assert last is not None  # noqa: S101 - for the type checker
    age = now - last
    words = f"the last one ended {duration_words(max(age, timedelta(0)))} ago"
    if status.scrubbed is None:
        words = f"none yet; the pool was made {duration_words(max(age, timedelta(0)))} ago"
    if age > LONG_AGO:
        return side.critical("scrub", words, remedy, subject)
    return side.warning("scrub", words, remedy, subject) if age > SCRUBBED else side.good("scrub", words, subject)


def _space(side: Side, line: str) -> Finding:
    name, _, size, allocated, *_ = line.split("\t")
    percent = 100 * int(allocated) // max(int(size), 1)
    words, subject = f"{percent} % full", _subject(side, name)
    remedy = "keep less (keep.box), leave datasets out, or give it larger disks: zfs list -o space"
    if percent >= FULL:
        return side.critical("space", words, remedy, subject)
    return (
        side.warning("space", words, remedy, subject) if percent >= NEARLY_FULL else side.good("space", words, subject)
    )


def disks(side: Side) -> Iterator[Finding | Unseen]:
    """What the disks say of themselves, where smartctl is there to ask them."""
    asked = [fact for fact in side.said if fact.startswith("smart ")]
    if not asked:
        yield side.blind("disk", "no disk was named")
    elif all(side.lacks_program(fact) for fact in asked):
        yield side.good("disk", "not looked at: there is no smartctl (install smartmontools to see it)")
    else:
        for fact in asked:
            yield _disk(side, fact)


def _disk(side: Side, fact: str) -> Finding | Unseen:
    path, answer = fact.partition(" ")[2], side.said[fact]
    subject = f"{path} on {side.name}"
    found = complaints(answer.text)
    if found is None:
        why = not_opened(answer.text)
        if why is not None:
            return side.blind("disk", plain(f"{path}: {why}", SHOWN))
        return side.good("disk", "it has no SMART, or is asleep", subject)
    if found.failing:
        return side.critical("disk", "; ".join(found.words), f"replace it: smartctl -a {quote(path)}", subject)
    if found.words:
        return side.warning("disk", "; ".join(found.words), f"watch it: smartctl -a {quote(path)}", subject)
    return side.good("disk", "SMART says it is well", subject)
