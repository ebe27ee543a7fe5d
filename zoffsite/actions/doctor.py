"""The doctor: look at both machines and the way between them, and say what is not right. Changes nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from zoffsite.actions.conclude import conclude, make_report
from zoffsite.actions.look import look_at_source
from zoffsite.actions.memory import ledger_of
from zoffsite.config.loading import load_machines
from zoffsite.config.machines import Account, Machine
from zoffsite.config.settings import Settings
from zoffsite.doctor.case import Case
from zoffsite.doctor.examine import examine
from zoffsite.doctor.place import place_on_source
from zoffsite.doctor.read.endpoints import other_addresses
from zoffsite.history import remember_run
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.door import knock, try_forbidden
from zoffsite.model.checkup import Checkup, Finding, Level
from zoffsite.model.errors import OperationError, SettingsError, UnreachableError, ZoffsiteError
from zoffsite.model.facts import Facts, Said
from zoffsite.model.history import PastRun
from zoffsite.model.inventory import Inventory
from zoffsite.model.job import Disk, Job, SshHost
from zoffsite.model.notice import Notice
from zoffsite.model.report import ErrorReport, RunReport, RunState
from zoffsite.views.checkup import checkup_words, whose_word, worst_first
from zoffsite.views.words import report_words

log = logging.getLogger(__name__)
T = TypeVar("T")
DOCTOR = "doctor"


def doctor(job: Job, file: Path, hosts: Connections) -> Checkup:
    """Look, and judge; `file` has the settings. What cannot be reached or read on the box is a finding.

    SettingsError "no-box" where the job's target is a disk; what is wrong with the source is raised, too.
    """
    if isinstance(job.box, Disk):
        raise SettingsError(
            "examine",
            job.box.label,
            "the doctor looks at boxes; this job's target is a disk of the source itself",
            f"see how its replicas are: zoffsite verify --job {job.name}",
            code="no-box",
        )
    machine, account = machine_of(job.box, load_machines(file)[1])
    facts = gather(job, job.box, machine, hosts)
    case = Case(job=job, facts=facts, machine=machine, account=account)
    return Checkup(job=job.name, when=facts.now, findings=examine(case, job.accepted))


def doctor_job(settings: Settings, job: Job, run: str, how: str, look: Callable[[], Checkup]) -> Checkup:
    """`look` as a run: remembered, and told of. What keeps it from looking is told as well, and raised again.

    `run` is its name, `how` who started it.
    """
    started = datetime.now(UTC)

    def remember(state: RunState, words: str) -> None:
        seconds = round((datetime.now(UTC) - started).total_seconds(), 3)
        past = PastRun(
            verb=DOCTOR,
            run=run,
            how=how,
            started=started,
            seconds=seconds,
            state=state,
            bytes=0,
            whole=True,
            words=words,
        )
        remember_run(job.name, past, settings.state_dir)

    try:
        checkup = look()
    except ZoffsiteError as error:
        report = make_report(job, run, started, (), (), error)
        _conclude(settings, job, report)
        remember(report.state, report_words(report))
        raise
    tell_of(settings, job, checkup, run)
    remember(RunState.FAILED if checkup.level is Level.CRITICAL else RunState.OK, checkup_words(checkup))
    return checkup


def tell_of(settings: Settings, job: Job, checkup: Checkup, run: str) -> None:
    """Alert of what counts, to whoever hears of the job and does not know it yet."""
    notices = [_notice(each) for each in worst_first(checkup)]
    for notice in notices:
        log.warning("%s: %s", notice.subject, notice.message)
    _conclude(settings, job, make_report(job, run, checkup.when, (), notices))


def _conclude(settings: Settings, job: Job, report: RunReport) -> None:
    conclude(settings, job, replace(report, job=f"{job.name}.{DOCTOR}"))


def _notice(finding: Finding) -> Notice:
    return Notice(
        code=f"{DOCTOR}-{finding.check}",
        subject=finding.subject,
        message=f"{finding.level.upper()}: {finding.what} ({whose_word(finding)}). {finding.why}",
        remedy=finding.remedy,
        alert=True,
    )


def machine_of(box: SshHost, machines: Sequence[Machine]) -> tuple[Machine | None, Account | None]:
    """The box as the kit sets it up, and the job's user there; None where it has no tunnel."""
    for machine in machines:
        if (machine.address, machine.ssh_port) == (box.host, box.port):
            return machine, next((each for each in machine.accounts if each.user == box.user), None)
    return None, None


def gather(job: Job, box: SshHost, machine: Machine | None, hosts: Connections) -> Facts:
    """Everything that can be seen. What is wrong with the box is a fact, too; errors of the source are raised."""
    look = look_at_source(job, hosts, datetime.now(UTC))
    pools = tuple(sorted({name.partition("/")[0] for name in look.inventory.datasets}))
    source = hosts.source_of(job).facts(place_on_source(machine, pools))
    asked = time.time()
    told, error = _tried(hosts.box_of(job).facts)
    facts = Facts(
        now=datetime.now(UTC),
        source=source,
        box=told,
        box_error=_report(error),
        known=_known(job, look.inventory),
        asked=asked,
        answered=time.time(),
        key_made=made_when(box.identity_file),
        restore_key_made=None if job.restore_identity is None else made_when(job.restore_identity),
    )
    if told is not None:
        inventory, missing = _tried(lambda: hosts.box_of(job).inventory(job.root))
        facts = replace(facts, inventory=inventory, inventory_error=_report(missing))
    return facts if machine is None else _with_door(facts, box, error)


def made_when(key: Path) -> datetime | None:
    """When it was written; that of its public half, where the key itself is kept elsewhere."""
    for file in (key, key.with_name(f"{key.name}.pub")):
        if file.exists():
            return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return None


def _with_door(facts: Facts, box: SshHost, error: ZoffsiteError | None) -> Facts:
    """Try what must be refused, and where nobody must answer. An impostor is not spoken to again."""
    impostor = error is not None and error.code == "host-key-mismatch"
    attempts = None
    if not impostor and not isinstance(error, UnreachableError):
        attempts, _ = _tried(lambda: try_forbidden(box))
    elsewhere = [each for each in _endpoints(facts.source) if each != box.host]
    return replace(facts, attempts=attempts or (), knocks=tuple(knock(box, elsewhere)))


def _known(job: Job, inventory: Inventory) -> frozenset[int] | None:
    """The snapshots that are the job's own: on the source, or once sent."""
    ours = {each.guid for state in inventory.datasets.values() for each in state.versions}
    try:
        return ledger_of(job).guids() | ours
    except OperationError:
        return None


def _endpoints(said: Said) -> tuple[str, ...]:
    """Where the tunnel's packets come from: the box's address outside of it, or its router's."""
    answer = said["endpoints"]
    return other_addresses(answer.text) if answer.code == 0 else ()


def _tried(look: Callable[[], T]) -> tuple[T | None, ZoffsiteError | None]:
    try:
        return look(), None
    except ZoffsiteError as error:
        return None, error


def _report(error: ZoffsiteError | None) -> ErrorReport | None:
    return None if error is None else ErrorReport.of(error)
