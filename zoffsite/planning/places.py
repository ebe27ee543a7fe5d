"""Which of the empty places that a restore makes are not encrypted, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from shlex import quote

from zoffsite.model.notice import Notice
from zoffsite.model.restore import Landing, Restoration, Wanted

_SHOWN = 20
"""Names that a notice lists."""


def not_encrypted(
    wanted: Wanted, places: Sequence[str], parts: Iterable[Restoration], landing: Landing
) -> Iterator[Notice]:
    """What a person should know of `places`, which come parents first.

    The key of what comes back is not loaded yet when they are made, and below such a one zfs makes only what is not
    encrypted. Elsewhere a place is what the dataset above it is.
    """
    tops = tuple(f"{part.target}/" for part in parts)
    locked = [place for place in places if place.startswith(tops)]
    if locked:
        again = f"zfs rename {quote(locked[0])} {quote(locked[0] + '-place')} && zfs create {quote(locked[0])}"
        yield _notice(
            wanted,
            locked,
            "the key above is not loaded when it is made",
            f"before you keep files in one, with that key loaded: {again}, and rename to it what is below the other",
        )
    open_ones = [place for place in places if place not in locked and not _encrypted_above(place, wanted, landing)]
    if open_ones:
        yield _notice(
            wanted,
            open_ones,
            "what is above it is not",
            "keep no files there; or make it beforehand, with a key: zfs create -o encryption=on -o canmount=off "
            f"-o keyformat=passphrase {quote(open_ones[0])}",
        )


def _encrypted_above(place: str, wanted: Wanted, landing: Landing) -> bool:
    """What is nearest above it and there already."""
    above = place.rpartition("/")[0]
    while f"{above}/".startswith(f"{wanted.to}/"):
        if above in landing.there:
            return landing.there[above].dataset.encrypted
        above = above.rpartition("/")[0]
    return landing.encrypted


def _notice(wanted: Wanted, places: Sequence[str], why: str, remedy: str) -> Notice:
    names = f"{', '.join(places[:_SHOWN])}{' …' if len(places) > _SHOWN else ''}"
    return Notice(
        code="place-not-encrypted",
        subject=wanted.to,
        message=f"{names}: an empty place for what is below it, and not encrypted, because {why}",
        remedy=remedy,
    )
