"""The one way out: what is remembered, for how long, and who waits for whom."""

import asyncio
import ssl
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from tests.outside import Host, Publication, outside
from tests.rows import row

from valetkey.server.http.fetch import (
    DEFAULT_SECONDS,
    MAX_SECONDS,
    MIN_SECONDS,
    REFETCH_SECONDS,
    Fetcher,
)
from valetkey.server.http.outbound import Answer, Outgoing
from valetkey.server.http.outbound_pool import (
    FAILURE_SECONDS,
    MAX_FAILURES,
    PACE,
    PACE_SECONDS,
    SIZES,
    FailureCache,
)
from valetkey.server.model.query import Document, DocumentRequest, Unreachable

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("outside"), name="outside.test") as host:
        yield host


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def here(name: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def fetcher(host: Host, clock: Clock | None = None, **changed: Any) -> Fetcher:
    trust = ssl.create_default_context(cafile=host.ca)
    given: dict[str, Any] = {"local": (host.place,), "resolve": here, "clock": clock or Clock()}
    return Fetcher(lambda: trust, **(given | changed))


async def test_a_document_is_fetched_and_remembered(host: Host) -> None:
    want = DocumentRequest(url=host.publish("/once", {"keys": []}), kind="keys")
    it = fetcher(host)
    first, second = await it.get(want), await it.get(want)
    assert isinstance(first, Document)
    assert first.body == b'{"keys":[]}'
    assert second is first
    assert host.asked.count("/once") == 1


async def test_what_a_sector_says_is_asked_each_time(host: Host) -> None:
    """OpenID Connect Registration 5: what it says at a registration counts, and no older word."""
    it = fetcher(host)
    want = DocumentRequest(url=host.publish("/sector", ["https://a.example/"]), kind="sector")
    first = await it.get(want)
    host.publish("/sector", ["https://b.example/"], cache_control="max-age=3600")
    second = await it.get(want)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (first.body, second.body) == (b'["https://a.example/"]', b'["https://b.example/"]')
    assert host.asked.count("/sector") == 2


KEPT = [
    row("RFC 9111", "nothing said", {}, DEFAULT_SECONDS),
    row("RFC 9111", "max-age", {"cache_control": "public, max-age=60"}, 60),
    row("RFC 9111", "max-age, some of it gone", {"cache_control": "max-age=60", "age": "20"}, 40),
    row("RFC 9111", "no-store", {"cache_control": "no-store"}, MIN_SECONDS),
    row(
        "RFC 9111", "no-cache beside max-age", {"cache_control": "no-cache,max-age=9"}, MIN_SECONDS
    ),
    row("RFC 9111", "a year", {"cache_control": "max-age=31536000"}, MAX_SECONDS),
    row(
        "RFC 9111",
        "more digits than time has",
        {"cache_control": f"max-age={'9' * 99}"},
        DEFAULT_SECONDS,
    ),
    row(
        "RFC 9111",
        "an expiry",
        {"expires": "Thu, 01 Jan 2026 00:01:40 GMT", "date": "Thu, 01 Jan 2026 00:00:00 GMT"},
        100,
    ),
    row("RFC 9111", "an expiry that cannot be read", {"expires": "0"}, MIN_SECONDS),
]


@pytest.mark.parametrize("headers,seconds", KEPT)
async def test_headers_say_how_long(host: Host, headers: dict[str, str], seconds: float) -> None:
    # The host sends a Date of its own; the last one counts.
    want = DocumentRequest(url=host.publish("/kept", {}, **headers), kind="keys")
    clock, before = Clock(), host.asked.count("/kept")
    it = fetcher(host, clock)
    await it.get(want)
    clock.now += seconds - 1
    await it.get(want)
    assert host.asked.count("/kept") == before + 1
    clock.now += 1
    await it.get(want)
    assert host.asked.count("/kept") == before + 2


async def test_whoever_insists_is_heard_once_in_a_while(host: Host) -> None:
    url = host.publish("/keys", {"keys": []})
    clock, it = Clock(), None
    it = fetcher(host, clock)
    again = DocumentRequest(url=url, kind="keys", again=True)
    await it.get(again)
    for _ in range(5):
        await it.get(again)
    assert host.asked.count("/keys") == 1
    clock.now += REFETCH_SECONDS
    host.publish("/keys", {"keys": [{"kid": "new"}]})
    renewed = await it.get(again)
    assert isinstance(renewed, Document)
    assert b"new" in renewed.body
    # Also where it fails, and what was known stays good.
    clock.now += REFETCH_SECONDS + FAILURE_SECONDS
    host.published["/keys"] = Publication(b"", 500)
    for _ in range(5):
        await it.get(again)
    assert host.asked.count("/keys") == 3
    assert await it.get(DocumentRequest(url=url, kind="keys")) is renewed


async def test_a_failure_is_remembered_for_seconds(host: Host) -> None:
    clock, want = Clock(), DocumentRequest(url=host.url("/late"), kind="keys")
    it, before = fetcher(host, clock), host.asked.count("/late")
    for _ in range(5):
        assert await it.get(want) == Unreachable("it answers with status 404")
    assert host.asked.count("/late") == before + 1
    host.publish("/late", {})
    clock.now += FAILURE_SECONDS
    assert isinstance(await it.get(want), Document)


def test_failures_are_bounded() -> None:
    failures = FailureCache[int]()
    for number in range(MAX_FAILURES + 1):
        failures.put(number, Unreachable("it does not answer"), 0.0)
    assert failures.get(0, 0.0) is None
    assert failures.get(1, 0.0) == Unreachable("it does not answer")
    assert failures.get(1, FAILURE_SECONDS) is None


async def test_many_wait_for_one_fetch(host: Host) -> None:
    want = DocumentRequest(url=host.publish("/crowd", {}), kind="keys")
    it = fetcher(host)
    found = await asyncio.gather(*(it.get(want) for _ in range(50)))
    assert {id(one) for one in found} == {id(found[0])}
    assert host.asked.count("/crowd") == 1


async def test_one_who_leaves_takes_nothing_from_the_others(host: Host) -> None:
    want = DocumentRequest(url=host.publish("/left", {}), kind="keys")
    it = fetcher(host)
    leaving, staying = asyncio.create_task(it.get(want)), asyncio.create_task(it.get(want))
    await asyncio.sleep(0)
    leaving.cancel()
    assert isinstance(await staying, Document)


async def test_no_host_is_crowded(host: Host) -> None:
    gate = asyncio.Event()

    async def slow(name: str, port: int) -> Sequence[str]:
        await gate.wait()
        return ["127.0.0.1"]

    it, most = fetcher(host, resolve=slow), SIZES["declared"].of_one
    urls = [host.publish(f"/crowd/{number}", {}) for number in range(most + 1)]
    under_way = [asyncio.create_task(it.get(DocumentRequest(url=url, kind="keys"))) for url in urls]
    await asyncio.sleep(0.05)
    gate.set()
    found = await asyncio.gather(*under_way)
    assert [one for one in found if isinstance(one, Unreachable)] == [
        Unreachable("too many exchanges are running", temporary=True)
    ]
    # That says nothing of the host, and is not remembered.
    assert isinstance(await it.get(DocumentRequest(url=urls[-1], kind="keys")), Document)


@pytest.mark.parametrize(
    "party, which", [("declared", "CACHE_SIZE"), ("stranger", "ANONYMOUS_CACHE_SIZE")]
)
async def test_what_is_remembered_is_bounded(
    party: Any, which: str, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"valetkey.server.http.fetch.{which}", (2, 10**6))
    it = fetcher(host)
    urls = [host.publish(f"/many/{party}/{number}", {}) for number in range(3)]
    for url in (*urls, urls[2], urls[0]):
        await it.get(DocumentRequest(url=url, kind="keys", party=party))
    assert [host.asked.count(f"/many/{party}/{number}") for number in range(3)] == [2, 1, 1]


async def test_strangers_push_nothing_out_of_memory(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valetkey.server.http.fetch.ANONYMOUS_CACHE_SIZE", (2, 10**6))
    it, declared = fetcher(host), DocumentRequest(url=host.publish("/declared", {}), kind="keys")
    await it.get(declared)
    for number in range(20):
        await it.get(
            DocumentRequest(url=host.publish(f"/x/{number}", {}), kind="keys", party="stranger")
        )
    await it.get(declared)
    assert host.asked.count("/declared") == 1


class Silent:
    """A name server, and a host, that do not answer before they are told to. `asked` counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.full, self.gate = asyncio.Event(), asyncio.Event()

    async def __call__(self, name: str, port: int) -> Sequence[str]:
        if name.endswith("silent.test"):
            self.asked += 1
            if self.asked == SIZES["stranger"].most:
                self.full.set()
            await self.gate.wait()
        return ["127.0.0.1"]


async def test_a97_strangers_take_nothing_from_others(host: Host) -> None:
    """A thousand addresses at silent hosts, and then what others need: keys, and messages."""
    silent = Silent()
    it = fetcher(host, resolve=silent)

    def unknown(number: int) -> DocumentRequest:
        url = f"https://a{number}.silent.test/x"
        return DocumentRequest(
            url=url, kind="client", party="stranger", address=f"192.0.{number % 250}.1"
        )

    waiting = [asyncio.create_task(it.get(unknown(number))) for number in range(1000)]
    await asyncio.wait_for(silent.full.wait(), 10)
    host.published["/hook"] = Publication(b"", 204, {})
    keys = [host.publish(f"/keys/{number}", {}) for number in range(8)]
    parties: tuple[Any, ...] = ("declared", "known")
    for party in parties:
        for url in keys[:4] if party == "known" else keys:
            assert isinstance(
                await it.get(DocumentRequest(url=url, kind="keys", party=party)), Document
            )
    for _ in range(SIZES["delivery"].most):
        answer = await it.post(host.url("/hook"), b"x", content_type="text/plain")
        assert isinstance(answer, Answer)
    assert silent.asked == SIZES["stranger"].most
    silent.gate.set()
    refused = [one for one in await asyncio.gather(*waiting) if isinstance(one, Unreachable)]
    assert len(refused) == 1000
    assert {one.why for one in refused} >= {"too many exchanges are running"}


async def test_a_host_that_is_silent_is_not_waited_for_again(host: Host) -> None:
    """By strangers, at whatever path. Others have nothing to do with what strangers found."""
    clock = Clock()

    async def nowhere(name: str, port: int) -> Sequence[str]:
        asked.append(name)
        raise OSError

    asked: list[str] = []
    it = fetcher(host, clock, resolve=nowhere)

    def want(path: str, **more: Any) -> DocumentRequest:
        return DocumentRequest(url=f"https://gone.test/{path}", kind="keys", **more)

    for path in ("a", "a", "b", "c"):
        found = await it.get(want(path, party="stranger"))
        assert found == Unreachable("its host has no address", temporary=True)
    assert len(asked) == 1
    await it.get(want("d"))
    await it.get(want("a"))
    assert len(asked) == 3
    clock.now += FAILURE_SECONDS
    await it.get(want("e", party="stranger"))
    assert len(asked) == 4


async def test_a_network_has_a_share_of_unknown_documents(host: Host) -> None:
    clock = Clock()
    it = fetcher(host, clock)

    async def fetched(number: int, address: str, **more: Any) -> bool:
        url = host.publish(f"/share/{number}", {})
        want = DocumentRequest(url=url, kind="client", address=address, **more)
        found = await it.get(want)
        return isinstance(found, Document)

    for number in range(PACE):
        assert await fetched(number, "192.0.2.1", party="stranger")
    assert not await fetched(PACE, "192.0.2.2", party="stranger")
    assert await fetched(0, "192.0.2.2", party="stranger")  # It is remembered.
    assert await fetched(PACE, "198.51.100.1", party="stranger")
    assert await fetched(PACE + 1, "192.0.2.2", party="known")
    clock.now += PACE_SECONDS
    assert await fetched(PACE + 2, "192.0.2.2", party="stranger")


async def test_names_are_looked_up_in_threads_of_their_own(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that does not answer holds a thread for as long as the system wants."""
    gate = threading.Event()

    def look_up(name: str, port: int, **_: Any) -> list[Any]:
        if name == "silent.test":
            gate.wait()
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    it = fetcher(host, resolve=None)
    strangers = [
        asyncio.create_task(
            it.get(DocumentRequest(url=f"https://silent.test/{n}", kind="client", party="stranger"))
        )
        for n in range(8)
    ]
    await asyncio.sleep(0)
    try:
        want = DocumentRequest(url=host.publish("/named", {}), kind="keys")
        assert isinstance(await it.get(want), Document)
    finally:
        gate.set()
        await asyncio.gather(*strangers)


async def test_a_message_is_posted(host: Host) -> None:
    host.published["/hook"] = Publication(b"", 204, {})
    answer = await fetcher(host).post(
        host.url("/hook"), b"logout_token=x", content_type="text/plain", headers={"x-a": "b"}
    )
    assert isinstance(answer, Answer)
    assert answer.status == 204
    path, body, headers = host.posted[-1]
    assert (path, body) == ("/hook", b"logout_token=x")
    assert (headers["content-type"], headers["x-a"]) == ("text/plain", "b")
    refused = await fetcher(host).post(host.url("/hook"), b"", content_type="a\r\nhost: b")
    assert refused == Unreachable("a header has a forbidden character")


async def test_a_refusing_host_is_told_from_a_silent_one(host: Host) -> None:
    host.published["/no"] = Publication(b"no", 400)
    answer = await fetcher(host).post(host.url("/no"), b"", content_type="text/plain")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (400, b"")
    gone = await fetcher(host, local=()).post(host.url("/no"), b"", content_type="text/plain")
    assert isinstance(gone, Unreachable)


KINDS = [
    row("kinds", "keys may be of any type", "keys", "text/plain", b"{}", True),
    row("kinds", "a client says that it is JSON", "client", "text/html", b"{}", False),
    row("kinds", "or of a kind of JSON", "client", "application/cimd+json; q=1", b"{}", True),
    row("kinds", "a client of 5 KB", "client", "application/json", b'"' + b"a" * 5118 + b'"', True),
    row("kinds", "a larger client", "client", "application/json", b'"' + b"a" * 5119 + b'"', False),
    row("kinds", "keys of 64 KB", "keys", "a/b", b'"' + b"a" * 65534 + b'"', True),
    row("kinds", "more keys", "keys", "a/b", b'"' + b"a" * 65535 + b'"', False),
    row("kinds", "no JSON", "keys", "application/json", b"<html>", False),
    row("kinds", "a member twice", "keys", "application/json", b'{"a":1,"a":2}', False),
    row("kinds", "16 deep", "keys", "application/json", b"[" * 16 + b"]" * 16, True),
    row("kinds", "17 deep", "keys", "application/json", b"[" * 17 + b"]" * 17, False),
    row("kinds", "bottomless", "keys", "application/json", b"[" * 60000, False),
    row("kinds", "a request is no JSON", "request", "application/jwt", b"a.b.c", True),
]


@pytest.mark.parametrize("kind,content_type,body,taken", KINDS)
async def test_each_kind_has_its_terms(
    host: Host, kind: Any, content_type: str, body: bytes, taken: bool
) -> None:
    host.published["/kind"] = Publication(body, 200, {"content-type": content_type})
    found = await fetcher(host).get(DocumentRequest(url=host.url("/kind"), kind=kind))
    assert isinstance(found, Document) is taken


def test_a_request_shows_nothing_of_itself() -> None:
    assert "token" not in repr(Outgoing(accept="*/*", body=b"token", headers={"x": "token"}))
