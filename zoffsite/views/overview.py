"""A job at a glance, as JSON (docs/reference/json.md) and as a monitoring plugin's line."""

from __future__ import annotations

from datetime import timedelta

from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.overview import Capacity, LastRun, LiveRun, Overview
from zoffsite.model.status import Freshness, ReplicaStatus
from zoffsite.views.evidence import confidence_json
from zoffsite.views.json import Json, error_json, status_json, time_json
from zoffsite.views.words import by_box_words, duration_words, last_known_words

OK, WARNING, CRITICAL, UNKNOWN = range(4)
"""The exit codes of monitoring plugins."""
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_LEVELS = {Freshness.OK: OK, Freshness.WARNING: WARNING, Freshness.CRITICAL: CRITICAL}


def overview_json(seen: Overview) -> Json:
    """The status, and what is known of the job's runs and room."""
    return {
        **status_json(seen.status),
        "error": error_json(seen.error),
        "last_run": _last_run_json(seen.last_run),
        "last_success": time_json(seen.last_success),
        "next_run": time_json(seen.next_run),
        "running": live_json(seen.live),
        "capacity": _capacity_json(seen.capacity),
        **confidence_json(seen.confidence),
    }


def live_json(live: LiveRun | None) -> Json | None:
    """A run under way."""
    if live is None:
        return None
    return {
        "run": live.run,
        "verb": live.verb,
        "started": time_json(live.started),
        "updated": time_json(live.updated),
        "step": live.step,
        "finished": live.finished,
        "transfers": [
            {"dataset": each.dataset, "done": each.done, "total": each.total, "rate": round(each.rate, 1)}
            for each in live.transfers
        ],
    }


def nagios_lines(seen: list[Overview]) -> tuple[int, str]:
    """The exit code and the text of a monitoring plugin: one line, its figures behind a bar, then what is wrong.

    The figures of a replica are its age in seconds with the objective, and twice that, as thresholds.
    """
    levels = [level for each in seen for level in _levels(each)]
    worst = next((level for level in (CRITICAL, UNKNOWN, WARNING) if level in levels), OK)
    replicas = [(each, replica) for each in seen for replica in each.status.replicas]
    known = [last for each in seen for last in each.status.last_known]
    good = sum(replica.good for _, replica in replicas) + sum(last.freshness is Freshness.OK for last in known)
    head = f"ZOFFSITE {_WORDS[worst]} - {good} of {len(replicas) + len(known)} replicas are good"
    head += "".join(f"; {_plain(words)}" for each in seen for words in _away(each))
    data = " ".join(_figure(each.status.job, replica, each) for each, replica in replicas)
    lines = [_plain(line) for each in seen for line in _troubles(each)]
    return worst, "\n".join([f"{head} | {data}" if data else head, *lines])


def unknown_line(error: Exception) -> tuple[int, str]:
    """The same, in one line, where nothing can be told of any job."""
    words = f"{error}; {error.remedy}" if isinstance(error, ZoffsiteError) else f"{type(error).__name__}: {error}"
    return UNKNOWN, f"ZOFFSITE {_WORDS[UNKNOWN]} - {_plain(words)}"


def _levels(seen: Overview) -> list[int]:
    if seen.error is not None and not seen.status.replicas:
        return [UNKNOWN]
    missing = [] if seen.error is None else [WARNING]
    known = [_LEVELS[each.freshness] for each in seen.status.last_known]
    return (
        missing
        + known
        + [CRITICAL if each.error is not None else _LEVELS[each.freshness] for each in seen.status.replicas]
    )


def _away(seen: Overview) -> list[str]:
    """Of a disk that is away, and may be, what it holds is known from its last runs alone; or only the box answers."""
    absent = [f"{each.subject}: {each.message}" for each in seen.status.notices if each.code == "disk-absent"]
    alone = by_box_words(seen.status.replicas)
    return [*absent, f"{seen.status.job}: {alone}"] if alone else absent


def _troubles(seen: Overview) -> list[str]:
    error = seen.error
    missing = [] if error is None else [f"{seen.status.job}: {error.message}; {error.remedy}"]
    late = [each for each in seen.status.last_known if each.freshness is not Freshness.OK]
    return [
        *missing,
        *(f"{each.source}: {last_known_words(each, seen.status.when)}" for each in late),
        *(f"{each.source}: {_why(each, seen)}" for each in seen.status.replicas if each.wrong),
    ]


def _why(replica: ReplicaStatus, seen: Overview) -> str:
    if replica.error is not None:
        return f"{replica.error.message}; {replica.error.remedy}"
    if replica.as_of is None:
        return "the box has nothing of it" if replica.newest is None else "nobody knows how old its data is"
    age = duration_words(seen.status.when - replica.as_of)
    return f"its data is {age} old; the objective is {duration_words(replica.objective)}"


def _figure(job: str, replica: ReplicaStatus, seen: Overview) -> str:
    limit = replica.objective / timedelta(seconds=1)
    age = "U" if replica.as_of is None else f"{(seen.status.when - replica.as_of).total_seconds():.0f}s"
    return f"'{job} {replica.source}'={age};{limit:.0f};{2 * limit:.0f};0"


def _plain(line: str) -> str:
    """On one line, and without the bar that would begin figures."""
    return " ".join("".join(char if char.isprintable() else " " for char in line).split()).replace("|", "/")


def _last_run_json(last: LastRun | None) -> Json | None:
    if last is None:
        return None
    return {
        "run": last.run,
        "started": time_json(last.started),
        "seconds": last.seconds,
        "state": last.state.value,
        "words": last.words,
    }


def _capacity_json(capacity: Capacity) -> Json:
    return {
        "free": capacity.free,
        "daily": {source: round(rate) for source, rate in sorted(capacity.daily.items())},
        "days_left": None if capacity.days_left is None else round(capacity.days_left, 1),
        "month_more": capacity.month_more,
    }
