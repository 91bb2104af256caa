"""A51: server-side request forgery.

Attack: A client's document leads the server to an internal address, or keeps it busy.
Defense: The server connects only to public addresses, follows no redirect, and limits size and
time.
"""

import gzip
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.outside import Host, Publication, outside
from tests.rows import row

from valetkey.server.http.fetch import TERMS, Fetcher
from valetkey.server.model.query import (
    Document,
    DocumentKind,
    DocumentRequest,
    Party,
    Unreachable,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """What lies inside, and would answer: it must never be asked."""
    with outside(tmp_path_factory.mktemp("inside"), name="evil.test") as host:
        host.publish("/", {"secret": "of the inside"})
        yield host


class Resolver:
    """A resolver that an attacker holds: its answers, one after the other, the last for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


def fetcher(host: Host, *, resolve: Any = None, local: tuple[str, ...] = ()) -> Fetcher:
    trust = ssl.create_default_context(cafile=host.ca)
    return (
        Fetcher(lambda: trust, local=local)
        if resolve is None
        else Fetcher(lambda: trust, local=local, resolve=resolve)
    )


async def fetched(it: Fetcher, url: str) -> Document | Unreachable:
    return await it.get(DocumentRequest(url=url, kind="keys"))


INSIDE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::1", "::", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::10.0.0.1"),
    *("fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1"),
    *("64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:a00:1::", "2001::1"),
    *("2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1", "not an address"),
]


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside(host: Host, address: str) -> None:
    it = fetcher(host, resolve=Resolver(address))
    found = await fetched(it, f"https://evil.test:{host.port}/")
    assert found == Unreachable("its host is not on the public internet")


@pytest.mark.parametrize("kind", TERMS)
async def test_whatever_is_fetched(kind: DocumentKind, host: Host) -> None:
    """A client's keys, its own document, its sector, its requests, its picture."""
    it = fetcher(host, resolve=Resolver("127.0.0.1"))
    found = await it.get(DocumentRequest(url=f"https://evil.test:{host.port}/", kind=kind))
    assert found == Unreachable("its host is not on the public internet")
    assert host.asked == []


async def test_whatever_is_sent(host: Host) -> None:
    """Sign-outs, pings and security events, which all leave by `post`."""
    it = fetcher(host, resolve=Resolver("127.0.0.1"))
    url = f"https://evil.test:{host.port}/"
    found = await it.post(url, b"logout_token=x", content_type="text/plain")
    assert found == Unreachable("its host is not on the public internet")
    assert host.posted == []


@pytest.mark.parametrize("party", ["declared", "known", "stranger"])
async def test_a_providers_private_host_is_for_nobody_else(host: Host, party: Party) -> None:
    """The operator named it, to sign users in. What a client names doesn't get there, nor to what
    is cached of it."""
    trust = ssl.create_default_context(cafile=host.ca)
    it = Fetcher(lambda: trust, providers=(host.place,), resolve=Resolver("127.0.0.1"))
    host.asked.clear()
    own = DocumentRequest(url=host.url("/"), kind="keys", party="upstream")
    assert isinstance(await it.get(own), Document)
    assert await it.get(replace(own, party=party)) == Unreachable(
        "its host is not on the public internet"
    )
    sent = await it.post(host.url("/"), b"logout_token=x", content_type="text/plain")
    assert sent == Unreachable("its host is not on the public internet")
    assert (host.asked, host.posted) == (["/"], [])
    host.asked.clear()


@pytest.mark.parametrize(
    "url",
    [
        *("https://127.0.0.1:{}/", "https://[::1]:{}/", "https://[::ffff:127.0.0.1]:{}/"),
        *("https://127.1:{}/", "https://0x7f.1:{}/", "https://0x7f000001:{}/"),
        *("https://2130706433:{}/", "https://0177.0.0.1:{}/", "https://127.0.0.1.:{}/"),
        *("https://localhost:{}/", "https://localhost.:{}/", "https://[::]:{}/"),
        *("https://a@127.0.0.1:{}/", "http://localhost:{}/", "//localhost:{}/", "file:///{}"),
    ],
)
async def test_an_address_that_leads_inside(host: Host, url: str) -> None:
    """With the system's own resolver."""
    assert isinstance(await fetched(fetcher(host), url.format(host.port)), Unreachable)
    assert host.asked == []


async def test_public_addresses_are_not_refused(host: Host) -> None:
    from valetkey.server.http.outbound import is_public

    for address in ("8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"):
        assert is_public(address)


async def test_rebinding(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when it is looked at, and inside a moment later: nobody looks again."""
    connected: list[str] = []

    async def connect(address: str, *args: Any, **kwargs: Any) -> Any:
        connected.append(address)
        raise OSError("nobody is there")

    monkeypatch.setattr("asyncio.open_connection", connect)
    resolver = Resolver("8.8.8.8", "127.0.0.1")
    found = await fetched(fetcher(host, resolve=resolver), f"https://evil.test:{host.port}/")
    assert isinstance(found, Unreachable)
    assert (connected, resolver.asked) == (["8.8.8.8"], 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_the_inside(host: Host, status: int) -> None:
    host.published["/away"] = Publication(b"", status, {"location": host.url("/")})
    it = fetcher(host, resolve=Resolver("127.0.0.1"), local=(host.place,))
    found = await fetched(it, host.url("/away"))
    assert found == Unreachable("it redirects, and nobody follows")
    assert "/" not in host.asked


HEAD = b"HTTP/1.1 200 OK\r\n"


def endless(out: Any) -> None:
    out.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    for _ in range(100_000):
        out.write(b"1000\r\n" + b"a" * 4096 + b"\r\n")


def endless_head(out: Any) -> None:
    out.write(HEAD)
    for number in range(100_000):
        out.write(b"x-%d: %s\r\n" % (number, b"a" * 1000))


def drip(out: Any) -> None:
    out.write(HEAD + b"content-length: 1000\r\n\r\n")
    for _ in range(100):
        time.sleep(0.1)
        out.write(b" ")
        out.flush()


def bomb(out: Any) -> None:
    packed = gzip.compress(b"a" * 50_000_000)
    out.write(HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed))
    out.write(packed)


def upgrade(out: Any) -> None:
    out.write(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhello")


def unbounded(out: Any) -> None:
    out.write(HEAD + b"\r\n{}")


NASTY = [
    row("A51", "no end", endless, "it is too large"),
    row("A51", "a head without end", endless_head, "it is too large"),
    row("A51", "a slow drip", drip, "it takes longer than 3 s"),
    row("A51", "another protocol", upgrade, "it broke off: HttpParserUpgrade"),
    row("A51", "a gzip bomb", bomb, "its content-encoding is not supported"),
    row("A51", "an end that nobody announced", unbounded, "it ended too early"),
    row(
        "A51",
        "no HTTP",
        lambda out: out.write(b"SSH-2.0\r\n"),
        "it broke off: HttpParserError",
    ),
]


@pytest.mark.parametrize("raw,why", NASTY)
async def test_a_host_that_means_harm(host: Host, raw: Callable[[Any], None], why: str) -> None:
    host.published["/nasty"] = Publication(raw=raw)
    it = fetcher(host, resolve=Resolver("127.0.0.1"), local=(host.place,))
    began = time.monotonic()
    found = await fetched(it, host.url("/nasty"))
    assert isinstance(found, Unreachable)
    assert time.monotonic() - began < 30
    assert found.why == why


async def test_a_certificate_of_somebody_else(host: Host, tmp_path: Path) -> None:
    other = f"other.test:{host.port}"
    it = fetcher(host, resolve=Resolver("127.0.0.1"), local=(other,))
    found = await fetched(it, f"https://{other}/")
    assert isinstance(found, Unreachable)
    assert "certificate" in found.why
    untrusting = Fetcher(
        ssl.create_default_context, local=(host.place,), resolve=Resolver("127.0.0.1")
    )
    assert isinstance(await fetched(untrusting, host.url("/")), Unreachable)
