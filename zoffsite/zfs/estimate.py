"""How long a stream would be, as `zfs send -n -P` says it."""

from __future__ import annotations

import re

from zoffsite.zfs.malformed import MalformedError, malformed_answer

_SIZE = re.compile(r"^size\t([0-9]{1,19})$", re.MULTILINE)


def parse_estimate(text: str, host: str) -> int:
    """The bytes that `argv.estimate` tells. Raises OperationError "malformed-answer"."""
    with malformed_answer(host, text):
        sizes = _SIZE.findall(text)
        if len(sizes) != 1:
            raise MalformedError("not one size")
        return int(sizes[0])
