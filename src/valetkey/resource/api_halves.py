"""Split access tokens (`wire.split_token`): an app presents its half, and the API has the other
one.

The API asks for its half once, and caches it until the token ends. It detects an app half that the
server did not sign by itself, so forged ones cause no requests.
"""

import asyncio
import time
from functools import partial
from typing import Any, Final

import httpx2
import msgspec

from valetkey.jose import jwt
from valetkey.resource.errors import Unreachable
from valetkey.resource.http import Http, PerLoop
from valetkey.resource.issuer import Issuer, Rule
from valetkey.wire import dpop, split_token
from valetkey.wire.access_token import AccessToken, VerifiedTokens
from valetkey.wire.split_token import ApiHalfAnswer, AppHalf, NotHalf

MOST: Final = 16384
"""API halves that are cached, by the hash of the app half; the app half itself is never stored.
Beyond that, the oldest are dropped."""

REFUSED: Final = 1.0
"""Seconds for which a missing half is remembered: a paused grant may be resumed."""


class ApiHalves:
    """The API's side of the split tokens of one issuer."""

    def __init__(self, *, issuer: Issuer, http: Http, auth: httpx2.Auth, audience: str) -> None:
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._audience = audience
        self._verified_tokens = VerifiedTokens(issuer.issuer, typ=split_token.OF_API)
        self._halves: dict[str, str] = {}
        self._refused: dict[str, float] = {}
        self._asking: PerLoop[dict[str, asyncio.Future[str]]] = PerLoop(dict)

    def verify(self, text: str) -> Rule[tuple[AccessToken, str]]:
        """The claims of the token, and the hash of the app half. Raises jwt.BadToken if the halves
        are not an access token for this API, Unreachable if that cannot be known."""
        name = dpop.token_hash(text)
        api_half = self._look_up(name)
        if api_half is None:
            yield from self._check_app_half(text)
            api_half = yield partial(self._fetch, text, name)
        if not api_half:
            raise jwt.BadToken("the server has no other half for it")
        keys = yield from self._issuer.keys_for(api_half)
        try:
            claims = self._verified_tokens.verify(
                api_half, keys=keys, audience=self._audience, now=int(time.time())
            ).claims
            return split_token.join(text, claims), name
        except NotHalf as error:
            raise jwt.BadToken(str(error)) from error

    def _look_up(self, name: str) -> str | None:
        """The API half, if it is known: "" if the server had none a moment ago."""
        half = self._halves.get(name)
        if half is not None:
            return half
        return "" if self._refused.get(name, 0.0) > time.monotonic() else None

    def _check_app_half(self, text: str) -> Rule[None]:
        """Raises jwt.BadToken for an app half that is forged or expired."""
        try:
            half: AppHalf = split_token.read(text)
            if half.exp + jwt.LEEWAY <= time.time():
                raise jwt.BadToken("expired")
            split_token.prove(half, (yield from self._issuer.keys_for(half.signed)))
        except NotHalf as error:
            raise jwt.BadToken(str(error)) from error

    async def _fetch(self, text: str, name: str) -> str:
        """The API half from the server: one request, however many calls present the token."""
        asking = self._asking.get()
        if name not in asking:
            request = asyncio.ensure_future(self._ask(text, name))
            asking[name] = request
            request.add_done_callback(partial(_over, asking, name))
        return await asyncio.shield(asking[name])

    async def _ask(self, text: str, name: str) -> str:
        address = (await self._issuer.metadata()).access_token_half_endpoint
        if not address:
            raise Unreachable(f"{self._issuer.issuer} does not split access tokens")
        answer = await self._http.post(address, {"token": text}, self._auth)
        try:
            document = msgspec.json.decode(answer, type=ApiHalfAnswer)
        except ValueError as error:  # also where it is no UTF-8
            raise Unreachable("the half of an access token cannot be read") from error
        if document.active and document.access_token_half:
            _keep(self._halves, name, document.access_token_half)
            return document.access_token_half
        _keep(self._refused, name, time.monotonic() + REFUSED)
        return ""


def _over(asking: dict[str, asyncio.Future[str]], name: str, request: asyncio.Future[str]) -> None:
    del asking[name]
    if not request.cancelled():
        request.exception()  # The waiting calls have it already.


def _keep(cache: dict[str, Any], name: str, value: object) -> None:
    if len(cache) >= MOST:
        for old in list(cache)[: MOST // 8]:
            cache.pop(old, None)
    cache[name] = value
