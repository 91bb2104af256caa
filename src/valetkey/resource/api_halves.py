"""Split access tokens (`wire.split_token`): an app shows its half, the API holds the other one.

The other half is asked for once, and kept until the token ends. A half that the server did not sign
is known here: however many of them strangers send, nobody is asked.
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
from valetkey.resource.issuer import Issuer
from valetkey.resource.steps import Rule
from valetkey.wire import dpop, split_token
from valetkey.wire.access_token import AccessToken, VerifiedTokens
from valetkey.wire.split_token import ApiHalfAnswer, AppHalf, NotHalf

MOST: Final = 16384
"""Halves that are kept, by the hash of the app's; no app's half itself is. Past it, the oldest make
room."""

REFUSED: Final = 1.0
"""Seconds for which it is remembered that the server has no half for a token: what is paused comes
back."""


class Halves:
    """The API's side of the split tokens of one issuer."""

    def __init__(self, *, issuer: Issuer, http: Http, auth: httpx2.Auth, audience: str) -> None:
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._audience = audience
        self._proofs = VerifiedTokens(issuer.issuer, typ=split_token.OF_API)
        self._known: dict[str, str] = {}
        self._refused: dict[str, float] = {}
        self._asking: PerLoop[dict[str, asyncio.Future[str]]] = PerLoop(dict)

    def proved(self, text: str) -> Rule[tuple[AccessToken, str]]:
        """What the app's half and its other half say together, and the hash of the app's. Raises
        jwt.BadToken where they are no access token for this API, Unreachable where that cannot be
        known."""
        name = dpop.token_hash(text)
        other = self._here(name)
        if other is None:
            yield from self._genuine(text)
            other = yield partial(self._asked, text, name)
        if not other:
            raise jwt.BadToken("the server has no other half for it")
        keys = yield from self._issuer.keys_for(other)
        try:
            half = self._proofs.verify(
                other, keys=keys, audience=self._audience, now=int(time.time())
            ).claims
            return split_token.join(text, half), name
        except NotHalf as error:
            raise jwt.BadToken(str(error)) from error

    def _here(self, name: str) -> str | None:
        """The other half, as far as it is known: "" where there was none a moment ago."""
        known = self._known.get(name)
        if known is not None:
            return known
        return "" if self._refused.get(name, 0.0) > time.monotonic() else None

    def _genuine(self, text: str) -> Rule[None]:
        """Raises jwt.BadToken for what the server did not make, or what is over."""
        try:
            half: AppHalf = split_token.read(text)
            if half.exp + jwt.LEEWAY <= time.time():
                raise jwt.BadToken("expired")
            split_token.prove(half, (yield from self._issuer.keys_for(half.signed)))
        except NotHalf as error:
            raise jwt.BadToken(str(error)) from error

    async def _asked(self, text: str, name: str) -> str:
        """The same, from the server, which is asked once however many calls show the token."""
        asking = self._asking.get()
        if name not in asking:
            asked = asyncio.ensure_future(self._ask(text, name))
            asking[name] = asked
            asked.add_done_callback(partial(_over, asking, name))
        return await asyncio.shield(asking[name])

    async def _ask(self, text: str, name: str) -> str:
        address = (await self._issuer.metadata()).access_token_half_endpoint
        if not address:
            raise Unreachable(f"{self._issuer.issuer} does not split access tokens")
        answer = await self._http.post(address, {"token": text}, self._auth)
        try:
            told = msgspec.json.decode(answer, type=ApiHalfAnswer)
        except ValueError as error:  # also where it is no UTF-8
            raise Unreachable("the half of an access token cannot be read") from error
        if told.active and told.access_token_half:
            _keep(self._known, name, told.access_token_half)
            return told.access_token_half
        _keep(self._refused, name, time.monotonic() + REFUSED)
        return ""


def _over(asking: dict[str, asyncio.Future[str]], name: str, asked: asyncio.Future[str]) -> None:
    del asking[name]
    if not asked.cancelled():
        asked.exception()  # Whoever waited has it; where nobody did, nobody misses it.


def _keep(known: dict[str, Any], name: str, value: object) -> None:
    if len(known) >= MOST:
        for old in list(known)[: MOST // 8]:
            known.pop(old, None)
    known[name] = value
