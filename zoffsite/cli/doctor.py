"""`zoffsite doctor`: is everything as it should be, on both machines and between them?"""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from zoffsite.actions.doctor import DOCTOR, doctor, doctor_job
from zoffsite.actions.run import run_name
from zoffsite.cli.context import console, job_of, print_json
from zoffsite.config.settings import load
from zoffsite.hosts.connections import Connections
from zoffsite.model.checkup import Checkup, Finding, Level, Word
from zoffsite.model.errors import ExitCode
from zoffsite.views.checkup import checkup_json, checkup_words, whose_word, worst_first

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.CRITICAL: "bold red"}


def run_doctor(name: str | None, *, tell: bool, as_json: bool) -> ExitCode:
    """Examine one job; exit 1 when anything is WARNING or CRITICAL and not accepted. `tell`: alert others, too."""
    settings = load()
    job = job_of(settings, name)
    with Connections() as hosts:
        look = partial(doctor, job, settings.file, hosts)
        run = run_name(f"{job.name}-{DOCTOR}")
        found = doctor_job(settings, job, run, f"zoffsite {DOCTOR}", look) if tell else look()
    if as_json:
        print_json(checkup_json(found))
    else:
        draw_checkup(console(), found)
    return found.exit_code


def draw_checkup(out: Console, found: Checkup) -> None:
    """Every finding in a line; then what counts, with why it matters and what to do."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("Check", "State", "Of", "What was found"):
        table.add_column(title, overflow="fold")
    for each in found.findings:
        table.add_row(*_row(each))
    out.print(table)
    for each in worst_first(found):
        out.print(Text.assemble(f"\n{each.check} ", (each.level.upper(), STYLES[each.level]), f" {each.subject}"))
        for line in (each.what, f"Why it matters: {each.why}", f"Next: {each.remedy}", f"({whose_word(each)})"):
            out.print(Padding(Text(line), (0, 0, 0, 2)))
    out.print(Text(f"\n{checkup_words(found)}", STYLES[found.level]))
    out.print("Findings with a * are the box's own word: worth as much as the box is.")


def _row(each: Finding) -> tuple[Text, ...]:
    state = "accepted" if each.accepted and each.level is not Level.OK else each.level.upper()
    return (
        Text(each.check),
        Text(state + ("*" if each.word is Word.BOX else ""), "" if each.accepted else STYLES[each.level]),
        Text(each.subject),
        Text(each.what),
    )
