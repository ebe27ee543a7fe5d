"""The canary: a file that each run writes before its snapshot, so that what comes back later says of when it is."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

FILE = "zoffsite-canary.json"
"""In the top directory of the canary dataset."""


def canary_text(job: str, now: datetime, nonce: bytes) -> str:
    """Which run, when (UTC), a number that nobody knew before; and the SHA-256 of these, for whoever has no ledger."""
    said = {"run": f"{job}-{now:%Y%m%dT%H%M%SZ}", "time": f"{now:%Y-%m-%dT%H:%M:%SZ}", "nonce": nonce.hex()}
    return f"{json.dumps({**said, 'sha256': digest_of(json.dumps(said))})}\n"


def digest_of(text: str) -> str:
    """SHA-256 as 64 hex digits, for the ledger."""
    return hashlib.sha256(text.encode()).hexdigest()
