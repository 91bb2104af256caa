"""The overview: what happens, what waits, and whether all is well."""

from typing import Final

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.model.query import PageQuery
from valetkey.server.model.stream import Job
from valetkey.server.pages.console.apps import APPS, FILTERS, LIST
from valetkey.server.pages.console.charts import ChartKind, Step
from valetkey.server.pages.console.listings import AppFilter
from valetkey.server.pages.console.numbers import charts
from valetkey.server.pages.console.parts import CONSOLE, Area
from valetkey.server.pages.console.server_pages import checks
from valetkey.server.pages.console.staff import Console, Staff, address
from valetkey.server.pages.console.views import OverviewView, WaitingItem, WaitingKind

KINDS: Final = (ChartKind.CONSENTS, ChartKind.SIGN_INS, ChartKind.REFUSALS, ChartKind.TOKENS)
"""The charts, in order."""

MOST: Final = 200
"""Things that are looked at, at most: the number is a hint."""

_WAITING: Final = {
    AppFilter.UNVERIFIED: WaitingKind.UNVERIFIED_APPS,
    AppFilter.SUSPENDED: WaitingKind.SUSPENDED_APPS,
}


class OverviewPage:
    """`/console`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request) -> Reply:
        """Show what the person may see."""
        staff = await self._console.enter(request, Area.OVERVIEW)
        hourly = request.parameters().get("step", "") == Step.HOUR
        step = Step.HOUR if hourly else Step.DAY
        view = OverviewView(
            **self._console.around(staff, Area.OVERVIEW),
            checks=await checks(self._console, staff) if Area.HEALTH in staff.areas else (),
            waiting=await self._waiting(staff),
            charts=await charts(self._console, staff, KINDS, step=step),
            step=step,
            here=CONSOLE,
        )
        return self._console.page(request, view)

    async def _waiting(self, staff: Staff) -> tuple[WaitingItem, ...]:
        """What waits for somebody with these powers."""
        items = []
        if staff.may(LIST):
            page = await self._console.read(staff, LIST, query={"limit": MOST})
            for show, kind in _WAITING.items():
                count = sum(FILTERS[show](one) for one in page.items)
                href = address(APPS, show=show)
                items.append(WaitingItem(kind=kind, count=count, href=href, more=bool(page.next)))
        if Area.JOBS in staff.areas:
            store = self._console.frame.shell.store
            jobs = await store.page(PageQuery(record=Job, limit=MOST))
            failed = sum(one.tried > 1 for one in jobs.records)
            items.append(
                WaitingItem(
                    kind=WaitingKind.FAILED_JOBS,
                    count=failed,
                    href=Area.JOBS.path,
                    more=bool(jobs.next),
                )
            )
        return tuple(one for one in items if one.count)
