"""Floor 2: what is remembered between runs: the last report of each job, since when it has been failing, its disk.

One file a job, `reports/JOB.json` in the state directory: the JSON of `views.json`, with `failing_since`,
`last_success` and `last_good` beside it. And one file a removable disk, `disks/GUID`: when it was last seen.
Backups never depend on it: facts decide what is sent. A file that is lost or broken only silences one recovery.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from zoffsite.files import write_whole
from zoffsite.model.report import RunReport, RunState
from zoffsite.views.json import report_from_json, report_json

log = logging.getLogger(__name__)


def save_report(report: RunReport, directory: Path, *, whole: bool = True) -> bool:
    """Remember `report` as the job's last one. False, and a line in the log, when it cannot be written.

    A run of some datasets only, not `whole`, ends no failing, and is no success: of the others it says nothing.
    A power cut leaves either the old file or the new one, whole.
    """
    path = _path(report.job, directory)
    tree = report_json(report)
    since, succeeded = failing_since(report.job, directory), last_success(report.job, directory)
    if report.state is not RunState.OK:
        since = since or report.started
    elif whole:
        since, succeeded = None, report.started
    tree["failing_since"] = since and since.isoformat()
    tree["last_success"] = succeeded and succeeded.isoformat()
    good = {each.source: report.started for each in report.datasets if each.state.good}
    known = {**last_good(report.job, directory), **good}
    tree["last_good"] = {source: moment.isoformat() for source, moment in known.items()}
    try:
        write_whole(path, json.dumps(tree, indent=2, ensure_ascii=False).encode())
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
    return _moment(job, directory, "failing_since")


def last_success(job: str, directory: Path) -> datetime | None:
    """When the last run started that went well as a whole; None before any."""
    return _moment(job, directory, "last_success")


def last_good(job: str, directory: Path) -> Mapping[str, datetime]:
    """When the last run started that went well for a dataset, by the dataset's name, where one is known."""
    known = (_read(job, directory) or {}).get("last_good")
    try:
        return {str(source): datetime.fromisoformat(moment) for source, moment in dict(known or {}).items()}
    except (ValueError, TypeError):
        return {}


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
        write_whole(_disk(guid, directory), f"{when.isoformat()}\n".encode())
    except OSError as error:
        log.error("that the disk %d was seen could not be saved: %s", guid, error.strerror)
    return when


def _disk(guid: int, directory: Path) -> Path:
    return directory / "disks" / str(guid)


def _path(job: str, directory: Path) -> Path:
    return directory / "reports" / f"{job}.json"


def _moment(job: str, directory: Path, key: str) -> datetime | None:
    text = (_read(job, directory) or {}).get(key)
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


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
