"""What the server sends: jobs that wait, and streams of security events."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from valetkey.server.admin.lists import page_of
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Parameters,
)
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem, find
from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.query import Many, Rule
from valetkey.server.model.stream import DeliveryMethod, Job, Signal, Stream, StreamStatus
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.wire import address


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits to be sent. `due` is when it is tried (again), `tried` counts the
    attempts. `host` is where it goes, empty for a mail."""

    id: str
    kind: str
    host: str
    user: str
    app: str
    due: Time
    tried: int
    created: Time


class JobPage(ItemPage, frozen=True, kw_only=True):
    """Messages, the one that waits longest last."""

    items: tuple[JobSummary, ...]


class JobOutcome(Outcome, frozen=True, kw_only=True, eq=False):
    """The job as it is now."""

    job: Job


def _name(job: Job) -> str:
    return job.key.replace(" ", "-", 1)


def _show_job(job: Job) -> JobSummary:
    return JobSummary(
        id=_name(job),
        kind=job.kind,
        host=address.host(job.url),
        user=job.user,
        app=job.client,
        due=job.due,
        tried=job.tried,
        created=job.created,
    )


def _find_job(name: str) -> Rule[Job]:
    return find(Job, name.replace("-", " ", 1), what="job", name=name)


async def list_jobs(call: Call[ListQuery, Nothing]) -> JobPage:
    """Those that wait."""
    items, following = await page_of(call, Job, _show_job)
    return JobPage(items=items, next=following)


async def show_job(call: Call[Nothing, Nothing]) -> JobSummary:
    """One of them."""
    return _show_job(await call.ask(lambda _: _find_job(call.path["job"])))


async def retry_job(call: Call[Nothing, Nothing]) -> JobSummary:
    """Sends it now."""

    def rule(context: Context) -> Rule[JobOutcome]:
        job = yield from _find_job(call.path["job"])
        if job.due <= context.env.now:
            return JobOutcome(job=job)
        # Its key begins with when it is due.
        now = msgspec.structs.replace(job, due=context.env.now, version=0)
        return JobOutcome(job=now, changes=(Remove(job), Create(now)))

    return await call.settle(rule, lambda outcome: _show_job(outcome.job))


class StreamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of security events. `kind` and `name` say who receives it: an API or an app. `host`
    is where events are pushed, empty for polling. `waiting` are events that it has not got yet."""

    kind: Literal["resource", "client"]
    name: str
    status: StreamStatus
    reason: str
    events: tuple[str, ...]
    delivers: DeliveryMethod
    host: str
    description: str
    waiting: int
    created: Time
    version: int


class StreamPage(ItemPage, frozen=True, kw_only=True):
    """Streams."""

    items: tuple[StreamSummary, ...]


class StreamOrder(Parameters, frozen=True, kw_only=True):
    """The status of a stream. The receiver reads the reason."""

    status: StreamStatus
    reason: Annotated[str, Meta(max_length=200)] = ""


class StreamOutcome(Outcome, frozen=True, kw_only=True, eq=False):
    """The stream as it is now."""

    stream: Stream


def _show_stream(one: Stream, waiting: int = 0) -> StreamSummary:
    kind, _, name = one.receiver.partition(" ")
    return StreamSummary(
        kind="client" if kind == "client" else "resource",
        name=name,
        status=one.status,
        reason=one.reason,
        events=one.requested,
        delivers=one.delivers,
        host=address.host(one.url),
        description=one.description,
        waiting=waiting,
        created=one.created,
        version=one.version,
    )


def _find_stream(call: Call[Nothing, Nothing] | Call[Nothing, StreamOrder]) -> Rule[Stream]:
    return find(Stream, f"{call.path['kind']} {call.path['name']}", what="stream")


async def list_streams(call: Call[ListQuery, Nothing]) -> StreamPage:
    """All of them, without the events that wait."""
    items, following = await page_of(call, Stream, _show_stream)
    return StreamPage(items=items, next=following)


async def show_stream(call: Call[Nothing, Nothing]) -> StreamSummary:
    """One of them, with the events that wait."""

    def rule(_: Context) -> Rule[StreamSummary]:
        stream = yield from _find_stream(call)
        signals = Many(Signal, "stream", stream.receiver)
        return _show_stream(stream, len((yield (signals,)).many(signals)))

    return await call.ask(rule)


async def change_stream(call: Call[Nothing, StreamOrder]) -> StreamSummary:
    """Pauses, disables or enables it."""

    def rule(_: Context) -> Rule[StreamOutcome]:
        stream = yield from _find_stream(call)
        call.check_match(stream)
        order = call.body
        if (stream.status, stream.reason) == (order.status, order.reason):
            return StreamOutcome(stream=stream)
        after = msgspec.structs.replace(stream, status=order.status, reason=order.reason)
        stored = msgspec.structs.replace(after, version=stream.version + 1)
        return StreamOutcome(stream=stored, changes=(Update(after),))

    if call.path["kind"] not in ("resource", "client"):
        raise Problem("not-found")
    return await call.settle(rule, lambda outcome: _show_stream(outcome.stream))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="jobs.list",
        method="GET",
        path="/jobs",
        permission="jobs.read",
        query=ListQuery,
        body=Nothing,
        response=JobPage,
        run=list_jobs,
        summary="List messages that wait to be sent",
    ),
    Operation(
        name="jobs.show",
        method="GET",
        path="/jobs/{job}",
        permission="jobs.read",
        query=Nothing,
        body=Nothing,
        response=JobSummary,
        run=show_job,
        summary="Show a message that waits",
    ),
    Operation(
        name="jobs.retry",
        method="POST",
        path="/jobs/{job}/retry",
        permission="jobs.manage",
        query=Nothing,
        body=Nothing,
        response=JobSummary,
        run=retry_job,
        summary="Send a message now",
        description="Its id changes with the time at which it is due: the answer has the new one.",
    ),
    Operation(
        name="streams.list",
        method="GET",
        path="/streams",
        permission="streams.read",
        query=ListQuery,
        body=Nothing,
        response=StreamPage,
        run=list_streams,
        summary="List streams of security events",
    ),
    Operation(
        name="streams.show",
        method="GET",
        path="/streams/{kind}/{name}",
        permission="streams.read",
        query=Nothing,
        body=Nothing,
        response=StreamSummary,
        run=show_stream,
        summary="Show a stream",
    ),
    Operation(
        name="streams.edit",
        method="PATCH",
        path="/streams/{kind}/{name}",
        permission="streams.manage",
        query=Nothing,
        body=StreamOrder,
        response=StreamSummary,
        run=change_stream,
        summary="Pause, disable or enable a stream",
    ),
)
