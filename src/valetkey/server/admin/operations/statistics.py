"""Statistics: numbers by hour and by day."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation, Parameters
from valetkey.server.admin.operations.apps import find_app
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem
from valetkey.server.model.query import Rule
from valetkey.server.model.statistic import ALL, of_api, of_app
from valetkey.server.oauth.core.context import Context
from valetkey.server.statistics.report import (
    Funnel,
    Series,
    TooLong,
    funnel,
    report,
    totals,
    without_cells,
)


class StatisticsQuery(Parameters, frozen=True, kw_only=True):
    """Which numbers: of an app, of an API (its resource identifier), or of all together."""

    period: Literal["hour", "day"] = "day"
    length: Annotated[
        int, Meta(ge=1, le=400, description="How many periods: 48 hours or 400 days at most.")
    ] = 30
    app: Annotated[str, Meta(max_length=500)] = ""
    api: Annotated[str, Meta(max_length=500)] = ""


class UsageQuery(Parameters, frozen=True, kw_only=True):
    """Which periods of an app's use."""

    period: Literal["hour", "day"] = "day"
    length: Annotated[
        int, Meta(ge=1, le=400, description="How many periods: 48 hours or 400 days at most.")
    ] = 30


class StatisticsPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one period, by name. A number that is missing is 0."""

    at: Time
    numbers: dict[str, int]


class StatisticsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers, oldest period first; the last one is still running. `totals` are the sums,
    without numbers of people and apps, who would count more than once."""

    period: str
    points: tuple[StatisticsPoint, ...]
    totals: dict[str, int]
    consent: Funnel


async def show(call: Call[StatisticsQuery, Nothing]) -> StatisticsReport:
    """The report."""
    query = call.query
    if query.app and query.api:
        raise Problem("invalid-request", "name an app or an API, not both")
    subject = of_app(query.app) if query.app else of_api(query.api) if query.api else ALL

    def rule(context: Context) -> Rule[Series]:
        return (
            yield from report(
                query.period, subject=subject, length=query.length, now=context.env.now
            )
        )

    return await _read(call, rule)


async def usage(call: Call[UsageQuery, Nothing]) -> StatisticsReport:
    """The report of one app."""
    query = call.query

    def rule(context: Context) -> Rule[Series]:
        client = yield from find_app(call.path["app"])
        return (
            yield from report(
                query.period, subject=of_app(client.id), length=query.length, now=context.env.now
            )
        )

    return await _read(call, rule)


async def _read(
    call: Call[Any, Nothing], rule: Callable[[Context], Rule[Series]]
) -> StatisticsReport:
    try:
        series = without_cells(await call.ask(rule))
    except TooLong as error:
        raise Problem("invalid-request", str(error), pointer="length") from error
    return StatisticsReport(
        period=series.period,
        points=tuple(StatisticsPoint(at=one.at, numbers=one.numbers) for one in series.points),
        totals=totals(series),
        consent=funnel(series),
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="apps.usage",
        method="GET",
        path="/apps/{app}/usage",
        permission="statistics.read",
        query=UsageQuery,
        body=Nothing,
        response=StatisticsReport,
        run=usage,
        summary="Show how an app is used",
        description="By hour or by day: tokens, consent pages and answers, permissions requested "
        "and granted, users. The last period is still running.",
    ),
    Operation(
        name="statistics.show",
        method="GET",
        path="/statistics",
        permission="statistics.read",
        query=StatisticsQuery,
        body=Nothing,
        response=StatisticsReport,
        run=show,
        summary="Show statistics",
        description="Consent pages and answers, permissions requested and granted, refusals, "
        "people and apps that were active, tokens, sign-ins by way, and how long changes took to "
        "reach APIs.",
    ),
)
