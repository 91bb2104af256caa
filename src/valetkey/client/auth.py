"""Authentication for httpx2 clients."""

from collections.abc import AsyncGenerator, Generator
from typing import Any, Protocol

import httpx2
import msgspec

from valetkey.client.drivers import AsyncDriver, Driver, lowered
from valetkey.client.errors import challenge_of
from valetkey.client.proof_key import NONCE_CODE
from valetkey.client.steps import Answer, ApiCall, End, Flow, Send, Step
from valetkey.client.tokens import App, Tokens
from valetkey.wire import dpop, redirect
from valetkey.wire.bearer import Challenge
from valetkey.wire.metadata import is_protected

# Adds the access token to each call of an API: the same rules for every HTTP library.


class KeySource(Protocol):
    """A source of access tokens: a user's key, or a program's own token."""

    app: App

    def usable_tokens(self, refused: str = "") -> Flow[Tokens]:
        """Tokens that are valid for a while, and not the refused ones."""
        ...

    def on_refusal(self, challenge: Challenge) -> None:
        """An API has refused the token, and may have said why."""
        ...


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is about to be sent. `repeatable`: its body can be sent a second time."""

    method: str
    url: str
    repeatable: bool = True


def send_with_key(key: KeySource, call: Outgoing) -> ApiCall:
    """Sends a call with the access token. Renews the token before it ends, and if the API refuses
    it.

    The token goes to the app's `resource` only, if there is one, and only over https: a call to
    another address raises ValueError (RFC 6750 5.3). A body that is read from a stream cannot be
    sent twice: then the token is renewed, and the refusal is the answer.
    """
    _check(key, call.url)
    tokens = yield from key.usable_tokens()
    answer = yield from _send(tokens, call)
    if _wants_nonce(tokens, call, answer) and call.repeatable:
        answer = yield from _send(tokens, call)
        _wants_nonce(tokens, call, answer)
    challenge = challenge_of(answer.status, answer.headers)
    key.on_refusal(challenge)
    if challenge.error != "invalid_token" or challenge.reason == "paused":
        return  # A paused key cannot be renewed, and works again when the user resumes it.
    fresh = yield from key.usable_tokens(refused=tokens.access_token)
    if call.repeatable:
        _wants_nonce(fresh, call, (yield from _send(fresh, call)))


def _send(tokens: Tokens, call: Outgoing) -> Generator[Step | Send, Any, Answer]:
    answer: Answer = yield Send(headers(tokens, call))
    return answer


def headers(tokens: Tokens, call: Outgoing) -> dict[str, str]:
    """The headers with the token for this call."""
    prover = tokens.prover
    if prover is None:
        return {"Authorization": f"Bearer {tokens.access_token}"}
    return {
        "Authorization": f"{dpop.SCHEME} {tokens.access_token}",
        dpop.HEADER: prover.prove(call.method, call.url, tokens.access_token),
    }


def _wants_nonce(tokens: Tokens, call: Outgoing, answer: Answer) -> bool:
    """Whether the API refused the call to send a nonce (RFC 9449 9), which is now stored."""
    prover = tokens.prover
    learnt = prover is not None and prover.learn_nonce(call.url, answer.headers)
    return learnt and challenge_of(answer.status, answer.headers).error == NONCE_CODE


def _check(key: KeySource, address: str) -> None:
    resource = key.app.resource
    if not is_protected(address):
        raise ValueError("the access token is sent over https only")
    if resource and redirect.origin(address) != redirect.origin(resource):
        raise ValueError(f"the access token is for {resource} only")


class AsyncKeyAuth(httpx2.Auth):
    """Adds the token to the calls of an AsyncClient. `AsyncKey.auth()` makes one."""

    def __init__(self, key: KeySource, tasks: AsyncDriver) -> None:
        self._key = key
        self._tasks = tasks

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        legs = send_with_key(self._key, _outgoing(request))
        leg = await self._tasks.advance(legs)
        while isinstance(leg, Send):
            response = yield _bearing(request, leg)
            leg = await self._tasks.advance(legs, _answer(response))

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        raise TypeError("an AsyncKey is for an httpx2.AsyncClient")


class KeyAuth(AsyncKeyAuth):
    """Adds the token to the calls of a Client or an AsyncClient. `Key.auth()` makes one."""

    def __init__(self, key: KeySource, threads: Driver, tasks: AsyncDriver) -> None:
        super().__init__(key, tasks)
        self._threads = threads

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        legs = send_with_key(self._key, _outgoing(request))
        leg: Send | End = self._threads.advance(legs)
        while isinstance(leg, Send):
            response = yield _bearing(request, leg)
            leg = self._threads.advance(legs, _answer(response))


def _outgoing(request: httpx2.Request) -> Outgoing:
    return Outgoing(method=request.method, url=str(request.url), repeatable=_is_repeatable(request))


def _bearing(request: httpx2.Request, leg: Send) -> httpx2.Request:
    request.headers.update(leg.headers)
    return request


def _answer(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, lowered(response.headers))


def _is_repeatable(request: httpx2.Request) -> bool:
    try:
        return request.content is not None
    except httpx2.RequestNotRead:
        return False
