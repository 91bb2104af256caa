"""A94: honest requests that lose a race.

Attack: Many honest requests at once change the same counter.
Defense: Counters commute, so no request is refused because of another.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import pytest
from tests.browser import Browser
from tests.postgres import MISSING
from tests.promises import pageapp
from tests.promises.conftest import Budget, Figure
from tests.promises.furnished import WORD, database, names
from tests.promises.process import Process, running
from tests.promises.wire import Connection, Reply, post
from tests.rows import row

CROWD: Final = 60
"""Requests in one storm."""

ROUNDS: Final[dict[Budget, int]] = {"short": 1, "long": 100}

SERVERS: list[Any] = [
    row("A94", "SQLite", ("sqlite", 1)),
    row("A94", "SQLite, two workers", ("sqlite", 2)),
    row("A94", "PostgreSQL", ("postgres", 1)),
    row("A94", "PostgreSQL, two workers", ("postgres", 2)),
]


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A server behind a proxy, which counts what everybody tries."""
    kind, workers = request.param
    if kind == "postgres" and MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("storm")
    with ExitStack() as stack:
        address = stack.enter_context(database(kind, folder, names(CROWD)))
        more = {"trusted_proxies": "127.0.0.1", "unthrottled": "192.0.2.255"}
        node = Process(folder, address, workers=str(workers), **more)
        (started,) = stack.enter_context(running([node]))
        yield started


class Storm(NamedTuple):
    """What is sent by each of a crowd, and the status that answers it."""

    status: int
    request: Callable[[Process, int], bytes]


def _sign_in(server: Process, number: int) -> bytes:
    browser = Browser(server.url)
    with browser.http:
        browser.open("/sign-in")
        form = browser.form("sign-in")
        cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    sent = {**form.fields, "username": names(CROWD)[number], "password": WORD}
    return post(form.action, sent).replace(b"\r\n", f"\r\nCookie: {cookie}\r\n".encode(), 1)


def _push(server: Process, number: int) -> bytes:
    return pageapp.push()


def _device(server: Process, number: int) -> bytes:
    return post("/device_authorization", {"client_id": "tv", "scope": "openid"})


STORMS: list[Any] = [
    row("A94", "sign-ins", Storm(303, _sign_in)),
    row("A94", "pushed requests", Storm(201, _push)),
    row("A94", "requests of devices", Storm(200, _device)),
]
PLACES: list[Any] = [
    row("A94", "one network", lambda time, number: f"198.51.{time}.{number}"),
    row("A94", "many networks", lambda time, number: f"10.{time}.{number}.1"),
]


@pytest.mark.slow
@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.parametrize("place", PLACES)
def test_nobody_is_refused_for_a_counter(
    place: Callable[[int, int], str],
    storm: Storm,
    server: Process,
    budget: Budget,
    figure: Figure,
) -> None:
    requests = [storm.request(server, number) for number in range(CROWD)]

    async def raging() -> Counter[int]:
        connections = [Connection(server.port) for _ in range(CROWD)]
        outcomes: Counter[int] = Counter()
        for time in range(ROUNDS[budget]):
            placed = [_from(place(time, n), one) for n, one in enumerate(requests)]
            outcomes.update(reply.status for reply in await _at_once(connections, placed))
        for one in connections:
            await one.close()
        return outcomes

    outcomes = asyncio.run(raging())
    figure("answers by status", dict(outcomes))
    assert outcomes == {storm.status: CROWD * ROUNDS[budget]}, server.log()


def _from(address: str, request: bytes) -> bytes:
    return request.replace(b"\r\n", f"\r\nX-Forwarded-For: {address}\r\n".encode(), 1)


async def _at_once(connections: list[Connection], requests: list[bytes]) -> list[Reply]:
    for one in connections:
        await one.open()
    for one, request in zip(connections, requests, strict=True):
        one.write(request)
    return list(await asyncio.gather(*(one.read() for one in connections)))
