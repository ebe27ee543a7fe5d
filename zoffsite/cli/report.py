"""A run's report as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, DatasetResult, RunReport, RunState
from zoffsite.views.words import duration_words, report_words, size_words

STYLES = {DatasetResult.SENT: "green", DatasetResult.UP_TO_DATE: "green"}


def draw_report(out: Console, report: RunReport) -> None:
    """The outcome of each dataset, the errors with their remedies, and one line that sums up."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for title, justify in (("Dataset", "left"), ("State", "left"), ("Sent", "right"), ("Time", "right")):
        table.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("Verified")
    table.add_column("Pruned", justify="right")
    for outcome in report.datasets:
        table.add_row(*_row(outcome))
    if report.datasets:
        out.print(table)
    for outcome in report.datasets:
        if outcome.error is not None:
            draw_error(out, outcome.error.message, outcome.error.remedy)
    if report.error is not None:
        draw_error(out, report.error.message, report.error.remedy)
    draw_notices(out, report.all_notices)
    style = "bold green" if report.state is RunState.OK else "bold red"
    out.print(Text(f"\n{report_words(report)}", style))


def draw_notices(out: Console, notices: Sequence[Notice]) -> None:
    """What a person should know although nothing has failed."""
    for notice in notices:
        out.print(Text.assemble(("\nNote: ", "bold yellow"), f"{notice.subject}: {notice.message}"))
        out.print(Padding(Text(f"Next: {notice.remedy}"), (0, 0, 0, 2)))


def _row(outcome: DatasetOutcome) -> tuple[Text, ...]:
    return (
        Text(outcome.source),
        Text(outcome.state, STYLES.get(outcome.state, "bold red")),
        Text(size_words(outcome.bytes) if outcome.bytes else "–"),
        Text(duration_words(outcome.seconds) if outcome.seconds else "–"),
        Text("yes" if outcome.verified else "no"),
        Text(f"{outcome.pruned_source}+{outcome.pruned_box}"),
    )


def draw_error(out: Console, message: str, remedy: str) -> None:
    """What happened to one dataset, and what to do next."""
    out.print(Text.assemble(("\nError: ", "bold red"), message))
    out.print(Padding(Text(f"Next: {remedy}"), (0, 0, 0, 2)))
