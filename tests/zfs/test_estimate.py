"""What `zfs send -n -P` says of a stream's length."""

from __future__ import annotations

import pytest

from zoffsite.model.errors import OperationError
from zoffsite.zfs.estimate import parse_estimate


def test_the_length_is_the_one_size() -> None:
    assert parse_estimate("incremental\ttank/e@1\ttank/e@2\t1114160\nsize\t1114160\n", "nas") == 1114160


@pytest.mark.parametrize("text", ["", "full\ttank/e@1\t12\n", "size\t1\nsize\t2\n", "size\t-1\n", "size\t1e9\n"])
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_estimate(text, "nas")
    assert caught.value.code == "malformed-answer"
