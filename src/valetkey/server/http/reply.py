"""Replies: whole, or as a stream."""

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
"""Statuses of replies without a body, which have no Content-Length (RFC 9110 8.6)."""


class Reply(msgspec.Struct, frozen=True, eq=False):
    """Status, headers (lower-case names) and body."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def having(self, *headers: tuple[bytes, bytes]) -> "Reply":
        """The reply with more headers."""
        return Reply(self.status, (*self.headers, *headers), self.body)


class StreamReply(msgspec.Struct, frozen=True, eq=False):
    """A reply as a stream: its head, and the chunks of its body, each sent as soon as it is ready,
    until there are no more or the client hangs up."""

    headers: Headers
    chunks: AsyncGenerator[bytes, None]
    status: int = 200


CHUNK_SECONDS: Final = 5.0
"""Seconds in which a client has to read a chunk. Chunks are not stored for it."""


def json_reply(document: object, *, status: int = 200, headers: Headers = NO_STORE) -> Reply:
    """A JSON reply, which must not be stored unless the headers say so (RFC 6749 5.1)."""
    return Reply(status, (*JSON, *SAFE, *headers), msgspec.json.encode(document))


def document_reply(document: object, *, status: int = 200, headers: Headers = NO_STORE) -> Reply:
    """A reply that must not be stored: JSON, or a text with its own media type."""
    if not isinstance(document, TextDocument):
        return json_reply(document, status=status, headers=headers)
    media = (b"content-type", document.media_type.encode())
    return Reply(status, (media, *SAFE, *headers), document.body.encode())


def error_reply(error: OAuthError, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> Reply:
    """A refusal as JSON (RFC 6749 5.2)."""
    document: dict[str, Any] = {
        "error": error.code,
        "error_description": error.description,
        **error.members,
    }
    if error.reason:
        document[REASON] = error.reason
    reply = json_reply(document, status=error.status)
    if isinstance(error, InvalidClient) and error.status == 401:
        reply = reply.having((b"www-authenticate", b'Basic realm="valetkey"'))
    if error.status == 503:
        reply = reply.having((b"retry-after", b"1"))
    return reply.having(*headers)


def see_other(location: str) -> Reply:
    """A redirect that is followed with GET: 307 would send the form again (RFC 9700 4.12)."""
    return Reply(303, (*SAFE, *NO_STORE, (b"location", location.encode())))


async def send_streamed(reply: StreamReply, receive: Receive, send: Send) -> None:
    """Sends chunk after chunk. Ends the stream of a client that is too slow."""
    hang_up = asyncio.create_task(_wait_for_hang_up(receive))
    try:
        await send(
            {"type": "http.response.start", "status": reply.status, "headers": [*reply.headers]}
        )
        async for chunk in reply.chunks:
            if hang_up.done():
                return
            async with asyncio.timeout(CHUNK_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        return
    finally:
        hang_up.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hang_up
        await reply.chunks.aclose()


async def _wait_for_hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_reply(reply: Reply, send: Send, *, bare: bool = False) -> None:
    """Sends the reply. A `bare` one, to HEAD, gives the length without the body (RFC 9110
    9.3.2)."""
    length = (b"content-length", str(len(reply.body)).encode())
    headers = [*reply.headers] if reply.status in BODILESS else [*reply.headers, length]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bare else reply.body})
