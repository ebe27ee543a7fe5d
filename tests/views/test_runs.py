"""The last runs of a job, as the UI shows them: a picture and a table."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from tests.views.values import past
from zoffsite.views.chart import HEIGHT, WIDTH, Bar, bars
from zoffsite.views.runs import SHOWN, runs_markdown

START = datetime(2026, 11, 23, 3, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def days(count: int) -> list[datetime]:
    return [START + timedelta(days=day) for day in range(count)]


def drawn(markdown: str) -> list[ElementTree.Element]:
    images = re.findall(r"!\[[^]]*\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    return [ElementTree.fromstring(b64decode(image)) for image in images]


def test_every_run_is_a_line_the_newest_first_whoever_started_it() -> None:
    runs = [past(started=START), past(started=START + timedelta(days=1), how="Prefect run x", verb="verify", bytes=0)]
    lines = [line for line in runs_markdown("home", runs).splitlines() if line.startswith("| 2026")]
    assert [line.split(" | ")[1] for line in lines] == ["verify", "backup"]
    assert "Prefect run x" in lines[0]
    assert "zoffsite backup" in lines[1]


def test_each_picture_is_svg_with_a_bar_for_each_backup_and_red_for_a_failed_one() -> None:
    runs = [past(started=day, good=number != 1, free=100, used=1) for number, day in enumerate(days(4))]
    pictures = drawn(runs_markdown("home", runs))
    assert len(pictures) == 3
    for picture in pictures:
        assert len(picture.findall(f"{SVG}rect")) == 4
    assert len({rect.get("fill") for rect in pictures[0].findall(f"{SVG}rect")}) == 2


def test_a_picture_stays_small_and_inside_its_frame_however_many_runs_there_were() -> None:
    markdown = runs_markdown("home", [past(started=day, free=1, used=1) for day in days(400)])
    assert len(markdown) < 40_000
    for picture in drawn(markdown):
        rects = picture.findall(f"{SVG}rect")
        assert len(rects) == SHOWN
        for rect in rects:
            x, y, width, height = (float(rect.get(name, "nan")) for name in ("x", "y", "width", "height"))
            assert 0 <= x <= x + width <= WIDTH
            assert 0 <= y <= y + height <= HEIGHT


def test_runs_that_sent_nothing_at_all_can_be_drawn() -> None:
    assert bars([Bar(value=0, good=True)], "sent", str)


def test_the_days_until_the_box_is_full_are_told_where_they_are_known() -> None:
    runs = [past(started=START, free=1, used=1)]
    assert "full in about 6 days" in runs_markdown("home", runs, 6.2)
    assert "full in" not in runs_markdown("home", runs)


def test_what_a_run_said_cannot_break_the_table() -> None:
    nasty = past(started=START, words="a | b\n<script>alert(1)</script>")
    line = next(line for line in runs_markdown("home", [nasty]).splitlines() if line.startswith("| 2026"))
    assert "<script" not in line.replace(r"\<script", "")
