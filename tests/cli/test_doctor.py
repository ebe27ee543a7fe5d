"""What `zoffsite doctor` shows in a terminal of 100 columns."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from tests.doctor.make import BOX_SAYS, case, said
from zoffsite.cli.doctor import draw_checkup
from zoffsite.doctor.examine import examine
from zoffsite.model.checkup import Checkup


def drawn(**changes: str | None) -> list[str]:
    sick = case(box=said(BOX_SAYS, **changes))
    out = StringIO()
    found = Checkup(job="home", when=sick.facts.now, findings=examine(sick, ("system-disk",)))
    draw_checkup(Console(file=out, width=100), found)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_healthy_pair_is_a_table_and_a_line() -> None:
    lines = drawn()
    assert any(line.startswith("forced-command") and " OK " in line for line in lines)
    assert any(line.startswith("locked") and " OK* " in line for line in lines)
    assert "Next:" not in "".join(lines)
    assert lines[-2].startswith("home: ")
    assert lines[-1] == "Findings with a * are the box's own word: worth as much as the box is."


def test_what_counts_is_said_again_with_its_reason_and_what_to_do_and_what_is_accepted_is_not() -> None:
    lines = drawn(firewall=None, disks=BOX_SAYS["disks"].replace('"crypt"', '"lvm"'))
    start = lines.index("firewall CRITICAL the box")
    assert lines[start + 1 : start + 5] == [
        "  the kit's table is not loaded",
        "  Why it matters: The box stands in a network that nobody trusts, and the source's network must not",
        "  trust the box.",
        "  Next: on the box: systemctl restart zoffsite-firewall.service; then see who changed it",
    ]
    assert "  (the box's own word)" in lines
    assert any(line.startswith("system-disk") and "accepted*" in line for line in lines)
    assert "system-disk WARNING the box" not in lines


def test_what_the_box_says_is_no_markup() -> None:
    assert any("[red]x" in line for line in drawn(sshd="permitrootlogin [red]x"))
