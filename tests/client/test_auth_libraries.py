"""The key with the clients of others: requests and aiohttp."""

import asyncio
import contextlib
import io
from collections.abc import Iterator
from typing import Any

import aiohttp
import msgspec
import pytest
import requests
from tests.client.person import app, user
from tests.live import Live
from tests.rows import row

from valetkey.client import (
    App,
    AsyncKey,
    Key,
    KeyStopped,
    MemoryStore,
    PermissionMissing,
    Tokens,
    auth_aiohttp,
    auth_requests,
    raise_for_refusal,
)
from valetkey.client.proof_key import Prover


@pytest.fixture(params=["bearer", "dpop"])
def key(server: Live, no_grants: None, request: pytest.FixtureRequest) -> Iterator[Key]:
    mine = msgspec.structs.replace(app(server), dpop=request.param == "dpop")
    one = Key(mine, MemoryStore())
    one.connect(open_browser=user(server.browser()), seconds=20)
    yield one
    one.close()


def spoil(key: Key) -> None:
    """The stored key with an access token that the server refuses."""
    held = key.tokens
    assert held is not None
    key.flows.kept._store.save(msgspec.structs.replace(held, access_token="spoilt"))


def by_requests(key: Key, *bodies: Any) -> list[int]:
    """The status of a call for each body."""
    address = key.about.userinfo_endpoint
    with requests.Session() as session:
        session.auth = auth_requests.KeyAuth(key)
        return [session.post(address, data=body, timeout=10).status_code for body in bodies]


def by_aiohttp(key: Key, *bodies: Any) -> list[int]:
    async def calls() -> list[int]:
        async with contextlib.aclosing(AsyncKey(key.app, key.flows.kept._store)) as other:
            address = (await other.about()).userinfo_endpoint
            along = auth_aiohttp.KeyAuth(other)
            async with aiohttp.ClientSession(middlewares=(along,)) as session:
                result = []
                for body in bodies:
                    async with session.post(address, data=body) as response:
                        result.append(response.status)
                return result

    return asyncio.run(calls())


CALLS = [row("", "requests", by_requests), row("", "aiohttp", by_aiohttp)]


@pytest.mark.parametrize("calls", CALLS)
def test_a_good_key_goes_along(key: Key, calls: Any) -> None:
    before = key.tokens
    assert calls(key, None, b"a body") == [200, 200]
    assert key.tokens == before


@pytest.mark.parametrize("calls", CALLS)
def test_a_refused_token_is_renewed_and_the_call_made_again(key: Key, calls: Any) -> None:
    spoil(key)
    assert calls(key, b"a body", io.BytesIO(b"another")) == [200, 200]
    spoil(key)
    assert calls(key, io.BytesIO(b"a file")) == [200]


def test_a_stream_of_requests_cannot_be_sent_again(key: Key) -> None:
    spoil(key)
    assert by_requests(key, iter([b"a body"]), iter([b"a body"])) == [401, 200]


def test_a_stream_of_aiohttp_cannot_be_sent_again(key: Key) -> None:
    spoil(key)

    async def chunks() -> Any:
        yield b"a body"

    assert by_aiohttp(key, chunks(), chunks()) == [401, 200]


@pytest.mark.parametrize("calls", CALLS)
def test_a_dead_key_is_told_at_the_call(server: Live, key: Key, calls: Any) -> None:
    held = key.tokens
    assert held is not None
    server.http.post("/revoke", data={"token": held.refresh_token, "client_id": "stefapp"})
    spoil(key)
    with pytest.raises(KeyStopped):
        calls(key, None)


def test_the_key_is_sent_nowhere_else() -> None:
    bound_token = App(
        issuer="https://id.example",
        client_id="stefapp",
        scope=(),
        resource="https://api.example",
    )
    store = MemoryStore()
    store.save(Tokens(access_token="a token", key=Prover.new().text))
    key = Key(bound_token, store)
    with requests.Session() as session, pytest.raises(ValueError, match="only"):
        session.get("https://evil.example", auth=auth_requests.KeyAuth(key), timeout=1)

    async def call() -> None:
        async with aiohttp.ClientSession(middlewares=(auth_aiohttp.KeyAuth(key),)) as session:
            await session.get("https://evil.example")

    with pytest.raises(ValueError, match="only"):
        asyncio.run(call())
    key.close()


def test_what_is_missing_is_told_in_each_library(server: Live, key: Key) -> None:
    """One function for the responses of all of them."""
    refused = requests.Response()
    refused.status_code = 403
    refused.headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope", scope="a b"'
    with pytest.raises(PermissionMissing) as missing:
        raise_for_refusal(refused)
    assert missing.value.permissions == {"a", "b"}

    async def call() -> None:
        address = key.about.userinfo_endpoint
        async with aiohttp.ClientSession() as session, session.get(address) as response:
            raise_for_refusal(response)

    with pytest.raises(KeyStopped):
        asyncio.run(call())
    with pytest.raises(TypeError, match="not a response"):
        raise_for_refusal(Tokens(access_token="x"))  # type: ignore[type-var]
