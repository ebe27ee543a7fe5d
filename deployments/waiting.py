"""Wait for Prefect's server: after a power cut it comes up later than what needs it, on this machine or elsewhere."""

from __future__ import annotations

import os
import time

from zoffsite.hosts.prefect_api import answers

PATIENCE = 600.0
"""Seconds for a server that has just been started; after them Prefect itself says what is wrong."""


def await_server() -> None:
    """Until the API of PREFECT_API_URL answers: Prefect takes a minute of a slow processor to find that it does not."""
    url = os.environ.get("PREFECT_API_URL", "")
    deadline = time.monotonic() + PATIENCE
    while url and not answers(url) and time.monotonic() < deadline:
        time.sleep(1)  # a server tells nobody when it is ready
