"""Charts as SVG: the server computes where each bar is, and templates write it down.

A chart has one or two series, one bar or two stacked ones for each step of time. Its numbers are
also in a table. Colors come from classes, and a second series has a pattern too.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

WIDTH: Final = 640
HEIGHT: Final = 160
"""The size of the area of the bars, in units of the drawing."""

GAP: Final = 2
"""Between two bars."""


class ChartKind(StrEnum):
    """What a chart is about. The templates have the words."""

    CONSENTS = "consents"
    SIGN_INS = "sign_ins"
    REFUSALS = "refusals"
    TOKENS = "tokens"


class Step(StrEnum):
    """The time from one bar to the next."""

    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """Its length."""
        return 3600 if self is Step.HOUR else 86_400


class ChartRow(Struct, frozen=True):
    """The numbers of one step, which begins at ``at``, in seconds since 1970."""

    at: int
    values: tuple[int, ...]


class Bar(Struct, frozen=True):
    """A bar of the drawing. ``series`` counts from 0."""

    x: int
    y: int
    width: int
    height: int
    series: int


class Chart(Struct, frozen=True, kw_only=True):
    """A chart. ``top`` is the number at the upper end of the area, ``totals`` are the sums of the
    series."""

    kind: ChartKind
    step: Step
    rows: tuple[ChartRow, ...]
    bars: tuple[Bar, ...]
    top: int
    totals: tuple[int, ...]
    width: int = WIDTH
    height: int = HEIGHT


def chart(kind: ChartKind, step: Step, rows: Sequence[ChartRow]) -> Chart:
    """The chart of these numbers, oldest first. All rows have as many values."""
    top = ceiling(max((sum(row.values) for row in rows), default=0))
    slot = WIDTH // max(len(rows), 1)
    bars = []
    for at, row in enumerate(rows):
        below = 0
        for series, value in enumerate(row.values):
            height = round(value * HEIGHT / top)
            # What happened once is seen, however large the others are.
            height = max(height, 2) if value else 0
            if height:
                height = min(height, HEIGHT - below)
                y = HEIGHT - below - height
                bars.append(Bar(at * slot + GAP, y, max(slot - 2 * GAP, 1), height, series))
            below += height
    totals = tuple(sum(column) for column in zip(*(row.values for row in rows), strict=True))
    return Chart(kind=kind, step=step, rows=tuple(rows), bars=tuple(bars), top=top, totals=totals)


def ceiling(most: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 … that is not below `most`."""
    unit = 1
    while True:
        for factor in (1, 2, 5):
            if most <= factor * unit:
                return factor * unit
        unit *= 10
