"""From sound tables to the values that the core works with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from zoffsite.config.crosschecks import Parsed, key_path, prefix_of
from zoffsite.config.machines import Machine, has_keeper, machines
from zoffsite.config.receivers import parse_receivers
from zoffsite.config.schema import (
    LOCAL,
    BoxTable,
    DiskTable,
    HostTable,
    JobTable,
    RetentionTable,
    ScheduleTable,
    WindowTable,
)
from zoffsite.config.settings import Receiver, Schedule, Settings
from zoffsite.model.drill import SCRATCH
from zoffsite.model.job import Alarm, Disk, DrillRule, Hook, Job, ProofRule, Retention, Retries, SshHost, Window

LEDGER = "ledger.sqlite"
"""The ledger's file in the state directory."""


def to_settings(parsed: Parsed, file: Path, state_dir: Path, notify_urls: SecretStr | None) -> Settings:
    """The settings, once nothing is wrong with them."""
    jobs = parsed.jobs
    return Settings(
        file=file,
        state_dir=state_dir,
        jobs={name: _job(name, job, parsed, state_dir / LEDGER) for name, job in jobs.items()},
        schedules={name: _schedules(job.schedule) for name, job in jobs.items() if job.schedule is not None},
        ping_urls={name: job.ping_url for name, job in jobs.items() if job.ping_url is not None},
        heard_by={
            name: _receivers(notify_urls if job.notify_urls is None else job.notify_urls) for name, job in jobs.items()
        },
    )


def to_machines(parsed: Parsed) -> Iterator[Machine]:
    """The boxes with a tunnel, once nothing but their pairing is missing."""
    return machines(
        parsed.boxes,
        {name: key_path(box.identity_file, parsed.directory) for name, box in parsed.boxes.items()},
        {name: _restore_key(box, parsed.directory) for name, box in parsed.boxes.items()},
    )


def _schedules(table: ScheduleTable) -> dict[str, Schedule]:
    lines = {
        "backup": table.cron,
        "verify": table.verify,
        "prune": table.prune,
        "prove": table.prove,
        "drill": table.drill,
        "doctor": table.doctor,
    }
    return {verb: Schedule(cron=cron, timezone=table.timezone) for verb, cron in lines.items() if cron is not None}


def _job(name: str, table: JobTable, parsed: Parsed, ledger: Path) -> Job:
    target = parsed.target(table)
    return Job(
        name=name,
        datasets=table.datasets,
        recursive=table.recursive,
        exclude=table.exclude,
        source=None if table.source == LOCAL else _host(parsed.sources[table.source], parsed.directory),
        box=_disk(target) if isinstance(target, DiskTable) else _host(target, parsed.directory),
        root=target.root,
        reserve=target.reserve,
        gated=table.box is not None and has_keeper(table.box, parsed.boxes),
        restore_identity=_restore_key(target, parsed.directory),
        snapshot_prefix=prefix_of(name, table),
        snapshot_when=table.snapshots.take,
        selection=table.snapshots.send,
        selection_patterns=table.snapshots.patterns,
        keep_source=_retention(table.keep.source),
        keep_box=_box_retention(table, parsed),
        parallel=table.parallel,
        bandwidth=table.bandwidth,
        stall=table.stall.total_seconds(),
        retries=Retries(
            count=table.retries.count,
            first_wait=table.retries.first_wait.total_seconds(),
            longest_wait=table.retries.longest_wait.total_seconds(),
        ),
        objective=table.objective,
        objectives=tuple(table.objectives.items()),
        ledger=ledger,
        by_property=table.by_property,
        siblings=tuple(parsed.jobs),
        replicas=tuple(table.replicas.items()),
        windows=_windows(table.windows),
        hooks=tuple(
            Hook(datasets=hook.datasets, before=hook.before, after=hook.after, timeout=hook.timeout.total_seconds())
            for hook in table.hooks
        ),
        proof=ProofRule(
            within=table.proof.within,
            at_most=table.proof.at_most,
            bandwidth=table.proof.bandwidth,
            windows=_windows(table.proof.windows),
        ),
        drill=DrillRule(
            datasets=table.drill.datasets,
            scratch=table.drill.scratch,
            bandwidth=table.drill.bandwidth,
            key_files=tuple(table.drill.key_files.items()),
            canary=table.drill.canary,
        ),
        self_made=tuple(_self_made(parsed)),
        alarm=Alarm(at_least=table.alarm.at_least, factor=table.alarm.factor, freed=table.alarm.freed),
        accepted=() if isinstance(target, DiskTable) else target.accept,
    )


def _self_made(parsed: Parsed) -> Iterator[str]:
    """What comes back for a drill is backed up by no job, also where a drill was killed; nor are replicas on a disk."""
    yield from (disk.root for disk in parsed.disks.values())
    yield f"*/{SCRATCH}*"
    for job in parsed.jobs.values():
        if job.drill.scratch is not None:
            yield job.drill.scratch


def _restore_key(target: BoxTable | DiskTable, directory: Path) -> Path | None:
    named = target.restore_identity_file if isinstance(target, BoxTable) else None
    return None if named is None else key_path(named, directory)


def _disk(table: DiskTable) -> Disk:
    return Disk(pool=table.root.partition("/")[0], guid=table.guid, absent_after=table.absent_after)


def _host(table: HostTable, directory: Path) -> SshHost:
    return SshHost(
        host=table.host,
        port=table.port,
        user=table.user,
        host_key=table.host_key,
        identity_file=key_path(table.identity_file, directory),
        connect_timeout=table.connect_timeout.total_seconds(),
        keepalive=table.keepalive.total_seconds(),
    )


def _retention(table: RetentionTable) -> Retention:
    return Retention(
        last=table.last,
        within=table.within,
        hourly=table.hourly,
        daily=table.daily,
        weekly=table.weekly,
        monthly=table.monthly,
        yearly=table.yearly,
        patterns=table.patterns,
    )


def _windows(tables: Iterable[WindowTable]) -> tuple[Window, ...]:
    return tuple(Window(start=each.start, end=each.end, rate=each.bandwidth) for each in tables)


def _box_retention(job: JobTable, parsed: Parsed) -> Retention:
    """What the job asks the box to keep: at least what the keeper there would refuse to destroy.

    The keeper counts from when it first saw a snapshot, which was after it was taken: hence a day more.
    """
    wanted = _retention(job.keep.box)
    if job.box is None or job.keep.box.keeps_nothing or not has_keeper(job.box, parsed.boxes):
        return wanted
    box = parsed.boxes[job.box]
    within = max(wanted.within or timedelta(0), box.floor + timedelta(days=1))
    return replace(wanted, within=within, last=max(wanted.last, box.minimum))


def _receivers(urls: SecretStr | None) -> tuple[Receiver, ...]:
    return parse_receivers(urls) if urls else ()
