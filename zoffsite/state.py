"""Floor 2: what is remembered between runs: the last report of each job, since when it has been failing, its disk.

One file a job, `reports/JOB.json` in the state directory: the JSON of `views.json`, with `failing_since` beside it. And
one file a removable disk, `disks/GUID`: when it was last seen.
Backups never depend on it: facts decide what is sent. A file that is lost or broken only silences one recovery.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from zoffsite.model.report import RunReport, RunState
from zoffsite.views.json import report_from_json, report_json

log = logging.getLogger(__name__)


def save_report(report: RunReport, directory: Path) -> bool:
    """Remember `report` as the job's last one. False, and a line in the log, when it cannot be written.

    A power cut leaves either the old file or the new one, whole.
    """
    path = _path(report.job, directory)
    tree = report_json(report)
    if report.state is not RunState.OK:
        since = failing_since(report.job, directory) or report.started
        tree["failing_since"] = since.isoformat()
    try:
        _replace(path, json.dumps(tree, indent=2, ensure_ascii=False).encode())
    except OSError as error:
        log.error("the report of job %s could not be saved in %s: %s", report.job, path, error.strerror)
        return False
    return True


def last_report(job: str, directory: Path) -> RunReport | None:
    """The job's last report, or None when there is none that can be read."""
    tree = _read(job, directory)
    if tree is None:
        return None
    try:
        return report_from_json(tree)
    except ValueError as error:
        log.warning("the last report of job %s is not readable and is ignored: %s", job, error)
        return None


def failing_since(job: str, directory: Path) -> datetime | None:
    """When the first failed run started after which none has gone well; None after a good one, or before any."""
    since = (_read(job, directory) or {}).get("failing_since")
    try:
        return datetime.fromisoformat(since) if isinstance(since, str) else None
    except ValueError:
        return None


def disk_seen(guid: int, directory: Path) -> datetime | None:
    """When a removable disk was last seen; None when nobody knows."""
    try:
        return datetime.fromisoformat(_disk(guid, directory).read_text().strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s is not readable and is ignored: %s", _disk(guid, directory), error)
        return None


def see_disk(guid: int, directory: Path, when: datetime) -> datetime:
    """Remember that a removable disk was seen `when` (aware), and give that back: a wait for it counts from there."""
    try:
        _replace(_disk(guid, directory), f"{when.isoformat()}\n".encode())
    except OSError as error:
        log.error("that the disk %d was seen could not be saved: %s", guid, error.strerror)
    return when


def _disk(guid: int, directory: Path) -> Path:
    return directory / "disks" / str(guid)


def _path(job: str, directory: Path) -> Path:
    return directory / "reports" / f"{job}.json"


def _read(job: str, directory: Path) -> dict[str, Any] | None:
    path = _path(job, directory)
    try:
        tree = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s is not readable and is ignored: %s", path, error)
        return None
    return tree if isinstance(tree, dict) else None


def _replace(path: Path, content: bytes) -> None:
    """Write a new file beside `path`, have it on the disk, and only then give it the name."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
