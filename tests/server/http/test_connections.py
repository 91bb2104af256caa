"""A99: exhausted connections.

Attack: One address opens so many connections that no others fit.
Defense: Each address has a limit. Beyond it, the server closes that address's oldest idle
connection.
"""

import asyncio
import errno
import logging
import os
import resource
from functools import partial
from ipaddress import ip_network
from typing import Any

import pytest
from tests.installation import furnish
from tests.rows import row

from valetkey.server.app import create
from valetkey.server.http import file_limit
from valetkey.server.http.connections import MAX_OF_ADDRESS, RESERVED, Connections
from valetkey.server.http.front import within
from valetkey.server.settings import Settings
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.memory import MemoryStore

FILES = 1024
PROXY = "10.0.0.1"


class Line:
    """A connection; `busy`: somebody waits for an answer on it."""

    def __init__(self, *, busy: bool = False) -> None:
        self.may_close = not busy
        self.ended = False

    def abort(self) -> None:
        self.ended = True


class Crowd:
    """Who comes, and who had to go; those leave at once, as a connection that ends does."""

    def __init__(self, files: int = FILES, **more: Any) -> None:
        self._connections = Connections(files, **more)
        self._in: dict[Line, str] = {}

    def comes(self, address: str, count: int = 1, *, busy: bool = False) -> list[Line]:
        lines = [Line(busy=busy) for _ in range(count)]
        for one in lines:
            self._in[one] = address
            self._connections.enter(one, address)
            for gone in [each for each in self._in if each.ended]:
                self._connections.leave(gone, self._in.pop(gone))
        return lines


def gone(lines: list[Line]) -> int:
    return sum(one.ended for one in lines)


SHARE = (FILES - RESERVED) // 4


def test_one_address_takes_nothing_from_others() -> None:
    crowd = Crowd()
    others = [crowd.comes(f"192.0.2.{number}", 2) for number in range(50)]
    half_open = crowd.comes("198.51.100.1", 2000)
    assert gone(half_open) == 2000 - SHARE
    assert [gone(one) for one in others] == [0] * 50
    assert gone(crowd.comes("192.0.2.99")) == 0


def test_the_oldest_that_waits_for_nothing_goes() -> None:
    crowd = Crowd()
    idle, busy = crowd.comes("198.51.100.1", 5), crowd.comes("198.51.100.1", 5, busy=True)
    newer = crowd.comes("198.51.100.1", SHARE - 10 + 4)
    assert [one.ended for one in idle] == [True] * 4 + [False]
    assert gone(busy) == gone(newer) == 0


def test_where_none_may_go_the_new_one_does() -> None:
    crowd = Crowd()
    busy = crowd.comes("198.51.100.1", SHARE, busy=True)
    late = crowd.comes("198.51.100.1", busy=True)
    assert (gone(busy), gone(late)) == (0, 1)


def test_of_many_addresses_whoever_has_most_loses_one() -> None:
    crowd = Crowd()
    one = crowd.comes("192.0.2.1")
    most = crowd.comes("198.51.100.1", SHARE)
    others = [crowd.comes(f"203.0.113.{number}", SHARE - 5) for number in range(4)]
    assert gone(one) == 0
    assert gone(most) > max(map(gone, others))


@pytest.mark.parametrize("address", ["2001:db8:0:1::%x", "2001:DB8:0:1:0:0:0:%x"])
def test_a_line_of_ipv6_is_one_address(address: str) -> None:
    crowd = Crowd()
    lines = [one for number in range(SHARE + 9) for one in crowd.comes(address % number)]
    assert gone(lines) == 9
    assert gone(crowd.comes("2001:db8:0:2::1")) == 0


def test_a_proxy_is_many() -> None:
    """It has a share of its own no more, and gives way where all is full."""
    crowd = Crowd(is_shared=partial(within, networks=[ip_network("10.0.0.0/8")]))
    assert gone(crowd.comes(PROXY, FILES - RESERVED)) == 0
    assert gone(crowd.comes("192.0.2.1")) == 0
    assert gone(crowd.comes("198.51.100.1", SHARE + 1)) == 1


SHARED = [
    row("A99", "a named proxy", {"trusted_proxies": (PROXY,)}, True),
    row("A99", "one that tells certificates", {"certificate_proxies": (PROXY,)}, True),
    row("A99", "nobody in between", {}, False),
    row("A99", "a proxy that nobody named", {"issuer": "https://id.example"}, True),
]


@pytest.mark.anyio
@pytest.mark.parametrize("settings, shared", SHARED)
async def test_who_comes_by_a_proxy(settings: dict[str, Any], shared: bool) -> None:
    store, master = MemoryStore(), os.urandom(32)
    await ensure_keys(store, master)
    await furnish(store)
    front = create(Settings(**settings), store, master_key=master)
    lines = [Line() for _ in range(MAX_OF_ADDRESS + 1)]
    for one in lines:
        front.connections.enter(one, PROXY)
    assert gone(lines) == (0 if shared else 1)


def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "valetkey.server"):
        Crowd().comes("198.51.100.1", SHARE + 50)
    assert [one.message for one in caplog.records] == ["too many connections, closing some"]


def test_the_limit_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 8192))
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: asked.append(wanted))
    file_limit.raise_limit()
    assert asked == [(8192, 8192)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    file_limit.raise_limit()
    assert asked[1] == (file_limit.ENOUGH, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10**6, 10**6))
    file_limit.raise_limit()
    assert len(asked) == 2


@pytest.mark.anyio
async def test_what_is_dropped_unseen_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The system drops connections that no file is left for, and tells nobody."""
    real, full = os.dup, True

    def dup(number: int) -> int:
        if full:
            raise OSError(errno.EMFILE, "too many open files")
        return real(number)

    monkeypatch.setattr(os, "dup", dup)
    with caplog.at_level(logging.INFO, "valetkey.server"):
        watching = asyncio.create_task(file_limit.watch(0.001))
        await asyncio.sleep(0.05)
        full = False
        await asyncio.sleep(0.05)
        watching.cancel()
    assert [one.message for one in caplog.records] == [
        "no file can be opened, connections are dropped",
        "files can be opened again",
    ]
