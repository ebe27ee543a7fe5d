"""What a box says of itself when it is set up: the public halves of its two keys, in one word that a person can carry.

    zoffsite1:WIREGUARD_KEY:HOST_KEY:CHECK

Both keys are base64, the host key an ssh-ed25519 one; CHECK is the first eight hex digits of the SHA-256 of what is
before it, without the colon, so that a slip of the pen is noticed. `zoffsite box pair` keeps it beside the settings.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoffsite.config.hostkey import check_host_key
from zoffsite.config.mistakes import Problem, WrongValueError

_SHAPE = re.compile(r"zoffsite1:([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{60,100}={0,2}):([0-9a-f]{8})")
NOBODY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode("ascii")
_REMEDY = "on the box, `pairing/box` in the kit, or the last lines of `install`, show it: copy it whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The box's public keys: `wireguard` as `wg pubkey` prints it, `host_key` as `ssh-ed25519 AAAA…`."""

    wireguard: str
    host_key: str


def parse_pairing(text: str) -> Pairing:
    """The keys in `text`, which comes from the box and may say anything. WrongValueError otherwise."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise WrongValueError("this is no pairing text (zoffsite1:…)", _REMEDY)
    if hashlib.sha256(text.strip().rpartition(":")[0].encode()).hexdigest()[:8] != match[3]:
        raise WrongValueError("the pairing text is damaged: its check digits do not fit", _REMEDY)
    try:
        whole = len(base64.b64decode(match[1], validate=True)) == 32
    except binascii.Error:
        whole = False
    if not whole:
        raise WrongValueError("the pairing text holds no WireGuard key", _REMEDY)
    return Pairing(wireguard=match[1], host_key=check_host_key(f"ssh-ed25519 {match[2]}"))


def pairing_file(settings: Path, box: str) -> Path:
    """Where the pairing of a box is kept: beside the settings file."""
    return settings.parent / f"{box}.pairing"


def fill_host_keys(boxes: dict[str, Any], settings: Path) -> list[Problem]:
    """Pin every box that has a tunnel but no `host_key` to the one of its pairing; a problem for each that has none.

    `boxes` are the raw tables, which are changed. An unpaired one gets a key that no machine has.
    """
    problems = []
    for name, box in boxes.items():
        if not isinstance(box, dict) or "tunnel" not in box:
            continue
        siblings = [each for each in boxes.values() if isinstance(each, dict) and _place(each) == _place(box)]
        open_ones = [each for each in siblings if "host_key" not in each]
        if not open_ones:
            continue
        file = pairing_file(settings, name)
        try:
            host_key = parse_pairing(_text(file)).host_key if file.exists() else None
        except WrongValueError as error:
            host_key = None
            problems.append(_problem(file, name, error.problem, error.remedy))
        else:
            if host_key is None:
                what = "this box is not paired yet, so that nobody knows its host key"
                problems.append(_problem(settings, name, what, f"zoffsite box pair --box {name} TEXT"))
        for each in open_ones:
            each["host_key"] = host_key or NOBODY
    return problems


def _text(file: Path) -> str:
    try:
        with file.open(encoding="ascii") as stream:
            return stream.read(1000)
    except (OSError, UnicodeDecodeError):
        raise WrongValueError("it cannot be read", f"ls -l {file}") from None


def _problem(file: Path, name: str, message: str, remedy: str) -> Problem:
    return Problem(file=str(file), line=None, key=f"box.{name}.host_key", message=message, remedy=remedy)


def _place(box: dict[str, Any]) -> tuple[object, object]:
    return box.get("host"), box.get("port", 22)
