"""`zoffsite history`: what the ledger has of the past."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from zoffsite.actions.memory import ledger_of
from zoffsite.cli.context import console, jobs_of, print_json
from zoffsite.config.loading import load
from zoffsite.model.event import Event
from zoffsite.views.history import history_json, of_words, what_words
from zoffsite.views.words import duration_words, size_words

STYLES = {True: "", False: "bold red", None: "yellow"}
"""By whether it was good; None: nobody knows."""


def show_history(name: str | None, dataset: str | None, most: int, *, as_json: bool) -> None:
    """The last `most` events of each job, newest first. Contacts no host."""
    found = {job.name: ledger_of(job).history(dataset, most) for job in jobs_of(load(), name)}
    if as_json:
        print_json([history_json(job, events) for job, events in found.items()])
        return
    out = console()
    for job, events in found.items():
        title = Text(f"Job {job}, newest first; at most {most}", "bold")
        out.print(title, _table(events) if events else Text("  nothing is written down yet"), sep="\n")


def _table(events: tuple[Event, ...]) -> Table:
    table = Table("When (UTC)", "What", "Dataset", "Of", "Size", "Time", box=None, pad_edge=False)
    for each in events:
        table.add_row(
            f"{each.when:%Y-%m-%d %H:%M}",
            Text(what_words(each), STYLES[each.good]),
            Text(each.dataset),
            Text(of_words(each)),
            size_words(each.bytes) if each.bytes else "",
            duration_words(each.seconds) if each.seconds else "",
        )
    return table
