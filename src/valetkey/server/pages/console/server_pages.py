"""The server itself: its keys, the messages that wait, and how its parts are."""

import time
from typing import Final

from valetkey.server.audit.sealer import last_segment
from valetkey.server.audit.streams import stream_states
from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.model.audit import UnsealedRecord
from valetkey.server.model.keys import SigningKey, StoreKind
from valetkey.server.model.query import Many, PageQuery
from valetkey.server.model.statistic import DELAY
from valetkey.server.model.stream import Job
from valetkey.server.oauth.admin.keys import USES
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.console.acts import ActPage, Target, read_last_act
from valetkey.server.pages.console.listings import JobRow, JobsView, KeyRow, KeysView
from valetkey.server.pages.console.names import from_segment, segment
from valetkey.server.pages.console.parts import REASON, Act, Area
from valetkey.server.pages.console.staff import Console, Staff, address
from valetkey.server.pages.console.views import Check, CheckFact, CheckResult, Fact, HealthView
from valetkey.server.statistics.collector import ABOVE
from valetkey.wire import address as wire_address

KEYS: Final = Area.KEYS.path
_HOLDERS: Final[dict[StoreKind, str]] = {"": "", "pkcs11": "PKCS#11", "aws-kms": "AWS KMS"}
JOBS: Final = Area.JOBS.path
HEALTH: Final = Area.HEALTH.path

ROTATE: Final = "keys.rotate"
RETRY: Final = "jobs.retry"

COUNTED: Final = 200
"""Messages that the health page looks at."""

SLOW: Final = 0.25
"""Seconds above which a read of the database is slow."""

QUICK: Final = frozenset({"1000", "2000"})
"""Delays that are good, in milliseconds. An entry has whole seconds: one of them may be a second
shorter."""

OLD: Final = 180 * 86400
"""Seconds after which a key that signs should have been rotated."""


class KeysPage:
    """`/console/keys`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request) -> Reply:
        """List the keys, without the keys themselves."""
        staff = await self._console.enter(request, Area.KEYS)
        keys = await read_keys(self._console)
        view = KeysView(
            **self._console.around(staff, Area.KEYS),
            rows=tuple(
                KeyRow(
                    kid=one.kid,
                    use=one.use,
                    status=one.status,
                    since=one.since,
                    until=one.until,
                    held_by=_HOLDERS[one.store],
                )
                for one in keys
            ),
            rotate=f"{KEYS}/{Act.ROTATE}" if staff.may(ROTATE) else None,
            last_act=read_last_act(request),
        )
        return self._console.page(request, view)

    async def find(self, request: Request, staff: Staff) -> Target:
        """All keys together."""
        return Target(subject="", back=KEYS, path={})


async def read_keys(console: Console) -> tuple[SigningKey, ...]:
    """The server's keys, by use, the newest first."""
    query = Many(SigningKey)
    keys = (await console.frame.shell.store.read(query)).many(query)
    return tuple(sorted(keys, key=lambda one: (USES.index(one.use), -one.since)))


class JobsPage:
    """`/console/jobs`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request) -> Reply:
        """List the messages that wait."""
        staff = await self._console.enter(request, Area.JOBS)
        context = await self._console.frame.shell.context()
        cursor = request.parameters().get("cursor", "")
        page = await self._console.frame.shell.store.page(
            PageQuery(record=Job, before=cursor, limit=COUNTED)
        )
        may = staff.may(RETRY)
        view = JobsView(
            **self._console.around(staff, Area.JOBS),
            rows=tuple(_row(one, may=may) for one in page.records),
            now=context.env.now,
            next=address(JOBS, cursor=page.next) if page.next else None,
            last_act=read_last_act(request),
        )
        return self._console.page(request, view)

    async def find(self, request: Request, staff: Staff) -> Target:
        """One message."""
        name = from_segment(request.path_parameters["job"])
        return Target(subject=plain(name, REASON), back=JOBS, path={"job": name})


def _row(job: Job, *, may: bool) -> JobRow:
    return JobRow(
        id=job.id,
        kind=job.kind,
        place=plain(wire_address.host(job.url), REASON),
        due=job.due,
        created=job.created,
        tried=job.tried,
        retry=f"{JOBS}/{segment(job.id)}/{Act.RETRY}" if may else None,
    )


class HealthPage:
    """`/console/health`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request) -> Reply:
        """Look at each part now."""
        staff = await self._console.enter(request, Area.HEALTH)
        view = HealthView(
            **self._console.around(staff, Area.HEALTH), checks=await checks(self._console, staff)
        )
        return self._console.page(request, view)


async def checks(console: Console, staff: Staff) -> tuple[CheckResult, ...]:
    """How each part of the server is now. Raises Unavailable."""
    context = await console.frame.shell.context()
    since = time.perf_counter()
    keys = await read_keys(console)
    seconds = time.perf_counter() - since
    waiting = await console.frame.shell.store.page(PageQuery(record=Job, limit=COUNTED))
    more = "+" if waiting.next else ""
    failed = [one for one in waiting.records if one.tried > 1]
    late = [one for one in waiting.records if one.due < context.env.now - 60]
    now = context.env.now
    signing = {one.use: now - one.since for one in keys if one.status == "current"}
    return (
        CheckResult(
            check=Check.DATABASE,
            good=seconds < SLOW,
            facts=(CheckFact(Fact.READ, f"{1000 * seconds:.1f}"),),
        ),
        CheckResult(
            check=Check.KEYS,
            good=all(age < OLD for use, age in signing.items() if use in ("ES256", "RS256")),
            facts=tuple(
                CheckFact(Fact.KEY_AGE, str(age // 86400), use) for use, age in signing.items()
            ),
        ),
        CheckResult(
            check=Check.MESSAGES,
            good=not late and not waiting.next,
            facts=(
                CheckFact(Fact.WAITING, f"{len(waiting.records)}{more}"),
                CheckFact(Fact.FAILED, str(len(failed))),
                CheckFact(Fact.LATE, str(len(late))),
            ),
        ),
        *await followers(console, staff),
        await audit(console, now=now),
    )


async def followers(console: Console, staff: Staff) -> tuple[CheckResult, ...]:
    """Within which time changes reached the APIs that follow them, as far as it was counted."""
    query = {"period": "hour", "length": 2}
    series = await console.read_if_allowed(staff, "statistics.show", query=query)
    if series is None:
        return ()
    counted: dict[str, int] = {}
    for point in series.points:
        for name, number in point.numbers.items():
            if name.startswith(DELAY):
                limit = name.removeprefix(DELAY)
                counted[limit] = counted.get(limit, 0) + number
    every = sum(counted.values())
    quick = sum(number for limit, number in counted.items() if limit in QUICK)
    good = None if not every else quick >= every * 0.99
    facts = tuple(
        CheckFact(Fact.LONGER if limit == ABOVE else Fact.DELAY, str(number), limit)
        for limit, number in counted.items()
    )
    return (CheckResult(check=Check.FOLLOWERS, good=good, facts=facts),)


async def audit(console: Console, *, now: int) -> CheckResult:
    """Whether the log is sealed as it is written, and each stream takes what it's sent."""
    store = console.frame.shell.store
    newest = await last_segment(store)
    waiting = await store.page(PageQuery(record=UnsealedRecord, limit=COUNTED))
    streams = await stream_states(store)
    stuck = any(one.error for one in streams.values())
    facts = [CheckFact(Fact.UNSEALED, f"{len(waiting.records)}{'+' if waiting.next else ''}")]
    if newest is not None:
        facts.insert(0, CheckFact(Fact.SEALED, str(max(0, now - newest.at // 1000))))
    for name, one in streams.items():
        behind = max(0, (newest.number if newest else 0) - one.position)
        facts.append(CheckFact(Fact.STREAM, str(behind), plain(name, REASON)))
    return CheckResult(check=Check.AUDIT, good=not stuck and not waiting.next, facts=tuple(facts))


def acts(console: Console, keys: KeysPage, jobs: JobsPage) -> dict[str, ActPage]:
    """The acts on the server, by the path of each."""
    return {
        f"{KEYS}/{Act.ROTATE}": ActPage(
            console, Act.ROTATE, area=Area.KEYS, operation=ROTATE, find=keys.find
        ),
        f"{JOBS}/{{job}}/{Act.RETRY}": ActPage(
            console, Act.RETRY, area=Area.JOBS, operation=RETRY, find=jobs.find
        ),
    }
