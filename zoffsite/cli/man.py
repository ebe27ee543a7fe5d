"""`zoffsite man`: the manual pages, drawn from the help that every command has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from zoffsite import __version__
from zoffsite.cli.context import console
from zoffsite.model.errors import ExitCode, OperationError

FILES = (
    (
        "./zoffsite.toml, ~/.config/zoffsite/zoffsite.toml, /etc/zoffsite/zoffsite.toml",
        "The settings: the first is read.",
    ),
    (".env", "Secrets, beside the settings, mode 600."),
    ("/var/lib/zoffsite, ~/.local/state/zoffsite", "Reports, locks, the ledger: of root, of others."),
)


def write_pages(command: Any, out: Path) -> ExitCode:
    """Write a page for the command as a whole, and one for each of its verbs, to the folder `out`."""
    pages = man_pages(command)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        remedy = "name a folder that is writable: --out ~/.local/share/man/man1"
        raise OperationError(
            "write manual pages to", str(out), str(error.strerror), remedy, code="not-written"
        ) from error
    console().print(f"{len(pages)} pages are in {out}; read them: man {out}/zoffsite.1", markup=False, soft_wrap=True)
    return ExitCode.OK


def man_pages(command: Any) -> dict[str, str]:
    """The pages by the names of their files. `command` is what typer makes of an app."""
    leaves = list(_leaves(command, ("zoffsite",)))
    pages = {"zoffsite.1": _whole(command, leaves)}
    for words, leaf in leaves:
        pages[f"{'-'.join(words)}.1"] = _page(words, leaf)
    return pages


def _leaves(command: Any, words: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(words, command)]
    return [leaf for name, each in inner.items() for leaf in _leaves(each, (*words, name))]


def _whole(command: Any, leaves: list[tuple[tuple[str, ...], Any]]) -> str:
    verbs = [f".TP\n.BR {_escape('-'.join(words))} (1)\n{_first(leaf)}\n" for words, leaf in leaves]
    files = [f".TP\n.I {_escape(name)}\n{_escape(meaning)}\n" for name, meaning in FILES]
    return "".join(
        (
            _head(("zoffsite",), _escape(command.help)),
            ".SH SYNOPSIS\n.B zoffsite\n[OPTIONS] COMMAND [ARGS]\n",
            ".SH OPTIONS\n",
            *_options(("zoffsite",), command),
            ".SH COMMANDS\n",
            *verbs,
            ".SH EXIT STATUS\n",
            f"{_escape(command.epilog.removeprefix('Exit codes: '))}\n",
            ".SH FILES\n",
            *files,
        )
    )


def _page(words: tuple[str, ...], leaf: Any) -> str:
    pieces = " ".join(leaf.collect_usage_pieces(_context(words, leaf)))
    paragraphs = "".join(f".PP\n{_escape(' '.join(part.split()))}\n" for part in (leaf.help or "").split("\n\n"))
    return "".join(
        (
            _head(words, _first(leaf)),
            f".SH SYNOPSIS\n.B {_escape(' '.join(words))}\n{_escape(pieces)}\n",
            f".SH DESCRIPTION\n{paragraphs}",
            ".SH OPTIONS\n",
            *_options(words, leaf),
            ".SH SEE ALSO\n.BR zoffsite (1)\n",
        )
    )


def _head(words: tuple[str, ...], what: str) -> str:
    name = "-".join(words)
    return f'.TH "{name.upper()}" "1" "" "zoffsite {__version__}" "zoffsite"\n.SH NAME\n{_escape(name)} \\- {what}\n'


def _options(words: tuple[str, ...], command: Any) -> list[str]:
    context = _context(words, command)
    records = [each.get_help_record(context) for each in command.get_params(context)]
    return [f".TP\n.B {_escape(record[0])}\n{_escape(record[1]) or '.'}\n" for record in records if record]


def _context(words: tuple[str, ...], command: Any) -> typer.Context:
    return typer.Context(command, info_name=" ".join(words))


def _first(leaf: Any) -> str:
    """The first paragraph of the help, on one line."""
    return _escape(" ".join((leaf.help or "").split("\n\n")[0].split()))


def _escape(text: str) -> str:
    """Text that roff shows exactly; a line of it never begins a request."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    safe = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in safe)
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe
