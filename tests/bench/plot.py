"""Ratios as bars, on a logarithmic scale: an SVG by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from .rows import Row

WIDTH, BAR, LEFT, RIGHT = 900, 20, 430, 70


def draw(path: Path, rows: Sequence[Row]) -> None:
    """One bar a row that has a peer: how many times as good ours is."""
    shown = [(row, row.ratio) for row in rows if row.ratio]
    top = max((ratio for _, ratio in shown), default=10)
    scale = (WIDTH - LEFT - RIGHT) / math.log10(max(top, 10))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{BAR * len(shown) + 30}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{BAR * len(shown) + 30}" fill="white"/>',
    ]
    for power in range(int(math.log10(max(top, 10))) + 1):
        x = LEFT + scale * power
        lines.append(
            f'<line x1="{x:.0f}" x2="{x:.0f}" y1="0" y2="{BAR * len(shown) + 5}" stroke="#ccc"/>'
            f'<text x="{x:.0f}" y="{BAR * len(shown) + 20}" text-anchor="middle">'
            f"{10**power:,}×</text>"
        )
    for place, (row, ratio) in enumerate(shown):
        y, long = BAR * place, scale * math.log10(max(ratio, 1))
        colour = "#2a6f97" if ratio >= 1 else "#b5651d"
        lines.append(
            f'<text x="{LEFT - 6}" y="{y + 14}" text-anchor="end">'
            f"{escape(f'{row.what} / {row.peer}'.replace('`', '')[:72])}</text>"
            f'<rect x="{LEFT}" y="{y + 3}" width="{max(long, 2):.0f}" height="{BAR - 6}" '
            f'fill="{colour}"/><text x="{LEFT + max(long, 2) + 4:.0f}" y="{y + 14}">'
            f"{ratio:,.1f}×</text>"
        )
    path.write_text("\n".join([*lines, "</svg>", ""]))
