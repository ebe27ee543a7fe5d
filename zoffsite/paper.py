"""Floor 2: files as text for paper, that a person can type back; and that text as files again.

    12 K7QX | host = "10.77.0.2"

Each line has its number within the file, four characters of a check over file, number and content, and what it is:

    =  the name of a file begins it             |  a line of text
    +  a piece of a line, the rest of it follows *  bytes in base32, in groups of four
    .  the file ends; a check over all of it

Capitals or not, and 0, 1, 8 for O, I, B, are the same where base32 is. Lines with `#` and empty ones are for people.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping

from zoffsite.model.errors import OperationError

HEAD = "# zoffsite on paper"
"""How such a text begins."""
_TEXT, _BYTES = 64, 30
"""Characters, or bytes, of a line: with the rest of it 80 columns are enough."""
_SHOWN = 10
_LINE = re.compile(r"\s*(\d+)\s+(\w{4})\s+([=|+*.])(?: (.*))?")
_MISREAD = str.maketrans("018", "OIB")


def to_paper(files: Mapping[str, bytes]) -> Iterator[str]:
    """The lines, without their ends."""
    yield HEAD
    yield "# Who has this paper has what is on it: nothing here is sealed."
    yield "# To read it back: type the files that you need into a text file, and say"
    yield "#   zoffsite escrow open TYPED.txt --out rescue"
    for name, content in files.items():
        yield ""
        lines = [("=", name, name.encode()), *_pieces(content), (".", _groups(_whole(content)), _whole(content))]
        for number, (kind, shown, meant) in enumerate(lines):
            yield f"{number:>3} {_check(name, number, kind, meant)} {kind} {shown}".rstrip()


def from_paper(text: str) -> dict[str, bytes]:
    """The files that were typed. Raises OperationError "bad-paper", which names the lines to look at again."""
    found: dict[str, bytes] = {}
    wrong: list[str] = []
    name, content, expected = "", b"", 0
    for place, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        number, check, kind, shown = match.groups() if match else ("", "", "", "")
        if kind == "=" and not name:
            name, content, expected = shown or "", b"", 0
        meant = _meant(kind, shown or "")
        if not name or meant is None or _read(check) != _check(name, int(number), kind, meant):
            wrong.append(f"line {place} does not fit its check")
        elif int(number) != expected:
            wrong.append(f"before line {place} something is missing, or is too much")
        if kind == "." and name:
            if not wrong and meant != _whole(content):
                wrong.append(f"line {place}: the check of all of {name} does not fit")
            found[name], name = content, ""
        elif kind in ("|", "+", "*"):
            content += meant or b""
        expected = int(number) + 1 if number else expected + 1
    if name:
        wrong.append(f"the end of {name} is missing")
    if wrong or not found:
        shown = "; ".join(wrong[:_SHOWN]) or "there is no file in it"
        raise OperationError("read", "what was typed", shown, "look at these again beside the paper", code="bad-paper")
    return found


def _pieces(content: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Kind, what is shown, what is meant."""
    for line in content.splitlines(keepends=True) if _is_text(content) else [content]:
        text = line[:-1].decode("ascii") if _is_plain(line) else None
        if text is None:
            for at in range(0, len(line), _BYTES):
                piece = line[at : at + _BYTES]
                yield "*", _groups(piece), piece
            continue
        while len(text) > _TEXT:
            shown = text[:_TEXT].rstrip()  # what ends in a space would not be seen to; there is no gap as long as that
            yield "+", shown, shown.encode()
            text = text[len(shown) :]
        yield "|", text, f"{text}\n".encode()


def _is_text(content: bytes) -> bool:
    """Whether it was made of lines by a person; a key of bytes may look like it by chance, in part."""
    try:
        return all(each.isprintable() or each in "\t\n" for each in content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _is_plain(line: bytes) -> bool:
    """Whether a person sees all of it: printable, nothing at its end that cannot be seen."""
    text = line[:-1]
    long_gap = b" " * _TEXT in text
    return line.endswith(b"\n") and all(32 <= each < 127 for each in text) and text == text.rstrip() and not long_gap


def _meant(kind: str, shown: str) -> bytes | None:
    """What a line of paper stands for; None where that is nothing."""
    if kind in ("*", "."):
        text = _read(re.sub(r"\s", "", shown))
        try:
            return base64.b32decode(text + "=" * (-len(text) % 8))
        except (binascii.Error, ValueError):
            return None
    return {"=": shown, "+": shown, "|": f"{shown}\n"}.get(kind, "").encode() if kind else None


def _groups(content: bytes) -> str:
    text = _base32(content)
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode("ascii").rstrip("=")


def _read(text: str) -> str:
    return text.upper().translate(_MISREAD)


def _check(name: str, number: int, kind: str, meant: bytes) -> str:
    return _base32(hashlib.sha256(f"{name}\n{number}\n{kind}\n".encode() + meant).digest())[:4]


def _whole(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:10]
