"""The card for whoever hosts the box, as a browser prints it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from demo.browser import print_of
from tests.box.test_kit import spec
from zoffsite.box.card import card

WIDE = "DejaVu Sans"
"""Debian's own, and wider than any that the card names."""


@pytest.mark.parametrize("font", [None, WIDE])
@pytest.mark.parametrize("contact", ["", "Ann and Bert of the second floor, +49 30 1234567, or in the shop opposite"])
def test_the_card_is_one_page_in_any_usual_font(tmp_path: Path, font: str | None, contact: str) -> None:
    text = card(replace(spec(), contact=contact)).text
    if font is not None:
        text = re.sub(r"font: (\S+) [^;]+;", rf'font: \1 "{font}";', text, count=1)
        assert font in text
    (tmp_path / "card.html").write_text(text)
    print_of((tmp_path / "card.html").as_uri(), tmp_path / "card.pdf")
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / "card.pdf").read_bytes())
    assert len(pages) == 1
