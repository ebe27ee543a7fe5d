"""Who hears of what: apprise URLs separated by spaces, each perhaps behind the kinds of message that it is for."""

from __future__ import annotations

from pydantic import SecretStr

from zoffsite.config.mistakes import WrongValueError, did_you_mean
from zoffsite.config.settings import Receiver
from zoffsite.model.alert import AlertKind

HELP = (
    "separate apprise URLs by spaces, each as in mailto://… or failure,recovery=mailto://…; try them with "
    "`zoffsite notify test`"
)


def parse_receivers(value: SecretStr) -> tuple[Receiver, ...]:
    """One Receiver a URL. Errors never show what was read: an apprise URL holds a password."""
    return tuple(_receiver(number, word) for number, word in enumerate(value.get_secret_value().split(), 1))


def _receiver(number: int, word: str) -> Receiver:
    head, mark, rest = word.partition("://")
    kinds, equals, scheme = head.rpartition("=")
    if not mark or not scheme:
        raise WrongValueError(f"URL number {number} has no scheme", HELP)
    chosen = frozenset(_kind(number, kind) for kind in kinds.split(",")) if equals else frozenset(AlertKind)
    return Receiver(url=SecretStr(f"{scheme}://{rest}"), kinds=chosen)


def _kind(number: int, word: str) -> AlertKind:
    """What stands before the equals sign may be part of a secret that was put there by mistake: it is not shown."""
    try:
        return AlertKind(word.strip().lower())
    except ValueError:
        near = did_you_mean(word, list(AlertKind))
        remedy = near if near.startswith("did") else f"there are {', '.join(AlertKind)}; {HELP}"
        raise WrongValueError(f"what stands before URL number {number} is no kind of message", remedy) from None
