"""The key on every call of an httpx2 client, sync or async from one body."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Final, TypeAlias

import httpx2

from valetkey.client.errors import (
    KeyPaused,
    KeyStopped,
    PermissionMissing,
    PermissionTaken,
    SignInAgain,
)
from valetkey.client.holder import NONCE_CODE
from valetkey.client.limits import CODES, LimitReached
from valetkey.wire import dpop, redirect
from valetkey.wire.authorization_details import read_remedy
from valetkey.wire.bearer import Challenge, read_challenge
from valetkey.wire.metadata import is_protected

if TYPE_CHECKING:
    from valetkey.client.key import Key

Blocking: TypeAlias = Callable[[], None]
Step: TypeAlias = httpx2.Request | Blocking

SCHEMES: Final = ("Bearer", dpop.SCHEME)


class KeyAuth(httpx2.Auth):
    """Sends the key along, renews it before it ends, and once more where the API says that it is
    worth nothing. `Key.auth()` makes one.

    The key goes to the app's `resource` only, where one is named, and nowhere that others could
    listen: a call to another address raises ValueError (RFC 6750 5.3). A body that was read from a
    stream cannot be sent twice: then the key is renewed, and the refusal is the answer.
    """

    def __init__(self, key: "Key") -> None:
        self._key = key

    def _steps(self, request: httpx2.Request) -> Generator[Step, httpx2.Response | None, None]:
        """The one body: requests to send, and calls that may block."""
        yield lambda: self._carry(request)
        response = yield request
        if response is not None and self._wants_nonce(response) and _repeatable(request):
            yield lambda: self._carry(request)
            response = yield request
        challenge = Challenge() if response is None else _challenge(response)
        self._key.told(challenge)
        if challenge.error != "invalid_token" or challenge.reason == "paused":
            return  # A paused key cannot be renewed, and is good again when it is resumed.
        refused = request.headers["Authorization"].partition(" ")[2]
        yield lambda: self._carry(request, refused=refused)
        if _repeatable(request):
            response = yield request
            if response is not None:
                self._wants_nonce(response)

    def _carry(self, request: httpx2.Request, *, refused: str = "") -> None:
        self._check(str(request.url))
        token = self._key.access_token(refused=refused)
        held = self._key.tokens
        holder = None if held is None else held.holder
        if holder is None:
            request.headers["Authorization"] = f"Bearer {token}"
            return
        request.headers["Authorization"] = f"{dpop.SCHEME} {token}"
        holder.prove(request, token)

    def _wants_nonce(self, response: httpx2.Response) -> bool:
        """Whether the API refused because it wants a nonce that the key has just learnt."""
        held = self._key.tokens
        holder = None if held is None else held.holder
        learnt = holder is not None and holder.heard(response)
        return learnt and _challenge(response).error == NONCE_CODE

    def _check(self, address: str) -> None:
        resource = self._key.app.resource
        if not is_protected(address):
            raise ValueError("the key is sent over https only")
        if resource and redirect.origin(address) != redirect.origin(resource):
            raise ValueError(f"the key is for {resource} only")

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


def _repeatable(request: httpx2.Request) -> bool:
    try:
        return request.content is not None
    except httpx2.RequestNotRead:
        return False


def _next(
    steps: Generator[Step, httpx2.Response | None, None], response: httpx2.Response | None
) -> Step | None:
    try:
        return steps.send(response)
    except StopIteration:
        return None


def raise_for_refusal(response: httpx2.Response) -> httpx2.Response:
    """The response, unless the API refused it for want of a key, of a permission or of a sign-in,
    or by a limit of the user's. Raises PermissionMissing, LimitReached, SignInAgain, KeyStopped,
    and the more telling PermissionTaken and KeyPaused where the API says what happened; every other
    status is the caller's to judge."""
    challenge = _challenge(response)
    if challenge.error in {"insufficient_scope", "insufficient_authorization"}:
        missing = PermissionTaken if challenge.reason == "narrowed" else PermissionMissing
        allowed = frozenset(challenge.allowed.split())
        details = read_remedy(challenge.authorization_remediation)
        raise missing(frozenset(challenge.scope.split()), allowed=allowed, details=details)
    if challenge.error in CODES:
        raise LimitReached(challenge)
    if challenge.error == "insufficient_user_authentication":
        age = challenge.max_age
        seconds = int(age) if age.isascii() and age.isdigit() else None
        raise SignInAgain(tuple(challenge.acr_values.split()), seconds)
    if response.status_code == 401 and challenge.reason == "paused":
        raise KeyPaused("the user has paused the key")
    if response.status_code == 401:
        raise KeyStopped("the key opens nothing any more")
    return response


def _challenge(response: httpx2.Response) -> Challenge:
    """The challenge of a refusal; an empty one, where there is none."""
    if response.status_code not in (401, 403):
        return Challenge()
    header = response.headers.get("www-authenticate", "")
    return read_challenge(header, schemes=SCHEMES) or Challenge()
