"""A bar chart as SVG: no library, no script, no font of its own, a few kilobytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, TOP, BOTTOM = 640, 150, 26, 16
GOOD, BAD, INK = "#2f855a", "#c53030", "#718096"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar; red where it is not `good`."""

    value: float
    good: bool


def bars(values: Sequence[Bar], title: str, words: Callable[[float], str]) -> str:
    """The bars from left to right, oldest first, with the highest and the last value in `words`. At least one bar."""
    highest = max(max(bar.value for bar in values), 1e-9)
    step = WIDTH / len(values)
    drawn = "".join(_bar(number, bar, step, highest) for number, bar in enumerate(values))
    head = escape(f"{title}: at most {words(max(bar.value for bar in values))}, last {words(values[-1].value)}")
    text = f'<text x="0" y="15" font-family="sans-serif" font-size="13" fill="{INK}">{head}</text>'
    line = f'<path d="M0 {HEIGHT - BOTTOM}H{WIDTH}" stroke="{INK}"/>'
    box = f'xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f"<svg {box}>{text}{drawn}{line}</svg>"


def _bar(number: int, bar: Bar, step: float, highest: float) -> str:
    """A failed run is seen even if it sent nothing."""
    height = max((HEIGHT - TOP - BOTTOM) * bar.value / highest, 1 if bar.good else 3)
    x, y, width = number * step + step * 0.1, HEIGHT - BOTTOM - height, min(step * 0.8, 40)
    colour = GOOD if bar.good else BAD
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
