"""`zoffsite config show`: what holds, and where each value comes from."""

from __future__ import annotations

import json

from rich.text import Text

from zoffsite.cli.context import console, print_json
from zoffsite.config.loading import show
from zoffsite.config.shown import DEFAULT, MASK, Shown


def show_settings(*, everything: bool, as_json: bool) -> None:
    """Print what was set; with `everything`, also what holds by default."""
    file, found = show()
    chosen = [each for each in found if everything or each.origin != DEFAULT]
    if as_json:
        print_json([{"key": each.key, "value": each.value, "origin": each.origin} for each in chosen])
        return
    out = console()
    width = max((len(each.key) for each in chosen), default=0)
    for each in chosen:
        out.print(_line(each, width), soft_wrap=True)
    if not everything:
        out.print(Text(f"\n{file}; what holds by default: zoffsite config show --all"), soft_wrap=True)


def _line(each: Shown, width: int) -> Text:
    value = each.value if each.value == MASK else json.dumps(each.value, ensure_ascii=False)
    style = "dim" if each.origin == DEFAULT else ""
    shown = "none" if each.value is None else value
    return Text.assemble((each.key.ljust(width), "bold"), " = ", shown, (f"  # {each.origin}", "dim"), style=style)
