"""Plots as SVG: bars of ratios, and lines. They are text, so a run can be compared with another."""

import math
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 760
COLOURS: Final = ("#0b6e4f", "#c1666b", "#4281a4", "#d4a017", "#7a5195", "#555555")
STYLE: Final = (
    "<style>text{font:13px system-ui,sans-serif;fill:#222}.quiet{fill:#666}"
    ".grid{stroke:#ddd}.line{fill:none;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.quiet{fill:#aaa}.grid{stroke:#444}}</style>"
)


def _document(height: int, title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http:{"//"}www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    return "\n".join((head, f"<title>{escape(title)}</title>", STYLE, *parts, "</svg>", ""))


def _text(x: float, y: float, words: str, *, anchor: str = "start", style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def bars(title: str, rows: Sequence[tuple[str, float, float, float]], *, mark: float = 1.0) -> str:
    """A bar for each row: its name, the value, the lowest and the highest; a line at `mark`."""
    x0, top, step = 250, 44, 26
    most = max((high for *_, high in rows), default=1.0) * 1.12

    def x(value: float) -> float:
        return x0 + (WIDTH - x0 - 70) * value / most

    parts = [_text(0, 20, title)]
    for number, (name, value, low, high) in enumerate(rows):
        y = top + number * step
        parts.append(_text(x0 - 8, y + 13, name, anchor="end"))
        parts.append(
            f'<rect x="{x0}" y="{y}" width="{x(value) - x0:.1f}" height="17" fill="{COLOURS[0]}"/>'
        )
        parts.append(
            f'<path d="M{x(low):.1f} {y + 8.5}H{x(high):.1f}" stroke="{COLOURS[3]}" '
            'stroke-width="3"/>'
        )
        parts.append(_text(x(high) + 6, y + 13, f"{value:.2f}"))
    bottom = top + len(rows) * step
    parts.append(f'<path class="grid" d="M{x(mark):.1f} {top - 8}V{bottom}"/>')
    parts.append(_text(x(mark), top - 12, f"{mark:g}", anchor="middle", style="quiet"))
    return _document(bottom + 10, title, parts)


def lines(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    across: str,
    up: str,
) -> str:
    """A line for each series of points, both axes logarithmic."""
    x0, top, right, height = 64, 44, 236, 360
    points = [point for each in series.values() for point in each]
    low_x, high_x = _decades([x for x, _ in points])
    low_y, high_y = _decades([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        along = (math.log10(x) - low_x) / (high_x - low_x)
        above = (math.log10(y) - low_y) / (high_y - low_y)
        return x0 + along * (WIDTH - x0 - right), height - 36 - above * (height - 36 - top)

    parts = [_text(0, 20, title)]
    for power in range(low_x, high_x + 1):
        x, _ = place(10.0**power, 10.0**low_y)
        parts.append(f'<path class="grid" d="M{x:.1f} {top}V{height - 36}"/>')
        parts.append(_text(x, height - 20, _power(power), anchor="middle", style="quiet"))
    for power in range(low_y, high_y + 1):
        _, y = place(10.0**low_x, 10.0**power)
        parts.append(f'<path class="grid" d="M{x0} {y:.1f}H{WIDTH - right}"/>')
        parts.append(_text(x0 - 6, y + 4, _power(power), anchor="end", style="quiet"))
    parts.append(_text((x0 + WIDTH - right) / 2, height - 4, across, anchor="middle"))
    parts.append(_text(0, top - 8, up, style="quiet"))
    for number, (name, found) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in found))
        parts.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
        y = top + 14 + number * 20
        parts.append(
            f'<rect x="{WIDTH - right + 16}" y="{y - 10}" width="12" height="12" fill="{colour}"/>'
        )
        parts.append(_text(WIDTH - right + 34, y, name))
    return _document(height, title, parts)


def _power(power: int) -> str:
    return f"{10.0**power:,.{max(0, -power)}f}"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)
