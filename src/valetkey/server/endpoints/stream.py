"""Streams: what changes, told to resource servers as it happens.

One task looks for news while anybody listens, whoever wrote it. Each piece is signed once for all
followers of a resource server that stand at the same place. Nothing is kept for a follower but its
place: a slow one is told later, from the log, or cut off.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator
from os import urandom
from typing import Final

from valetkey.server.http.front import MethodHandler, refuse_json
from valetkey.server.http.reply import NO_STORE, SAFE, Headers, Reply, Streamed
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Call, Follower, LogPosition, LogRead, Stream
from valetkey.server.store.port import Unavailable
from valetkey.spec.errors import OAuthError
from valetkey.wire import change_log
from valetkey.wire.change_log import BEAT, MOST, Piece
from valetkey.wire.form import Form

TICK: Final = 0.05
"""Seconds between two looks for news."""

LASTS: Final = 60.0
"""Seconds after which a follower has to come again, and prove itself again."""

EVENTS: Final = "text/event-stream"

STREAM: Final[Headers] = (
    (b"content-type", EVENTS.encode()),
    (b"cache-control", b"no-store, no-transform"),
    # nginx would hold events back otherwise.
    (b"x-accel-buffering", b"no"),
    *SAFE,
)
POLL: Final[Headers] = ((b"content-type", f"application/{change_log.TYPE}".encode()), *SAFE)


def stream(endpoint: Stream, shell: Shell) -> MethodHandler:
    """The endpoint as a handler."""
    news = News(endpoint, shell)

    async def handle(request: Request) -> Reply | Streamed:
        try:
            query = dict(request.parameters())
            if last := request.header(b"last-event-id"):
                query["after"] = last
            position = endpoint.position(Form(query))
            call = Call(form=Form({}), authorization=request.header(b"authorization"))
            follower = await shell.ask(lambda context: endpoint.rule(call, context))
            if EVENTS in request.joined(b"accept"):
                first = await news.told(follower, position)
                return Streamed(STREAM, news.events(follower, first))
            text, _ = await news.poll(follower, position)
        except OAuthError as refused:
            return refuse_json(request, refused)
        return Reply(200, (*POLL, *NO_STORE), text.encode())

    return MethodHandler(frozenset({"GET"}), handle, news.stop, whole=False)


Told = tuple[str, Piece]
"""A signed piece, and what is in it."""


class Over(Exception):
    """There is no such resource server, or no such place in the log, any more."""


class News:
    """Looks for news, and tells them."""

    def __init__(self, endpoint: Stream, shell: Shell) -> None:
        self._endpoint = endpoint
        self._shell = shell
        self._node = urandom(6).hex()
        self._began = time.time_ns() // 1_000_000 - time.monotonic_ns() // 1_000_000
        self._listening = 0
        self._looking: asyncio.Task[None] | None = None
        self._at = 0
        self._head = 0
        self._turn = asyncio.Event()
        self._pieces: dict[tuple[str, int], asyncio.Task[Told]] = {}
        self._stopping = False

    def stop(self) -> None:
        """Ends every stream, and whatever waits for news."""
        self._stopping = True
        self._turn.set()

    async def told(self, follower: Follower, position: LogPosition) -> Told:
        """A piece for this question alone, after the number that was asked; from the oldest entry
        on, where the log does not know that place."""
        at = self._now()
        context = await self._shell.context()
        after = position.after or 0
        log = await self._shell.store.log(after, limit=MOST)
        if position.after is None or log.link is None or after > log.head:
            after = log.first - 1
            log = await self._shell.store.log(after, limit=MOST)
        read = LogRead(at=at, node=self._node, after=after, nonce=position.nonce)
        return _signed(self._endpoint.write(follower, log, read, context=context), context)

    async def poll(self, follower: Follower, position: LogPosition) -> Told:
        """What is new, as soon as anything is; nothing, where nothing came in time."""
        told = await self.told(follower, position)
        if told[1].entries or told[1].after != position.after:
            return told
        with self._listener():
            deadline = time.monotonic() + position.wait
            while self._head <= told[1].head and not self._stopping:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._turn.wait()
        return await self.told(follower, position) if position.wait else told

    async def events(self, follower: Follower, first: Told) -> AsyncGenerator[bytes, None]:
        """The first piece, whatever came after it, and heartbeats."""
        text, piece = first
        yield _event(text, piece)
        # What was looked up before the first piece was made would be old news after it.
        until, seen = time.monotonic() + LASTS, piece.at
        with self._listener(), contextlib.suppress(Over):
            while not self._stopping and time.monotonic() < until:
                if self._at <= seen:
                    await self._turn.wait()
                    continue
                seen = self._at
                with contextlib.suppress(Unavailable):
                    while True:
                        text, piece = await self._shared(follower, piece.to)
                        yield _event(text, piece)
                        if piece.is_whole:
                            break

    @contextlib.contextmanager
    def _listener(self) -> Iterator[None]:
        self._listening += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._listening -= 1

    async def _look(self) -> None:
        while self._listening and not self._stopping:
            at = self._now()
            with contextlib.suppress(Unavailable):
                head = (await self._shell.store.log(self._head, limit=0)).head
                if head != self._head or at >= self._at + 1000 * BEAT:
                    self._publish(at, head)
            await asyncio.sleep(TICK)

    def _publish(self, at: int, head: int) -> None:
        self._at, self._head = at, head
        self._pieces = {}
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _shared(self, follower: Follower, after: int) -> Told:
        """What everybody at this place is told now; made once. Raises Over, Unavailable."""
        key = (follower.resource, after)
        if key not in self._pieces:
            self._pieces[key] = asyncio.create_task(self._made(follower, after, self._at))
        return await asyncio.shield(self._pieces[key])

    async def _made(self, follower: Follower, after: int, at: int) -> Told:
        context = await self._shell.context()
        if follower.resource not in context.installation.offer.resources:
            raise Over
        log = await self._shell.store.log(after, limit=MOST)
        if log.head < after or (log.head > after and not log.entries):
            raise Over  # It was set back, or swept: the follower asks anew, and is told so.
        read = LogRead(at=at, node=self._node, after=after)
        return _signed(self._endpoint.write(follower, log, read, context=context), context)

    def _now(self) -> int:
        # It began with the machine's clock, and is never set: a step of that changes no distance.
        return self._began + time.monotonic_ns() // 1_000_000


def _signed(piece: Piece, context: Context) -> Told:
    return change_log.write(
        piece, key=context.installation.keyring.signing[change_log.ALGORITHM]
    ), piece


def _event(text: str, piece: Piece) -> bytes:
    return f"id: {piece.to}\ndata: {text}\n\n".encode()
