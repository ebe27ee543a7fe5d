"""What the doctor's findings look like to programs and to people."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.doctor.make import BOX_SAYS, case, said
from zoffsite.doctor.examine import examine
from zoffsite.model.checkup import Checkup, Finding, Level, Word
from zoffsite.views.checkup import checkup_json, checkup_markdown, checkup_words, worst_first

SICK = case(box=said(BOX_SAYS, secure_boot="   0\n", firewall=None, clock="1000", sshd="permitrootlogin yes\n"))
CHECKUP = Checkup(job="home", when=SICK.facts.now, findings=examine(SICK, ("secure-boot",)))


def test_the_worst_comes_first_and_what_is_accepted_is_only_counted() -> None:
    levels = [each.level for each in worst_first(CHECKUP)]
    assert levels == [Level.CRITICAL, Level.CRITICAL, Level.WARNING]
    total = len(CHECKUP.findings)
    assert checkup_words(CHECKUP) == f"home: 2 critical, 1 warning, {total - 4} ok, 1 accepted"
    two = tuple(each for each in CHECKUP.findings if each.level is Level.WARNING and not each.accepted) * 2
    assert checkup_words(replace(CHECKUP, findings=two)) == "home: 2 warnings, 0 ok"
    assert checkup_words(replace(CHECKUP, findings=())) == "home: 0 ok"


def test_the_json_is_what_its_page_says() -> None:
    tree = json.loads(json.dumps(checkup_json(CHECKUP)))
    assert (tree["job"], tree["when"], tree["level"], tree["exit_code"]) == (
        "home",
        "2026-11-23T09:00:00Z",
        "critical",
        1,
    )
    (clock,) = [each for each in tree["findings"] if each["check"] == "clock"]
    assert (clock["level"], clock["word"], clock["subject"], clock["accepted"]) == ("critical", "box", "the box", False)
    assert all(isinstance(each[key], str) for each in tree["findings"] for key in ("what", "why", "remedy"))
    (boot,) = [each for each in tree["findings"] if each["check"] == "secure-boot"]
    assert (boot["level"], boot["accepted"]) == ("warning", True)


def test_only_what_is_not_accepted_decides_the_exit_code() -> None:
    warned = [each for each in CHECKUP.findings if each.level is not Level.CRITICAL]
    assert (replace(CHECKUP, findings=tuple(warned)).level, CHECKUP.exit_code) == (Level.WARNING, 1)
    fine = [each for each in warned if not each.counts]
    assert (replace(CHECKUP, findings=tuple(fine)).level, replace(CHECKUP, findings=tuple(fine)).exit_code) == ("ok", 0)


def test_markdown_shows_the_boxs_words_as_they_are_and_runs_none() -> None:
    evil = Finding(
        check="clock", subject="the box", level=Level.CRITICAL, what="<b>| `x`", why="w", remedy="r", word=Word.BOX
    )
    text = checkup_markdown(replace(CHECKUP, findings=(evil,)))
    assert "<b>" not in text
    assert "\\<b\\>\\| \\`x\\`" in text
    assert "the box's own word" in text
