"""Bugs of OpenZFS: which release has which, who is warned, what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zoffsite.model.openzfs import Release
from zoffsite.model.plan import FullSend, Refused, SendStep, Side, UpToDate
from zoffsite.model.work import Work
from zoffsite.planning.known_bugs import KNOWN_BUGS, bugs_of, known_bug_notices, refuse_for_bugs

from .make import replica, snap, source

PAGE = Path(__file__).parents[2] / "docs/reference/known-bugs.md"


def release(text: str, *, packaged: bool = False) -> Release:
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(?:-rc(\d+))?", text)
    assert match
    major, minor, patch = (int(number) for number in match.groups()[:3])
    return Release(major=major, minor=minor, patch=patch, rc=int(match[4]) if match[4] else None, packaged=packaged)


@pytest.mark.parametrize(
    ("text", "source_issues", "box_issues"),
    [
        ("0.8.6", {12594}, {13067, 13855, 13699, 15039}),
        ("2.0.7", {12594}, {13067, 13855, 13699, 15039}),
        ("2.1.2", {12594}, {13067, 13855, 13699, 15039}),
        ("2.1.3", set(), {13855, 13699, 15039}),
        ("2.1.6", set(), {13699, 15039}),
        ("2.1.11", set(), {15039}),
        ("2.1.13", set(), set()),
        ("2.2.0-rc1", {15464}, {15039}),
        ("2.2.0", {15464}, set()),
        ("2.2.1", set(), set()),
        ("2.3.2", set(), set()),
        ("2.4.0-rc1", set(), set()),
        ("3.0.0", set(), set()),
    ],
)
def test_each_release_has_the_bugs_that_its_branch_had_not_mended(
    text: str, source_issues: set[int], box_issues: set[int]
) -> None:
    assert {bug.issue for bug in bugs_of(Side.SOURCE, release(text))} == source_issues
    assert {bug.issue for bug in bugs_of(Side.BOX, release(text))} == box_issues


def test_one_machine_has_no_bugs_that_take_two() -> None:
    assert {bug.issue for bug in bugs_of(Side.BOX, release("2.1.5"), apart=False)} == {13699}
    assert known_bug_notices(Side.BOX, release("2.1.11"), "nas", apart=False) == ()


def test_a_warning_says_what_may_happen_and_what_to_upgrade_to() -> None:
    (notice,) = known_bug_notices(Side.BOX, release("2.1.11"), "zoffsite@box:22")
    assert (notice.code, notice.subject, notice.alert) == ("known-bug", "zoffsite@box:22", False)
    assert notice.message.startswith("OpenZFS 2.1.11 on the box has a known bug: ")
    assert notice.remedy == "upgrade OpenZFS there to 2.1.13 or newer: https://github.com/openzfs/zfs/issues/15039"
    (packaged,) = known_bug_notices(Side.BOX, release("2.1.11", packaged=True), "box")
    assert "unless its distribution has mended that" in packaged.message


def test_what_could_ruin_a_replica_unnoticed_is_refused_and_only_where_something_is_sent() -> None:
    step = SendStep(to=snap(1), base=None, estimated_bytes=1)
    send = Work(plan=FullSend(source="a", replica="b", steps=(step,), reason=""), source=source(), replica=None)
    done = Work(plan=UpToDate(source="c", replica="d", newest=snap(1), reason=""), source=source(), replica=replica())
    refused, kept = refuse_for_bugs([send, done], [(Side.BOX, release("2.1.2"))])
    assert isinstance(refused.plan, Refused)
    assert (refused.plan.code, kept) == ("known-bug", done)
    assert "#13067" in refused.plan.reason
    assert "2.1.3 or newer" in refused.plan.remedy


@pytest.mark.parametrize(
    ("side", "told"),
    [(Side.BOX, "2.1.3"), (Side.SOURCE, "2.1.2"), (Side.SOURCE, "2.2.0")],
)
def test_nothing_is_refused_for_less(side: Side, told: str) -> None:
    step = SendStep(to=snap(1), base=None, estimated_bytes=1)
    send = Work(plan=FullSend(source="a", replica="b", steps=(step,), reason=""), source=source(), replica=None)
    assert list(refuse_for_bugs([send], [(side, release(told))])) == [send]


def test_a_release_that_a_distribution_packaged_is_only_warned_of() -> None:
    step = SendStep(to=snap(1), base=None, estimated_bytes=1)
    send = Work(plan=FullSend(source="a", replica="b", steps=(step,), reason=""), source=source(), replica=None)
    old = release("2.1.2", packaged=True)
    assert list(refuse_for_bugs([send], [(Side.BOX, old)])) == [send]
    assert any("#13067" in notice.message for notice in known_bug_notices(Side.BOX, old, "box"))


def test_the_page_about_known_bugs_shows_the_table() -> None:
    rows = [
        f"| [#{bug.issue}]({bug.url}) | {bug.side} | {bug.since or 'all'} | {', '.join(map(str, bug.fixed))} | "
        f"{'refuse' if bug.refuse else 'warn'} | {bug.words[0].upper()}{bug.words[1:]}. |"
        for bug in KNOWN_BUGS
    ]
    shown = [line for line in PAGE.read_text().partition("## ")[0].splitlines() if line.startswith("| [#")]
    assert shown == rows
