"""A reply, sent whole."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.server.http.request import Receive, Send
from valetkey.server.oauth.core.decision import TextDocument
from valetkey.spec.errors import InvalidClient, OAuthError
from valetkey.wire.token_response import REASON

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

NO_STORE: Final[Headers] = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))
JSON: Final[Headers] = ((b"content-type", b"application/json"),)
SAFE: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

BODILESS: Final = frozenset({204, 304})
"""Replies that say no length (RFC 9110 8.6): one would be that of a body they do not have."""


class Reply(msgspec.Struct, frozen=True, eq=False):
    """Status, headers (lower-case names) and body."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def having(self, *headers: tuple[bytes, bytes]) -> "Reply":
        """The same with more headers."""
        return Reply(self.status, (*self.headers, *headers), self.body)


class Streamed(msgspec.Struct, frozen=True, eq=False):
    """A reply that goes on: its head, and the pieces of its body, each sent as soon as it is there,
    until there are no more or nobody listens."""

    headers: Headers
    pieces: AsyncGenerator[bytes, None]
    status: int = 200


SLOW: Final = 5.0
"""Seconds in which a listener has to take a piece. What it does not take is not kept for it."""


def json_reply(document: object, *, status: int = 200, headers: Headers = NO_STORE) -> Reply:
    """A JSON answer, not to be stored unless the headers say so (RFC 6749 5.1)."""
    return Reply(status, (*JSON, *SAFE, *headers), msgspec.json.encode(document))


def document_reply(document: object, *, status: int = 200, headers: Headers = NO_STORE) -> Reply:
    """An answer that is not to be stored: JSON, or what says itself what it is."""
    if not isinstance(document, TextDocument):
        return json_reply(document, status=status, headers=headers)
    media = (b"content-type", document.media_type.encode())
    return Reply(status, (media, *SAFE, *headers), document.body.encode())


def error_reply(error: OAuthError, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> Reply:
    """A refusal as JSON (RFC 6749 5.2)."""
    document: dict[str, Any] = {"error": error.code, "error_description": error.description}
    if error.reason:
        document[REASON] = error.reason
    reply = json_reply(document, status=error.status)
    if isinstance(error, InvalidClient) and error.status == 401:
        reply = reply.having((b"www-authenticate", b'Basic realm="valetkey"'))
    if error.status == 503:
        reply = reply.having((b"retry-after", b"1"))
    return reply.having(*headers)


def see_other(location: str) -> Reply:
    """Go there by GET: never 307, which would send the form on (RFC 9700 4.12)."""
    return Reply(303, (*SAFE, *NO_STORE, (b"location", location.encode())))


async def send_streamed(reply: Streamed, receive: Receive, send: Send) -> None:
    """Sends piece after piece. A listener that is too slow is cut off."""
    leaving = asyncio.create_task(_left(receive))
    try:
        await send(
            {"type": "http.response.start", "status": reply.status, "headers": [*reply.headers]}
        )
        async for piece in reply.pieces:
            if leaving.done():
                return
            async with asyncio.timeout(SLOW):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        return
    finally:
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        await reply.pieces.aclose()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_reply(reply: Reply, send: Send, *, bare: bool = False) -> None:
    """Sends the reply. A `bare` one, to HEAD, says how long the body would be (RFC 9110 9.3.2)."""
    length = (b"content-length", str(len(reply.body)).encode())
    headers = [*reply.headers] if reply.status in BODILESS else [*reply.headers, length]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bare else reply.body})
