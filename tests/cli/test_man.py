"""Manual pages and completion."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from tests.cli.test_commands import Zoffsite, closed_port, write_settings, zoffsite
from zoffsite.cli.main import app
from zoffsite.cli.man import man_pages

__all__ = ["closed_port", "zoffsite"]


def test_every_command_has_a_page_and_is_named_on_the_first_one() -> None:
    pages = man_pages(typer.main.get_command(app))
    assert {"zoffsite.1", "zoffsite-backup.1", "zoffsite-status.1", "zoffsite-box-kit.1", "zoffsite-init.1"} <= set(
        pages
    )
    for name in set(pages) - {"zoffsite.1"}:
        assert f".BR {name.removesuffix('.1')} (1)".replace("-", "\\-") in pages["zoffsite.1"]


def test_a_page_has_its_sections_and_every_option_of_the_command() -> None:
    page = man_pages(typer.main.get_command(app))["zoffsite-status.1"]
    assert re.findall(r"^\.SH (.*)$", page, re.MULTILINE) == ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"]
    for option in ("json", "nagios", "prometheus", "watch", "serve", "every", "dashboard", "job"):
        assert f"\\-\\-{option}" in page


def test_nothing_in_a_page_but_its_own_requests_begins_a_line_with_a_dot() -> None:
    for name, page in man_pages(typer.main.get_command(app)).items():
        for line in page.splitlines():
            assert line, name
            assert line.isascii(), (name, line)
            assert line[0] not in ".'" or re.match(r"\.(TH|SH|TP|PP|B|BR|I)\b", line), (name, line)


def test_pages_are_written_where_they_are_wanted(zoffsite: Zoffsite, tmp_path: Path) -> None:
    done = zoffsite("man")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".local/share/man/man1/zoffsite-restore.1").read_text().startswith('.TH "ZOFFSITE-RESTORE"')
    assert zoffsite("man", "--out", "/proc/nowhere").returncode == 1


def complete(zoffsite: Zoffsite, line: str) -> list[str]:
    words = line.split(" ")
    environ = {"_ZOFFSITE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return zoffsite(**environ).stdout.split()


def test_the_shell_completes_commands_options_and_jobs(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    assert complete(zoffsite, "zoffsite sta") == ["status"]
    assert complete(zoffsite, "zoffsite status --nag") == ["--nagios"]
    assert complete(zoffsite, "zoffsite status --job h") == ["home"]


def test_without_settings_completion_offers_no_job_and_says_nothing(zoffsite: Zoffsite) -> None:
    assert complete(zoffsite, "zoffsite status --job h") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_for_each_shell(zoffsite: Zoffsite, shell: str) -> None:
    done = zoffsite(_ZOFFSITE_COMPLETE=f"source_{shell}")
    assert "_ZOFFSITE_COMPLETE" in done.stdout
