"""Floor 2: what each receiver of alerts has been told of each job: `alerts/JOB.json` in the state directory.

A receiver is called by its place among the URLs and its scheme, `1 (mailto)`: a URL is a secret. A file that is lost or
broken costs silence nowhere: what nobody remembers is told again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from zoffsite.files import write_whole
from zoffsite.model.alert import Heard, Told

log = logging.getLogger(__name__)


def read_heard(job: str, directory: Path) -> dict[str, Heard]:
    """What each receiver has heard of `job`; nothing where nothing can be read."""
    path = _path(job, directory)
    try:
        tree = json.loads(path.read_bytes())
        return {str(name): _heard(each) for name, each in tree.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is not readable, so that alerts may come twice: %s", path, error)
        return {}


def save_heard(job: str, directory: Path, heard: Mapping[str, Heard]) -> None:
    """Remember it. Where it cannot be written, the next run tells everything again."""
    tree = {name: _heard_tree(each) for name, each in heard.items()}
    try:
        write_whole(_path(job, directory), json.dumps(tree, indent=2, ensure_ascii=False).encode())
    except OSError as error:
        log.error("which alerts of job %s went out could not be saved: %s", job, error.strerror)


def _path(job: str, directory: Path) -> Path:
    return directory / "alerts" / f"{job}.json"


def _heard_tree(heard: Heard) -> dict[str, Any]:
    return {
        "failing": heard.failing.isoformat() if heard.failing else None,
        "failed": sorted(heard.failed),
        "failure": _told_tree(heard.failure),
        "warning": _told_tree(heard.warning),
    }


def _told_tree(told: Told | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {"times": told.times, "last": told.last.isoformat(), "about": sorted(told.about)}


def _heard(tree: Mapping[str, Any]) -> Heard:
    failing = tree["failing"]
    return Heard(
        failing=None if failing is None else _moment(failing),
        failed=frozenset(str(each) for each in tree.get("failed", ())),  # older files have none
        failure=_told(tree["failure"]),
        warning=_told(tree["warning"]),
    )


def _told(tree: Mapping[str, Any] | None) -> Told | None:
    if tree is None:
        return None
    about = frozenset(str(each) for each in tree["about"])
    return Told(times=max(int(tree["times"]), 1), last=_moment(tree["last"]), about=about)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
