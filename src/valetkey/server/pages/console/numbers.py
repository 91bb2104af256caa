"""The numbers that the charts show, from the statistics."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from valetkey.server.model.statistic import (
    ALLOWED,
    CONFIRMED,
    DENIED,
    PARTLY,
    REFUSED,
    SIGN_IN,
    SIGN_IN_FAILED,
    TOKENS,
)
from valetkey.server.pages.console.charts import Chart, ChartKind, ChartRow, Step, chart
from valetkey.server.pages.console.staff import Console, Staff

LENGTH: Final = {Step.HOUR: 48, Step.DAY: 30}
"""Bars of a chart."""

Numbers = Mapping[str, int]


def _sum(numbers: Numbers, prefix: str) -> int:
    return sum(value for name, value in numbers.items() if name.startswith(prefix))


SERIES: Final[Mapping[ChartKind, Callable[[Numbers], tuple[int, ...]]]] = {
    ChartKind.CONSENTS: lambda numbers: (
        sum(numbers.get(one, 0) for one in (ALLOWED, PARTLY, CONFIRMED)),
        numbers.get(DENIED, 0),
    ),
    ChartKind.SIGN_INS: lambda numbers: (
        _sum(numbers, SIGN_IN),
        numbers.get(SIGN_IN_FAILED, 0),
    ),
    ChartKind.REFUSALS: lambda numbers: (_sum(numbers, REFUSED),),
    ChartKind.TOKENS: lambda numbers: (_sum(numbers, TOKENS),),
}
"""What each chart adds up."""


async def charts(
    console: Console,
    staff: Staff,
    kinds: Sequence[ChartKind],
    *,
    step: Step,
    app: str = "",
) -> tuple[Chart, ...]:
    """The charts of all together, or of one app; none if the person may not see them."""
    query = {"period": str(step), "length": LENGTH[step], **({"app": app} if app else {})}
    series = await console.read_if_allowed(staff, "statistics.show", query=query)
    if series is None:
        return ()
    return tuple(
        chart(kind, step, [ChartRow(one.at, SERIES[kind](one.numbers)) for one in series.points])
        for kind in kinds
    )
