"""One HTTPS exchange with a host that somebody else chose: to one address, checked before, within
limits, without redirects.

The name is resolved once, and the connection goes to the address that was looked at: a name that
means something else a moment later (DNS rebinding) changes nothing.
"""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

import httptools
import msgspec

from valetkey.server.http.special_addresses import is_public
from valetkey.wire.https import Target

MAX_HEADERS: Final = 32 * 1024
"""Bytes that may come beside the body: the head, and the framing of chunks."""

AGENT: Final = b"valetkey"

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises OSError where there are none."""


class Refused(Exception):
    """The exchange did not come about, or its answer is not wanted. Says why, for the log.
    `temporary`: another try may go better."""

    def __init__(self, why: str, *, temporary: bool = False) -> None:
        super().__init__(why)
        self.temporary = temporary


class Answer(msgspec.Struct, frozen=True):
    """What came back: header names in lower case, the last of each. Only what is a success has a
    body here."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def system_resolver(threads: int) -> Resolve:
    """Asks the operating system, in threads of its own: a name server that does not answer holds
    one for half a minute."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="names")
    look_up = functools.partial(socket.getaddrinfo, type=socket.SOCK_STREAM)

    async def resolve(host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(pool, look_up, host, port)
        return [str(address[0]) for *_, address in found]

    return resolve


async def permitted(to: Target, *, resolve: Resolve, local: Collection[str]) -> Sequence[str]:
    """The addresses of the target that may be connected to: public ones only, unless `local` lists
    its `host:port`. Raises Refused."""
    try:
        addresses = await resolve(to.host, to.port)
    except (OSError, UnicodeError) as error:
        # No such name is an answer as well.
        passing = isinstance(error, OSError) and error.errno != socket.EAI_NONAME
        raise Refused("its host has no address", temporary=passing) from error
    allowed = [one for one in addresses if to.authority in local or is_public(one)]
    if not allowed:
        raise Refused("its host is not on the public internet")
    return allowed


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: GET, or POST with a body."""

    accept: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "Outgoing(…)"

    def encode(self, to: Target) -> bytes:
        """The request as it goes over the wire."""
        host = to.authority.removesuffix(":443")
        own = {
            "host": host,
            "user-agent": AGENT.decode(),
            "accept": self.accept,
            # Nothing is unpacked here, so nothing can swell.
            "accept-encoding": "identity",
            "connection": "close",
        }
        length = {} if self.body is None else {"content-length": str(len(self.body))}
        lines = [f"{'GET' if self.body is None else 'POST'} {to.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in {**own, **self.headers, **length}.items()]
        if any(not line.isprintable() for line in lines):
            raise Refused("a header holds what none may")
        return "\r\n".join((*lines, "", "")).encode("latin-1") + (self.body or b"")


async def exchange(
    to: Target,
    what: Outgoing,
    *,
    addresses: Sequence[str],
    trust: ssl.SSLContext,
    most: int,
) -> Answer:
    """Sends to the first address that takes it, and reads an answer of at most so many bytes.
    Raises Refused. How long it may take is the caller's to say."""
    reader, writer = await _connected(to, addresses, trust)
    try:
        writer.write(what.encode(to))
        return await _read(reader, most)
    except OSError as error:
        raise Refused(f"it broke off: {type(error).__name__}", temporary=True) from error
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise Refused(f"it broke off: {type(error).__name__}") from error
    finally:
        writer.transport.abort()


async def _connected(
    to: Target, addresses: Sequence[str], trust: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    refused = Refused("nobody listens there", temporary=True)
    for address in addresses:
        try:
            return await asyncio.open_connection(
                address, to.port, ssl=trust, server_hostname=to.host
            )
        except ssl.SSLError as error:
            refused = Refused(f"its certificate or TLS is refused: {error.reason}")
        except OSError:
            continue
    raise refused


async def _read(reader: asyncio.StreamReader, most: int) -> Answer:
    reading = _Reading(most)
    parser = httptools.HttpResponseParser(reading)
    left = most + MAX_HEADERS
    while not reading.whole:
        chunk = await reader.read(min(left, 16384))
        if not chunk:
            raise Refused("it is larger than wanted" if left <= 0 else "it ended too early")
        left -= len(chunk)
        parser.feed_data(chunk)
        if reading.headed:
            reading.check()
            if not 200 <= parser.get_status_code() < 300:
                return Answer(parser.get_status_code(), reading.headers, b"")
    return Answer(parser.get_status_code(), reading.headers, bytes(reading.body))


class _Reading:
    """What the parser reports."""

    def __init__(self, most: int) -> None:
        self.headed = False
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.whole = False
        self._most = most

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.headed = True

    def on_body(self, chunk: bytes) -> None:
        self.body += chunk

    def on_message_complete(self) -> None:
        self.whole = True

    def check(self) -> None:
        """Raises Refused for an answer that is not wanted any further."""
        if len(self.body) > self._most:
            raise Refused("it is larger than wanted")
        with contextlib.suppress(ValueError):
            if int(self.headers.get("content-length", "0")) > self._most:
                raise Refused("it is larger than wanted")
        for name in ("content-encoding", "transfer-encoding"):
            if self.headers.get(name, "identity").lower() not in {"identity", "chunked"}:
                raise Refused(f"its {name} was not asked for")
