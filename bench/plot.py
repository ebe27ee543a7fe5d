"""A bar for each tool, as SVG: a few lines of text need no library."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

WIDTH, LEFT, HIGH, TOP = 720, 150, 26, 40
OURS, THEIRS = "#2563eb", "#94a3b8"


def bars(title: str, seconds: Mapping[str, float]) -> str:
    """The picture; ours has a colour of its own."""
    longest = max(seconds.values())
    height = TOP + HIGH * len(seconds) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" ',
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="10" y="22" font-weight="bold">{escape(title)}, seconds</text>',
    ]
    for number, (tool, value) in enumerate(seconds.items()):
        y, length = TOP + HIGH * number, (WIDTH - LEFT - 70) * value / longest
        colour = OURS if tool.startswith("zoffsite") else THEIRS
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(tool)}</text>',
            f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="{HIGH - 8}" fill="{colour}"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 16}">{value:.1f}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
