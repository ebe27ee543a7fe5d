"""Read what the source says of a resume token: the output of `argv.read_token`.

The token is the box's, so its contents are hostile even though the source's zfs decoded them: a name in it may hold
line breaks. A line that is there twice, or none that is needed, refuses the whole.

What zfs would send stands in a line of its own, `full` or `incremental`, and not in the token's `toname`.
"""

from __future__ import annotations

import re

from zoffsite.model.inventory import TokenContents
from zoffsite.zfs.excerpt import plain
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import split_version
from zoffsite.zfs.stderr import zfs_error

MAX_TEXT = 1_000_000
_MAX_REASON = 300
_LINE = re.compile(r"\t(\w+) = (.*)")
_SIZE = re.compile(r"size\t([0-9]{1,20})")
_SENDS = re.compile(r"(?:full|incremental\t[^\t]*)\t([^\t]*)\t[0-9]{1,20}")
_USUAL = frozenset(
    ("object", "offset", "bytes", "toguid", "fromguid", "toname", "largeblockok", "embedok", "compressok", "rawok")
)
_STALE = "cannot resume send"
_NOT_STALE = re.compile(r"permission denied|I/O error|out of memory|unable to open|suspended|operation not supported")


def parse_token(text: str, stderr: str, token: str, *, exit_code: int = 0, host: str = "the source") -> TokenContents:
    """The contents of `token`, from stdout `text` and `stderr` of the command that reads it.

    `stale` is set where zfs says that it cannot resume that send: the snapshot or the base is gone, or the token is
    corrupt (its guids are then 0). Raises OperationError "malformed-answer", or what `zfs_error` makes of `stderr`.
    """
    stale = _stale(stderr)
    if exit_code != 0 and stale is None:
        raise zfs_error("read", "a resume token", exit_code, stderr, host)
    with malformed_answer(host, text):
        if len(text) > MAX_TEXT:
            raise MalformedError(f"more than {MAX_TEXT} characters about one token")
        if "\ttoguid = " not in text and stale is not None:
            return _corrupt(token, stale)
        return _contents(text, token, stale)


def _stale(stderr: str) -> str | None:
    if _STALE not in stderr or _NOT_STALE.search(stderr):
        return None
    return plain(stderr[stderr.index(_STALE) :], _MAX_REASON)


def _corrupt(token: str, stale: str) -> TokenContents:
    return TokenContents(
        token=token, sends="", toguid=0, fromguid=0, raw=False, received_bytes=0, remaining_bytes=0, stale=stale
    )


def _contents(text: str, token: str, stale: str | None) -> TokenContents:
    fields: dict[str, str] = {}
    sizes: list[int] = []
    sends: list[str] = []
    for line in text.split("\n"):
        if pair := _LINE.fullmatch(line):
            name, value = pair.groups()
            if name in fields:
                raise MalformedError(f"{name} is there twice")
            fields[name] = value
        elif size := _SIZE.fullmatch(line):
            sizes.append(int(size[1]))
        elif send := _SENDS.fullmatch(line):
            sends.append(send[1])
    if stale is None and (len(sends) != 1 or split_version(sends[0], "@") is None or len(sizes) != 1):
        raise MalformedError("not one snapshot that would be sent, or not one size")
    return TokenContents(
        token=token,
        sends=sends[0] if stale is None else "",
        toguid=_number(fields, "toguid"),
        fromguid=_number(fields, "fromguid", absent=0),
        raw="rawok" in fields,
        received_bytes=_number(fields, "bytes"),
        remaining_bytes=sizes[0] if len(sizes) == 1 else 0,
        strange=tuple(sorted(fields.keys() - _USUAL)),
        stale=stale,
    )


def _number(fields: dict[str, str], name: str, *, absent: int | None = None) -> int:
    text = fields.get(name)
    if text is None and absent is not None:
        return absent
    if text is None or not re.fullmatch(r"0x[0-9a-f]{1,16}", text):
        raise MalformedError(f"{name} is not a number")
    return int(text, 16)
