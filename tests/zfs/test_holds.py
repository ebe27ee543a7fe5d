from __future__ import annotations

import pytest

from zoffsite.model.errors import OperationError
from zoffsite.zfs.holds import ALREADY_HELD, ALREADY_RELEASED, complaints, parse_holds


def test_holds_are_read_with_their_tags_whatever_these_hold() -> None:
    text = "tank/a@x\tzoffsite-home\tMon Nov 23 04:50 2026\ntank/a@y z\tmy tag\tof two\tMon Nov 23 04:50 2026\n"
    assert parse_holds(text, "host") == (("tank/a@x", "zoffsite-home"), ("tank/a@y z", "my tag\tof two"))
    assert parse_holds("", "host") == ()


@pytest.mark.parametrize("line", ["tank/a@x", "tank/a@x\ttag", "tank/a\ttag\tMon", "\t\t"])
def test_what_is_no_line_of_holds_is_refused(line: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_holds(line + "\n", "host")
    assert caught.value.code == "malformed-answer"


def test_only_what_is_not_fine_is_left_of_the_complaints() -> None:
    held = "cannot hold snapshot 'tank/a@x': tag already exists on this dataset\n"
    gone = "cannot hold snapshot 'tank/a@y': dataset does not exist\n"
    assert complaints(held, ALREADY_HELD) == ""
    assert complaints(held + gone, ALREADY_HELD) == gone.strip()
    released = "cannot release hold from snapshot 'tank/a@x': no such tag on this dataset\n"
    assert complaints(released + gone, ALREADY_RELEASED) == ""
