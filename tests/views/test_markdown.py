from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from zoffsite.views.markdown import escape, freshness_markdown, plan_markdown, report_markdown

from .values import CONFLICT, ERROR, FAILED, GOOD, NOTED, PARTIAL, PLAN, STATUS, STOPPED

HOSTILE = "`zfs`: <script>alert(1)</script> | [click](javascript:x) ![x](http://evil) *b* _i_ ~~s~~ &lt; \\| #1 $x$"


def html(text: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(text))


def test_the_plan_is_a_table_with_a_row_for_each_dataset() -> None:
    text = html(plan_markdown(PLAN))
    for plan in PLAN.datasets:
        assert f"<td>{plan.source}</td>" in text
        assert f"<td>{plan.action}</td>" in text
    assert "<td>tank/b</td>\n<td>incremental</td>\n<td>1.0 KiB</td>\n<td>bookmark</td>" in text, "not cut off by a page"
    assert "@s3 (to be taken)" in text
    assert "#zoffsite-home-0123" in text


def test_the_plan_says_what_would_be_pruned_and_how_to_go_on() -> None:
    text = html(plan_markdown(PLAN))
    assert "<td>v/tank:d</td>\n<td>2</td>\n<td>1</td>" in text
    assert "Next: look | at it" in text


def test_the_report_is_a_table_with_each_error_and_its_remedy_below() -> None:
    text = html(report_markdown(PARTIAL))
    assert "<td>tank/a</td>\n<td>sent</td>\n<td>3.0 MiB</td>\n<td>12 s</td>" in text
    assert "<strong>tank/b</strong> (stalled): send tank/b: no byte moved" in text
    assert "Next: zoffsite backup" in text


def test_notices_are_shown_with_what_to_do() -> None:
    assert "**v/tank:old** (replica-without-dataset): no dataset has \\*this\\* replica" in plan_markdown(PLAN)
    assert "**tank/a** (unusual): ten times as much as usual  \nNext: look at it" in report_markdown(NOTED)


def test_a_run_that_stopped_as_a_whole_says_why_without_an_empty_table() -> None:
    text = html(report_markdown(STOPPED))
    assert "<table>" not in text
    assert "(unreachable)" in text


def test_what_the_box_says_cannot_become_markup_nor_break_the_table() -> None:
    report = replace(
        GOOD, datasets=(replace(FAILED, source=HOSTILE, error=replace(ERROR, message=f"{HOSTILE}\n\n# x")),)
    )
    text = html(report_markdown(report))
    assert set(re.findall(r"<(\w+)", text)) <= {"h2", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "br"}
    (row,) = re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL)
    assert row.count("<td>") == 7
    assert "alert(1)" in row


def test_the_plan_escapes_too() -> None:
    plan = replace(PLAN, datasets=(replace(CONFLICT, reason=HOSTILE),))
    assert "<script" not in plan_markdown(plan).replace("\\<script", "")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=20))
def test_an_escaped_text_shows_exactly_itself(text: str) -> None:
    shown = html(f"x {escape(text)} x").removeprefix("<p>x ").removesuffix(" x</p>\n")
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, char)
    assert shown == " ".join(text.split())


def test_the_ages_of_the_replicas_stand_beside_their_own_objectives() -> None:
    text = freshness_markdown(STATUS)
    assert r"| tank/a | OK | @s2 | 2 h ago | 26 h | 4.0 KiB |" in text
    assert "| tank/a | NOT GOOD | nothing | never | 26 h | 0 Bytes |" in text
    assert "Next: zoffsite backup" in text
