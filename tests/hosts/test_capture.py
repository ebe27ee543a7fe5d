"""Output taken in with bounds."""

from __future__ import annotations

import pytest

from zoffsite.hosts.capture import Collector, printable
from zoffsite.model.errors import OperationError


def test_no_more_than_the_limit_is_kept_and_the_program_is_ended_once() -> None:
    pieces = [b"x" * 1000] * 10
    ended: list[None] = []
    collector = Collector(lambda _: pieces.pop() if pieces else b"", 2500, lambda: ended.append(None))
    assert collector.bytes() == b"x" * 2500
    assert not pieces
    assert len(ended) == 1
    with pytest.raises(OperationError) as caught:
        collector.text("zfs receive on the box")
    assert caught.value.code == "oversized-answer"


def test_exactly_the_limit_is_allowed() -> None:
    pieces = [b"x" * 1000]
    collector = Collector(lambda _: pieces.pop() if pieces else b"", 1000, lambda: pytest.fail("ended"))
    assert collector.text("zfs") == "x" * 1000


@pytest.mark.parametrize("evil", ["\033[2J", "\r", "\b", "\x9b1m", "\u202e", "\u2028", "\0"])
def test_text_for_people_holds_nothing_that_drives_a_terminal(evil: str) -> None:
    shown = printable(f"cannot{evil}receive\n\tmore")
    assert evil[0] not in shown
    assert shown.startswith("cannot")
    assert shown.endswith("\n\tmore")
