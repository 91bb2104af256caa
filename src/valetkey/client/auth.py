"""The key on every call of an httpx2 client, sync or async from one body."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, TypeAlias

import httpx2

from valetkey.client.errors import KeyStopped, PermissionMissing
from valetkey.wire.bearer import Challenge, read_challenge

if TYPE_CHECKING:
    from valetkey.client.key import Key

Blocking: TypeAlias = Callable[[], None]
Step: TypeAlias = httpx2.Request | Blocking


class KeyAuth(httpx2.Auth):
    """Sends the key along, renews it before it ends, and once more where the API says that it is
    worth nothing. `Key.auth()` makes one."""

    def __init__(self, key: "Key") -> None:
        self._key = key

    def _steps(self, request: httpx2.Request) -> Generator[Step, httpx2.Response | None, None]:
        """The one body: requests to send, and calls that may block."""
        yield lambda: self._carry(request)
        response = yield request
        if response is None or _challenge(response).error != "invalid_token":
            return
        yield lambda: self._renew(request)
        yield request

    def _carry(self, request: httpx2.Request) -> None:
        request.headers["Authorization"] = f"Bearer {self._key.access_token()}"

    def _renew(self, request: httpx2.Request) -> None:
        self._key.refresh(self._key.tokens)
        self._carry(request)

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        steps, response = self._steps(request), None
        while (step := _next(steps, response)) is not None:
            if isinstance(step, httpx2.Request):
                response = yield step
            else:
                step()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        steps, response = self._steps(request), None
        while (step := _next(steps, response)) is not None:
            if isinstance(step, httpx2.Request):
                response = yield step
            else:
                await asyncio.to_thread(step)


def _next(
    steps: Generator[Step, httpx2.Response | None, None], response: httpx2.Response | None
) -> Step | None:
    try:
        return steps.send(response)
    except StopIteration:
        return None


def raise_for_refusal(response: httpx2.Response) -> httpx2.Response:
    """The response, unless the API refused it for want of a key or of a permission. Raises
    PermissionMissing, KeyStopped; every other status is the caller's to judge."""
    challenge = _challenge(response)
    if challenge.error == "insufficient_scope":
        raise PermissionMissing(frozenset(challenge.scope.split()))
    if response.status_code == 401:
        raise KeyStopped("the key opens nothing any more")
    return response


def _challenge(response: httpx2.Response) -> Challenge:
    """The challenge of a refusal; an empty one, where there is none."""
    if response.status_code not in (401, 403):
        return Challenge()
    return read_challenge(response.headers.get("www-authenticate", "")) or Challenge()
