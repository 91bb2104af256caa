"""The issuer of a test: what an API asks an authorization server, answered in the same process."""

import time
from base64 import b64decode
from collections.abc import Callable
from os import urandom
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import httpx2
import msgspec

from valetkey.jose import base64url, jwk, jws
from valetkey.wire import access_token, dpop, introspection, lease, metadata, split_token
from valetkey.wire.address import path
from valetkey.wire.lease import Leased, Refused

Remaining = tuple[int | None, int | None]
"""Uses and amount; None for not counted."""

Form = dict[str, str]


class TrialGrant(msgspec.Struct, eq=False):
    """What a user gave in a test, and what is left of it by permission. `jti` names its key, and
    `half` is the API's half of that, "" where it is whole."""

    permissions: frozenset[str]
    remaining: dict[str, Remaining]
    jti: str = ""
    half: str = ""
    active: bool = True
    id: str = msgspec.field(default_factory=lambda: base64url.encode(urandom(12)))


class TrialIssuer(httpx2.AsyncBaseTransport):
    """Answers as the authorization server would. `grants` are those behind the keys, by token."""

    def __init__(self, issuer: str) -> None:
        self.key = jwk.generate("ES256")
        self.grants: dict[str, TrialGrant] = {}
        self.answers = True
        self._issuer = issuer
        self._leases: dict[str, tuple[TrialGrant, str]] = {}
        base = path(issuer).rstrip("/")
        about = metadata.well_known(issuer, metadata.AUTHORIZATION_SERVER)
        self._answers: dict[str, Callable[[Form], Any]] = {
            path(about): lambda _: self._metadata(),
            f"{base}/jwks": lambda _: {"keys": [self.key.public().jwk()]},
            f"{base}/introspect": self._introspect,
            f"{base}/usage": lambda _: {},
            base + split_token.PATH: self._half,
            base + lease.PATH: self._lease,
            base + lease.RETURN_PATH: self._back,
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """What is asked, answered at once."""
        if not self.answers:
            raise httpx2.ConnectError("the issuer of the test is silent", request=request)
        fields = parse_qs((await request.aread()).decode(), keep_blank_values=True)
        answer = self._answers.get(request.url.path)
        if answer is None:
            return httpx2.Response(404, request=request)
        body = answer({name: values[0] for name, values in fields.items()})
        if introspection.wants_signed(request.headers.get("accept", "")):
            return httpx2.Response(200, text=self._signed(body, request), request=request)
        return httpx2.Response(200, content=msgspec.json.encode(body), request=request)

    def key_to(self, grant: TrialGrant, claims: dict[str, Any], *, split: bool) -> str:
        """An access token that says this, or the app's half of it."""
        text = jws.sign(msgspec.json.encode(claims), key=self.key, typ=access_token.TYPE)
        if split:
            text = split_token.write(urandom(64), exp=claims["exp"], key=self.key)
            half = msgspec.json.encode({**claims, "ath": dpop.token_hash(text)})
            grant.half = jws.sign(half, key=self.key, typ=split_token.OF_API)
        grant.jti = claims["jti"]
        self.grants[text] = grant
        return text

    def _half(self, form: Form) -> split_token.ApiHalfAnswer:
        grant = self.grants.get(form["token"])
        if grant is None or not grant.active or not grant.half:
            return split_token.NOTHING
        return split_token.ApiHalfAnswer(active=True, access_token_half=grant.half)

    def _signed(self, answer: Any, request: httpx2.Request) -> str:
        """The answer to an introspection, signed for the API that asked (RFC 9701 5)."""
        basic = b64decode(request.headers["authorization"].partition(" ")[2]).decode()
        claims = {
            "iss": self._issuer,
            "aud": unquote_plus(basic.partition(":")[0]),
            "iat": int(time.time()),
            "token_introspection": answer,
        }
        return jws.sign(msgspec.json.encode(claims), key=self.key, typ=introspection.TYPE)

    def _metadata(self) -> dict[str, str]:
        return {
            "issuer": self._issuer,
            "jwks_uri": f"{self._issuer}/jwks",
            "introspection_endpoint": f"{self._issuer}/introspect",
            "permission_usage_endpoint": f"{self._issuer}/usage",
            "access_token_half_endpoint": self._issuer + split_token.PATH,
        }

    def _introspect(self, form: Form) -> dict[str, Any]:
        grant = self.grants.get(form["token"])
        if grant is None or not grant.active:
            return {"active": False}
        opens = grant.permissions
        return {
            "active": True,
            "jti": grant.jti,
            "scope": " ".join(sorted(opens)),
            "limited": sorted(opens & grant.remaining.keys()),
            "grant_id": grant.id,
            "grant_version": 1,
        }

    def _lease(self, form: Form) -> lease.Answer:
        self._back(form)
        grant = next((one for one in self.grants.values() if one.id == form["grant"]), None)
        if grant is None or not grant.active or form["permission"] not in grant.permissions:
            return Refused(limit="gone")
        uses, amount = grant.remaining.get(form["permission"], (None, None))
        amount_requested = int(form["amount"])
        if uses == 0:
            return Refused(limit="often", per="total", grant_version=1)
        if amount is not None and amount < amount_requested:
            return Refused(limit="much", per="total", grant_version=1)
        leased = None if uses is None else 1, None if amount is None else amount_requested
        self._add(grant, form["permission"], tuple(-(one or 0) for one in leased))
        self._leases[form["lease"]] = (grant, form["permission"])
        return Leased(
            lease=form["lease"], expires_in=30, grant_version=1, uses=leased[0], amount=leased[1]
        )

    def _back(self, form: Form) -> dict[str, str]:
        grant, permission = self._leases.pop(form.get("back", ""), (None, ""))
        if grant is not None:
            self._add(grant, permission, (int(form["unused_uses"]), int(form["unused_amount"])))
        return {}

    def _add(self, grant: TrialGrant, permission: str, more: tuple[int, ...]) -> None:
        uses, amount = grant.remaining.get(permission, (None, None))
        grant.remaining[permission] = (
            None if uses is None else uses + more[0],
            None if amount is None else amount + more[1],
        )
