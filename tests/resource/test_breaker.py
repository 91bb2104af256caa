"""While the authorization server is silent, calls that need it fail at once; one asks for all."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.resource.issuing import CATALOG, Issuing
from tests.resource.serving import COMMANDS, serving

from valetkey.resource import Refused, ResourceServer, Unreachable, breaker, http, issuer

pytestmark = pytest.mark.anyio
METADATA = "/.well-known/oauth-authorization-server"
SILENCE = 1.0
"""Seconds that a request waits in vain, for these tests."""
AT_ONCE = 0.7
"""Seconds that a call may take on a busy machine, if it waits for nobody."""


class Gated(Issuing):
    """Silent on the paths that are `shut`, until they are opened again. `most` is how many requests
    of a path it ever held at once."""

    def __init__(self) -> None:
        self.shut: set[str] = set()
        self.held: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.arrived: dict[str, int] = {}
        self._counting = threading.Lock()
        self.end = threading.Event()
        super().__init__()

    def reply(self, path: str, body: bytes) -> tuple[int, bytes]:
        with self._counting:
            self.arrived[path] = self.arrived.get(path, 0) + 1
            self.held[path] = self.held.get(path, 0) + 1
            self.most[path] = max(self.most.get(path, 0), self.held[path])
        # The other end gives up after SILENCE: what it no longer waits for is not held any more.
        until = time.monotonic() + SILENCE
        while path in self.shut and time.monotonic() < until:
            self.end.wait(0.01)
        with self._counting:
            self.held[path] -= 1
        return super().reply(path, body)


@pytest.fixture
def issuing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gated]:
    monkeypatch.setattr(http, "TIMEOUT", SILENCE)
    one = Gated()
    yield one
    one.end.set()
    one.shut.clear()
    one.stop()


ALL = {METADATA, "/jwks", "/introspect"}


def asking(issuing: Issuing) -> ResourceServer:
    return ResourceServer(issuer=issuing.issuer, catalog=CATALOG, credentials=("chirp", "s"))


async def outcome(kit: ResourceServer, token: str) -> tuple[int, float]:
    """200 or the status of the refusal, and the seconds that it took."""
    began = time.monotonic()
    try:
        await kit.verify(f"Bearer {token}", needs=["chirps.read"])
    except (Refused, Unreachable) as refusal:
        return refusal.status, time.monotonic() - began
    return 200, time.monotonic() - began


async def opened(kit: ResourceServer, token: str) -> None:
    """Waits until the API lets its caller in again."""
    end = time.monotonic() + 20
    while (await outcome(kit, token))[0] != 200:
        assert time.monotonic() < end, "never"
        await asyncio.sleep(0.01)


async def test_after_one_failure_calls_fail_at_once_until_a_probe_is_answered(
    issuing: Gated, caplog: pytest.LogCaptureFixture
) -> None:
    kit, token = asking(issuing), issuing.token()
    assert (await outcome(kit, token))[0] == 200
    issuing.shut |= ALL
    issuing.most.clear()
    status, took = await outcome(kit, token)
    assert (status, took >= SILENCE) == (503, True)
    requests = issuing.arrived["/introspect"]
    for _ in range(3):
        told = await asyncio.gather(*(outcome(kit, token) for _ in range(30)))
        assert {one for one, _ in told} == {503}
        assert max(took for _, took in told) < AT_ONCE
        await asyncio.sleep(SILENCE / 2)
    assert issuing.arrived["/introspect"] == requests
    assert issuing.most[METADATA] == 1
    issuing.shut.clear()
    await opened(kit, token)
    said = [one.getMessage() for one in caplog.records if issuing.issuer in one.getMessage()]
    assert sum("does not answer: what needs it" in one for one in said) == 1
    assert sum("answers again" in one for one in said) == 1
    await kit.close()


def test_it_is_the_same_without_await(issuing: Gated) -> None:
    kit, token = asking(issuing), issuing.token()

    def verify(_: int) -> tuple[int, float]:
        began = time.monotonic()
        try:
            kit.blocking.verify(f"Bearer {token}", needs=["chirps.read"])
        except Unreachable as trouble:
            return trouble.status, time.monotonic() - began
        return 200, time.monotonic() - began

    assert verify(0)[0] == 200
    issuing.shut |= ALL
    assert verify(0)[1] >= SILENCE
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(verify, range(40)))
    assert {one for one, _ in told} == {503}
    assert max(took for _, took in told) < AT_ONCE
    issuing.shut.clear()
    end = time.monotonic() + 20
    while verify(0)[0] != 200:
        assert time.monotonic() < end, "never"
    kit.blocking.close()


async def test_while_only_introspection_is_silent_one_call_at_a_time_tries(issuing: Gated) -> None:
    kit, token = asking(issuing), issuing.token()
    assert (await outcome(kit, token))[0] == 200
    issuing.shut |= {"/introspect"}
    await outcome(kit, token)
    issuing.most.clear()
    waited = 0
    end = time.monotonic() + 4 * SILENCE
    while time.monotonic() < end:
        told = await asyncio.gather(*(outcome(kit, token) for _ in range(10)))
        assert {one for one, _ in told} == {503}
        slow = sum(took > AT_ONCE for _, took in told)
        assert slow <= 1
        waited += slow
        await asyncio.sleep(0.01)
    assert waited >= 1
    assert issuing.most["/introspect"] == 1
    issuing.shut.clear()
    await opened(kit, token)
    await kit.close()


async def test_old_keys_serve_without_a_wait(
    issuing: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, token = ResourceServer(issuer=issuing.issuer, catalog=CATALOG), issuing.token()
    assert (await outcome(kit, token))[0] == 200
    monkeypatch.setattr(issuer, "FRESH", 0.0)
    monkeypatch.setattr(issuer, "PAUSES", (0.0,))
    issuing.shut |= ALL
    await outcome(kit, token)
    for _ in range(5):
        status, took = await outcome(kit, token)
        assert (status, took < AT_ONCE) == (200, True)
    await kit.close()


async def test_a_refused_connection_costs_no_wait_and_opens_nothing(issuing: Gated) -> None:
    kit, token = asking(issuing), issuing.token()
    assert (await outcome(kit, token))[0] == 200
    issuing.stop()
    for _ in range(5):
        status, took = await outcome(kit, token)
        assert (status, took < AT_ONCE) == (503, True)
    issuing.start()
    assert (await outcome(kit, token))[0] == 200
    await kit.close()


async def test_one_slow_answer_among_many_opens_nothing(issuing: Gated) -> None:
    one = breaker.Breaker("https://id.example", lambda: asyncio.sleep(0))

    async def slow() -> None:
        with one.call():
            await asyncio.sleep(breaker.SLOW + 0.05)
            raise TimeoutError

    waiting = asyncio.create_task(slow())
    await asyncio.sleep(0.01)
    with one.call():
        pass
    with pytest.raises(TimeoutError):
        await waiting
    with one.call():
        pass


async def test_the_breakers_of_two_servers_are_two(issuing: Gated) -> None:
    kit, token = asking(issuing), issuing.token()
    assert (await outcome(kit, token))[0] == 200
    other = Gated()
    other.shut |= ALL
    with pytest.raises(Unreachable):
        await kit._connection._http.get(f"{other.issuer}/jwks")
    with pytest.raises(breaker.BreakerOpen):
        await kit._connection._http.get(f"{other.issuer}/jwks")
    assert (await outcome(kit, token))[0] == 200
    await kit.close()
    other.end.set()
    other.stop()


async def test_at_the_end_nothing_probes_any_more(issuing: Gated) -> None:
    kit, token = asking(issuing), issuing.token()
    issuing.shut |= ALL
    await outcome(kit, token)
    await kit.close()
    await asyncio.sleep(0)
    ours = {one for one in asyncio.all_tasks() if one is not asyncio.current_task()}
    assert not [one for one in ours if "_probe_on" in repr(one)]


@pytest.mark.parametrize("name", COMMANDS)
def test_nobody_waits_for_a_silent_server_in_any_framework(name: str) -> None:
    issuing = Issuing()
    resource = "https://api.chirp.example"
    key = [
        ("Authorization", f"Bearer {issuing.token(aud=(resource,), exp=int(time.time()) + 300)}")
    ]
    with serving(name, issuer=issuing.issuer, secret="a secret") as api:
        assert api.call("read", key).is_success
        issuing.slowly = 2 * http.TIMEOUT
        assert api.call("read", key).status_code == 503
        began = time.monotonic()
        for _ in range(10):
            answer = api.call("read", key)
            assert answer.status_code == 503
            assert answer.json() == {
                "error": "temporarily_unavailable",
                "error_description": "try again in a moment",
            }
        assert time.monotonic() - began < http.TIMEOUT
        issuing.slowly = 0.0
        end = time.monotonic() + 20
        while not api.call("read", key).is_success:
            assert time.monotonic() < end, "never"
            time.sleep(0.05)
    issuing.stop()
