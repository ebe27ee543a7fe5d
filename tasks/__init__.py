"""Prefect tasks: one action each."""

import os

os.environ.setdefault("DO_NOT_TRACK", "1")  # Prefect reads it when it is imported: it must report to nobody
