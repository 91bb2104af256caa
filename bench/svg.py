"""Plots as SVG: bars of ratios, and lines. They are text, so a run can be compared with another."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias
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
    even: str = "",
) -> str:
    """A line for each series of points. The axes are logarithmic; one that `even` names, "x" or
    "y", goes from 0 in even steps."""
    x0, top, right, height = 64, 44, 236, 360
    points = [point for each in series.values() for point in each]
    (marks_x, along), (marks_y, above) = (
        (_even if name in even else _logarithmic)([point[at] for point in points])
        for at, name in enumerate("xy")
    )

    def place(x: float, y: float) -> tuple[float, float]:
        return x0 + along(x) * (WIDTH - x0 - right), height - 36 - above(y) * (height - 36 - top)

    parts = [_text(0, 20, title)]
    for value in marks_x:
        x, _ = place(value, marks_y[0])
        parts.append(f'<path class="grid" d="M{x:.1f} {top}V{height - 36}"/>')
        parts.append(_text(x, height - 20, _number(value), anchor="middle", style="quiet"))
    for value in marks_y:
        _, y = place(marks_x[0], value)
        parts.append(f'<path class="grid" d="M{x0} {y:.1f}H{WIDTH - right}"/>')
        parts.append(_text(x0 - 6, y + 4, _number(value), anchor="end", style="quiet"))
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


Axis: TypeAlias = tuple[Sequence[float], Callable[[float], float]]
"""The values that are marked, and where between 0 and 1 a value lies."""


def _logarithmic(values: Sequence[float]) -> Axis:
    low = math.floor(math.log10(min(values)))
    high = max(math.ceil(math.log10(max(values))), low + 1)
    marks = [10.0**power for power in range(low, high + 1)]
    return marks, lambda value: (math.log10(value) - low) / (high - low)


def _even(values: Sequence[float]) -> Axis:
    most = max(values) or 1.0
    unit: float = 10.0 ** math.floor(math.log10(most))
    step = next(unit * part for part in (0.2, 0.5, 1.0, 2.0) if most <= unit * part * 6)
    count = math.ceil(most / step)
    return [step * at for at in range(count + 1)], lambda value: value / (step * count)


def _number(value: float) -> str:
    return f"{value:,.{max(0, -math.floor(math.log10(value)))}f}" if value else "0"
