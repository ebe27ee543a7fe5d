"""Mistakes that no single value shows: names that nothing has, jobs that would get in each other's way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from zoffsite.config.keyfile import check_key_file
from zoffsite.config.machines import interface_of, tables_of
from zoffsite.config.mistakes import WrongValueError, did_you_mean
from zoffsite.config.names import LONGEST_DATASET, check_tunnel_address, is_pattern
from zoffsite.config.pairing import NOBODY
from zoffsite.config.schema import LOCAL, BoxTable, DiskTable, HostTable, JobTable, WindowTable
from zoffsite.config.sources import Loc
from zoffsite.model.job import Selection, SnapshotWhen
from zoffsite.model.patterns import covers

Finding = tuple[Loc, str, str]
"""Where, what, and what to do."""

STAMP_LENGTH = len("2026-11-23T03:00:00Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The tables that are sound in themselves; `named`, `written` and `key_files` are of all tables, sound or not.

    `written` gives the keys that each job holds.
    """

    boxes: Mapping[str, BoxTable]
    disks: Mapping[str, DiskTable]
    sources: Mapping[str, HostTable]
    jobs: Mapping[str, JobTable]
    named: Mapping[str, frozenset[str]]
    written: Mapping[str, frozenset[str]]
    key_files: Mapping[Loc, Path]
    directory: Path

    def target(self, job: JobTable) -> BoxTable | DiskTable:
        """Where the job's replicas go. KeyError where its table is missing or unsound."""
        return self.disks[job.disk] if job.disk is not None else self.boxes[job.box or ""]


def cross_check(parsed: Parsed) -> Iterator[Finding]:
    """Every mistake between values."""
    for check in _CHECKS:
        yield from check(parsed)


def prefix_of(name: str, job: JobTable) -> str:
    """How the job's snapshots begin."""
    return job.snapshots.prefix or f"zoffsite-{name}-"


def key_path(named: Path, directory: Path) -> Path:
    """The private key's file: `~` is the user's home, a relative path is beside the settings file."""
    return directory / named.expanduser()


def _names(parsed: Parsed) -> Iterator[Finding]:
    if not parsed.named["job"]:
        yield ("job",), "there is no job", "add a [job.NAME] table; zoffsite init writes one with all that it needs"
    if LOCAL in parsed.named["source"]:
        yield ("source", LOCAL), f'"{LOCAL}" stands for this machine', "give this source another name"
    for name, job in parsed.jobs.items():
        yield from _target(name, job, parsed)
        sources = parsed.named["source"] | {LOCAL}
        if job.source not in sources:
            yield ("job", name, "source"), f'there is no source "{job.source}"', did_you_mean(job.source, sources)


def _target(name: str, job: JobTable, parsed: Parsed) -> Iterator[Finding]:
    for kind, target in (("box", job.box), ("disk", job.disk)):
        if target is not None and target not in parsed.named[kind]:
            yield ("job", name, kind), f'there is no {kind} "{target}"', did_you_mean(target, parsed.named[kind])
    said = parsed.written[name] & {"box", "disk"}
    if not said:
        yield ("job", name), "it says neither box nor disk", 'name where it goes: box = "…", or disk = "…"'
    if len(said) > 1:
        yield ("job", name, "disk"), "it says both box and disk", "make two jobs of it, one for each"


def _keys(parsed: Parsed) -> Iterator[Finding]:
    for loc, named in parsed.key_files.items():
        try:
            check_key_file(key_path(named, parsed.directory))
        except WrongValueError as error:
            yield loc, error.problem, error.remedy


def _lists(parsed: Parsed) -> Iterator[Finding]:
    for name, job in parsed.jobs.items():
        if not job.datasets and not job.by_property and "datasets" not in parsed.written[name]:
            yield (
                ("job", name),
                "datasets is missing",
                'name them: datasets = ["tank/home"], or write by_property = true',
            )
        for key, values in (("datasets", job.datasets), ("exclude", job.exclude)):
            for index, value in enumerate(values):
                if value in values[:index]:
                    yield ("job", name, key, index), f'"{value}" is there twice', "remove one of the two"
        for index, value in enumerate(job.exclude):
            if value in job.datasets:
                where = ("job", name, "exclude", index)
                yield where, f'"{value}" is both wanted and excluded', "remove it from datasets or from exclude"


def _replicas(parsed: Parsed) -> Iterator[Finding]:
    """Names on the box: a slash becomes a colon there, so that two names may become one, or one too long."""
    for name, job in parsed.jobs.items():
        target = parsed.disks.get(job.disk or "") or parsed.boxes.get(job.box or "")
        taken = dict[str, str]()
        for where, dataset, replica in _replica_names(name, job):
            if where[2] == "replicas" and not _can_cover(job, dataset):
                yield where, f'the job has no dataset "{dataset}"', "name one that it backs up, or remove this line"
            first = taken.setdefault(replica, dataset)
            if first != dataset:
                what = f'"{dataset}" and "{first}" would have one name on the box, "{replica}"'
                yield where, what, f'give one of them another: replicas = {{ "{dataset}" = "{replica}-2" }}'
            room = LONGEST_DATASET - len(replica) - len(f"/@{prefix_of(name, job)}") - STAMP_LENGTH
            if target is not None and len(target.root) > room:
                what = f"its snapshots' names on the box would be longer than ZFS's {LONGEST_DATASET} characters"
                yield where, what, "shorten the box's root or the snapshot prefix, or give it a shorter name: replicas"


def _replica_names(name: str, job: JobTable) -> Iterator[tuple[Loc, str, str]]:
    """Each dataset that the job names, with what it is called below the root: where it says so, dataset, replica."""
    for index, dataset in enumerate(job.datasets):
        if not is_pattern(dataset) and dataset not in job.replicas:
            yield ("job", name, "datasets", index), dataset, dataset.replace("/", ":")
    for dataset, replica in job.replicas.items():
        yield ("job", name, "replicas", dataset), dataset, replica


def _objectives(parsed: Parsed) -> Iterator[Finding]:
    for name, job in parsed.jobs.items():
        for dataset in job.objectives:
            if not _can_cover(job, dataset):
                what = f'the job has no dataset "{dataset}"'
                yield ("job", name, "objectives", dataset), what, "name one that it backs up, or remove this line"


def _drills(parsed: Parsed) -> Iterator[Finding]:
    for name, job in parsed.jobs.items():
        at = ("job", name, "drill")
        if job.drill.canary is not None and not _can_cover(job, job.drill.canary):
            what = f'the job has no dataset "{job.drill.canary}"'
            yield (*at, "canary"), what, "name one that it backs up, or remove this line"
        scratch = job.drill.scratch or ""
        inside = next((each for each in job.datasets if scratch and f"{each}/".startswith(f"{scratch}/")), None)
        if scratch and "/" not in scratch:
            what = f'"{scratch}" is a whole pool, and the scratch is made and destroyed by each drill'
            yield (*at, "scratch"), what, f'name a dataset in it that does not exist: "{scratch}/drill"'
        elif inside is not None:
            what = f'"{inside}" lies in it, and the scratch is destroyed after each drill'
            yield (*at, "scratch"), what, "name a dataset that does not exist"


def _can_cover(job: JobTable, dataset: str) -> bool:
    """Whether the job can be about `dataset`: any can be, where datasets say so themselves."""
    if covers(job.exclude, dataset, recursive=True):
        return False
    return job.by_property or covers(job.datasets, dataset, recursive=job.recursive)


def _replicas_on_disks(parsed: Parsed) -> Iterator[Finding]:
    """A disk is a pool of the source machine: its replicas must not be taken for datasets to back up."""
    for name, job in parsed.jobs.items():
        for index, each in enumerate(job.datasets):
            disk = next((disk for disk, table in parsed.disks.items() if f"{each}/".startswith(f"{table.root}/")), None)
            if disk is not None:
                what = f'"{each}" lies in the root of the disk "{disk}", where replicas are kept'
                yield ("job", name, "datasets", index), what, "name what they are replicas of, or leave it out"


def _roots(parsed: Parsed) -> Iterator[Finding]:
    """Each job has a root of its own: what one job finds under its root, and prunes there, is never another's."""
    for (first, _, place, root), (second, kind, other_place, other) in combinations(_placed(parsed), 2):
        if not place.isdisjoint(other_place) and _overlap(root, other):
            what = f'its root on the {kind} ("{other}") is, or is within, that of job "{first}" ("{root}")'
            yield ("job", second, kind), what, f"add a [{kind}.NAME] with another root, and name it here"


def _placed(parsed: Parsed) -> Iterator[tuple[str, str, frozenset[object], str]]:
    """Each job with the kind of its target, what that is known by, and its root there.

    A box has many names, by DNS and inside its tunnel, but one host key.
    """
    for name, job in parsed.jobs.items():
        disk, box = parsed.disks.get(job.disk or ""), parsed.boxes.get(job.box or "")
        if disk is not None:
            yield name, "disk", frozenset({disk.guid}), disk.root
        elif box is not None:
            known_by = {(box.host.lower(), box.port), box.host_key} - {NOBODY}
            yield name, "box", frozenset(known_by), box.root


def _snapshots(parsed: Parsed) -> Iterator[Finding]:
    for name, job in parsed.jobs.items():
        at = ("job", name, "snapshots")
        nothing_of_ours = job.snapshots.take is SnapshotWhen.NEVER and not job.snapshots.patterns
        if nothing_of_ours and job.snapshots.send is Selection.OURS:
            what = "no snapshot is taken and only ours are sent, so that nothing new would ever be sent"
            yield (*at, "take"), what, 'name other snapshots by patterns, or write send = "all", or take = "written"'
    for (first, job), (second, other) in combinations(parsed.jobs.items(), 2):
        if job.source == other.source and prefix_of(first, job) == prefix_of(second, other):
            what = f'job "{first}" has the same prefix, so that each would prune the other\'s snapshots'
            yield ("job", second, "snapshots", "prefix"), what, f'write another, as in "zoffsite-{second}-"'


def _hooks(parsed: Parsed) -> Iterator[Finding]:
    for name, job in parsed.jobs.items():
        for index, hook in enumerate(job.hooks):
            at = ("job", name, "hooks", index)
            if not hook.before and not hook.after:
                yield at, "it has no command", 'write before or after: before = ["/usr/local/bin/freeze"]'
            for key, command in (("before", hook.before), ("after", hook.after)):
                if command and not command[0].strip():
                    yield (*at, key), "the command is empty", "write a list: the program, then its arguments"
            if job.snapshots.take is SnapshotWhen.NEVER:
                what = "hooks are run around the job's own snapshots, and it takes none"
                yield at, what, 'let the job take them: take = "written", or leave the hook out'


def _times(parsed: Parsed) -> Iterator[Finding]:
    for name, job in parsed.jobs.items():
        yield from _windows(("job", name), job.windows)
        yield from _windows(("job", name, "proof"), job.proof.windows)
        if job.retries.first_wait > job.retries.longest_wait:
            what = "the first wait is longer than the longest"
            yield ("job", name, "retries", "first_wait"), what, "lower it, or raise longest_wait"
        for side, keep in (("source", job.keep.source), ("box", job.keep.box)):
            if keep.model_fields_set and keep.keeps_nothing:
                remedy = "write one rule that is more than 0, for instance last = 10; an empty table keeps everything"
                yield ("job", name, "keep", side), "no rule here keeps anything", remedy


def _windows(table: tuple[str, ...], windows: Iterable[WindowTable]) -> Iterator[Finding]:
    for index, window in enumerate(windows):
        if window.start == window.end:
            what = f"it begins and ends at {window.start:%H:%M}: is that all day, or never?"
            yield (*table, "windows", index, "end"), what, f"for all day, write bandwidth in [{'.'.join(table)}] itself"


def _tunnels(parsed: Parsed) -> Iterator[Finding]:
    """What `zoffsite box kit` could not set up."""
    with_tunnel = {name: box for name, box in parsed.boxes.items() if box.tunnel is not None}
    for name, box in with_tunnel.items():
        yield from _tunnel(name, box, parsed)
    for (first, one), (second, other) in combinations(with_tunnel.items(), 2):
        if (one.host, one.port) == (other.host, other.port):
            what = f'box "{first}" is the same machine, and has a tunnel already'
            yield ("box", second, "tunnel"), what, "keep one of the two"
        elif one.tunnel and other.tunnel and one.tunnel.port == other.tunnel.port:
            what = f'box "{first}" dials in at the same port'
            yield ("box", second, "tunnel", "port"), what, f"write another: port = {one.tunnel.port + 1}"
        if interface_of(first) == interface_of(second):
            what = f'its tunnel would be called like that of "{first}": {interface_of(second)}'
            yield ("box", second), what, "let the names differ in their first twelve letters"


def _tunnel(name: str, box: BoxTable, parsed: Parsed) -> Iterator[Finding]:
    try:
        own = check_tunnel_address(box.host)
    except WrongValueError:
        what = "with a tunnel this must be the box's IPv4 address inside it"
        yield ("box", name, "host"), what, 'write one that no other net uses: "10.77.0.2"'
        return
    if box.tunnel is not None and own == box.tunnel.source:
        yield ("box", name, "tunnel", "source"), "this is the box's own address", "give each end one of its own"
    for each, table in tables_of(name, parsed.boxes).items():
        if " " in table.root:
            yield ("box", each, "root"), "the kit cannot set up a root with a blank in its name", "choose another name"
    for (first, one), (second, other) in combinations(tables_of(name, parsed.boxes).items(), 2):
        if one.user == other.user and one.root != other.root:
            what = f'box "{first}" has the same user for another root, and a user of the gate has only one'
            yield ("box", second, "user"), what, f'write another: user = "{other.user}-{second}"'


def _overlap(root: str, other: str) -> bool:
    return f"{root}/".startswith(f"{other}/") or f"{other}/".startswith(f"{root}/")


_CHECKS: tuple[Callable[[Parsed], Iterator[Finding]], ...] = (
    _names,
    _keys,
    _lists,
    _replicas,
    _replicas_on_disks,
    _objectives,
    _roots,
    _snapshots,
    _hooks,
    _drills,
    _times,
    _tunnels,
)
