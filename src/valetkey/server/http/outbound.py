"""One HTTPS exchange with a host that someone else chose: to an address that is checked before,
within limits, without redirects.

The name is resolved once, and the connection goes to the address that was checked: a name that
resolves to another address a moment later (DNS rebinding) changes nothing.
"""

import asyncio
import contextlib
import functools
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeAlias

import httptools
import msgspec

from valetkey.spec.names import Cite
from valetkey.wire.address import Target

# Addresses outside the public internet, from which the server fetches no document.
#
# They are those of the IANA registries of special-purpose addresses (RFC 6890 and its updates),
# which include the IPv6 addresses that contain an IPv4 address.

CITE: Final = Cite("RFC 6890", "2.2")

_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link local, where clouds keep their metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All of global unicast. Outside it are loopback, unspecified, IPv4-mapped
(::ffff:0:0/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local, link local, multicast."""

_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Whether this is an address on the public internet; False for anything but an address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _V4)
    if ip.scope_id is not None or ip not in _GLOBAL_V6:
        return False
    return not any(ip in network for network in _V6)


MAX_HEADERS: Final = 32 * 1024
"""Bytes that may come beside the body: the head, and the framing of chunks."""

AGENT: Final = b"valetkey"

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Resolves a host to addresses. Raises OSError if it has none."""


class Refused(Exception):
    """The exchange failed, or its answer is not acceptable. Says why, for the log. `temporary`:
    another try may succeed."""

    def __init__(self, why: str, *, temporary: bool = False) -> None:
        super().__init__(why)
        self.temporary = temporary


class Answer(msgspec.Struct, frozen=True):
    """A host's answer: header names in lower case, the last of each. The body of a failure is not
    read, unless the request says so."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def system_resolver(threads: int) -> Resolve:
    """Resolves by the operating system, in threads of its own: a name server that does not answer
    blocks one for half a minute."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="names")
    look_up = functools.partial(socket.getaddrinfo, type=socket.SOCK_STREAM)

    async def resolve(host: str, port: int) -> Sequence[str]:
        addresses = await asyncio.get_running_loop().run_in_executor(pool, look_up, host, port)
        return [str(address[0]) for *_, address in addresses]

    return resolve


async def permitted(to: Target, *, resolve: Resolve, local: Collection[str]) -> Sequence[str]:
    """The addresses of the target that may be connected to: public ones only, unless `local` lists
    its `host:port`. Raises Refused."""
    try:
        addresses = await resolve(to.host, to.port)
    except (OSError, UnicodeError) as error:
        # "No such name" is an answer too.
        is_temporary = isinstance(error, OSError) and error.errno != socket.EAI_NONAME
        raise Refused("its host has no address", temporary=is_temporary) from error
    allowed = [one for one in addresses if to.authority in local or is_public(one)]
    if not allowed:
        raise Refused("its host is not on the public internet")
    return allowed


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request: GET, or POST with a body. `whole`: the body of a failure is read, too."""

    accept: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    whole: bool = False

    def __repr__(self) -> str:
        return "Outgoing(…)"

    def encode(self, to: Target) -> bytes:
        """The request as bytes."""
        host = to.authority.removesuffix(":443")
        own = {
            "host": host,
            "user-agent": AGENT.decode(),
            "accept": self.accept,
            # Bodies are not decompressed here.
            "accept-encoding": "identity",
            "connection": "close",
        }
        length = {} if self.body is None else {"content-length": str(len(self.body))}
        lines = [f"{'GET' if self.body is None else 'POST'} {to.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in {**own, **self.headers, **length}.items()]
        if any(not line.isprintable() for line in lines):
            raise Refused("a header has a forbidden character")
        return "\r\n".join((*lines, "", "")).encode("latin-1") + (self.body or b"")


class Exchange(Protocol):
    """Sends a request, and reads the answer (see `exchange`)."""

    async def __call__(
        self,
        to: Target,
        what: Outgoing,
        *,
        addresses: Sequence[str],
        trust: ssl.SSLContext,
        most: int,
    ) -> Answer: ...


async def exchange(
    to: Target,
    what: Outgoing,
    *,
    addresses: Sequence[str],
    trust: ssl.SSLContext,
    most: int,
) -> Answer:
    """Sends the request to the first address that accepts a connection, and reads an answer with a
    body of at most `most` bytes. Raises Refused. The caller limits the time."""
    reader, writer = await _connect(to, addresses, trust)
    try:
        writer.write(what.encode(to))
        return await _read(reader, most, whole=what.whole)
    except OSError as error:
        raise Refused(f"it broke off: {type(error).__name__}", temporary=True) from error
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise Refused(f"it broke off: {type(error).__name__}") from error
    finally:
        writer.transport.abort()


async def _connect(
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


async def connected(to: Target, addresses: Sequence[str]) -> socket.socket:
    """A connection to the first address that accepts one, for another protocol than HTTP. Raises
    Refused. The caller limits the time, and closes it."""
    loop = asyncio.get_running_loop()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(0)
        try:
            await loop.sock_connect(connection, (address, to.port))
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError):
                raise
        else:
            return connection
    raise Refused("nobody listens there", temporary=True)


async def _read(reader: asyncio.StreamReader, most: int, *, whole: bool = False) -> Answer:
    reading = _Reading(most)
    parser = httptools.HttpResponseParser(reading)
    budget = most + MAX_HEADERS
    while not reading.is_complete:
        chunk = await reader.read(min(budget, 16384))
        if not chunk:
            raise Refused("it is too large" if budget <= 0 else "it ended too early")
        budget -= len(chunk)
        parser.feed_data(chunk)
        if reading.has_head:
            reading.check()
            if not whole and not 200 <= parser.get_status_code() < 300:
                return Answer(parser.get_status_code(), reading.headers, b"")
    return Answer(parser.get_status_code(), reading.headers, bytes(reading.body))


class _Reading:
    """The answer so far, as the parser reports it."""

    def __init__(self, most: int) -> None:
        self.has_head = False
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.is_complete = False
        self._most = most

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, chunk: bytes) -> None:
        self.body += chunk

    def on_message_complete(self) -> None:
        self.is_complete = True

    def check(self) -> None:
        """Raises Refused for an answer that is too large, or encoded."""
        if len(self.body) > self._most:
            raise Refused("it is too large")
        with contextlib.suppress(ValueError):
            if int(self.headers.get("content-length", "0")) > self._most:
                raise Refused("it is too large")
        for name in ("content-encoding", "transfer-encoding"):
            if self.headers.get(name, "identity").lower() not in {"identity", "chunked"}:
                raise Refused(f"its {name} is not supported")
