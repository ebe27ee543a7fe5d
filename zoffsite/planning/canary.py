"""The canary: files that each run writes before its snapshot, so that what comes back later says of when it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

FILE = "zoffsite-canary.json"
"""In the top directory of the canary dataset. zoffsite/comparison.py reads what it lists."""
DATA = "zoffsite-canary.data"
"""Beside it: contents that nobody knew before, of some kilobytes."""


def canary_text(run: str, now: datetime, nonce: bytes, files: Mapping[str, str]) -> str:
    """Which run, when (UTC), a number that nobody knew before, and the SHA-256 of the files beside it, by name.

    And the SHA-256 of all these, for whoever has no ledger.
    """
    said = {
        "run": run,
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "nonce": nonce.hex(),
        "files": {name: digest_of(contents) for name, contents in files.items()},
    }
    return f"{json.dumps({**said, 'sha256': digest_of(json.dumps(said))})}\n"


def digest_of(text: str) -> str:
    """SHA-256 as 64 hex digits, for the ledger."""
    return hashlib.sha256(text.encode()).hexdigest()
