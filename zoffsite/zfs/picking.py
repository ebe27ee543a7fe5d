"""The copy of one file or folder out of a snapshot, as it is asked for, and what it answers (zoffsite/picking.py)."""

from __future__ import annotations

import json
import re

from zoffsite.model.errors import OperationError, SettingsError
from zoffsite.picking import IN_THE_WAY, IS_A_LINK, MISSING
from zoffsite.zfs.excerpt import excerpt, plain
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import check_snapshot
from zoffsite.zfs.scratch import run_apart

_PATH = re.compile(r"[^/\0]+(?:/[^/\0]+)*")
_CODES = {MISSING: "path-missing", IN_THE_WAY: "target-exists", IS_A_LINK: "path-through-link"}
_REMEDIES = {
    MISSING: "see what is in it: zoffsite restore DATASET --alone --to POOL/back --mount; or take another --snapshot",
    IN_THE_WAY: "name another folder: --to DIR",
    IS_A_LINK: "name the path without links, as it is within the dataset",
}
_LONGEST = 2000


def pick(snapshot: str, path: str, folder: str, program: str) -> list[str]:
    """Copy `path` of a snapshot into `folder`; `program` is the text of zoffsite/picking.py."""
    return run_apart(program, check_snapshot(snapshot), check_path(path), folder)


def check_path(path: str) -> str:
    """`path`, if it is one within a dataset; else SettingsError "bad-path"."""
    if _PATH.fullmatch(path) and not {".", ".."} & set(path.split("/")):
        return path
    raise SettingsError(
        "restore",
        f"--path {excerpt(path)}",
        "this is no path within a dataset",
        "write it as seen from the dataset's own mount point, without a slash in front: --path letters/2025",
        code="bad-path",
    )


def parse_picked(text: str, host: str) -> tuple[int, int]:
    """How many entries came, and the bytes in files. Raises OperationError "malformed-answer"."""
    with malformed_answer(host, text):
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            raise MalformedError("no JSON") from None
        match tree:
            case {"entries": int(entries), "bytes": int(size)}:
                return entries, size
        raise MalformedError("not how much was copied")


def pick_error(path: str, code: int, said: str, host: str) -> OperationError:
    """What the end of the program means."""
    return OperationError(
        "copy",
        path,
        f"{plain(said.strip(), _LONGEST) or f'it ended with exit code {code}'} ({host})",
        _REMEDIES.get(code, "read what it says: is there room in the folder, is there python3, are you root there?"),
        code=_CODES.get(code, "copy-failed"),
    )
