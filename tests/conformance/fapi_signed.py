"""FAPI 2.0 Message Signing: requests are objects that the client signs (JAR), and answers come as a
JWT, with nothing beside it (JARM)."""

import json
from typing import Any, Final

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.browser import Browser
from tests.conformance.fapi import Answer, Fapi, Rp, answered
from tests.jose.forge import signed

from valetkey.jose.jwk import PrivateKey

OUTSIDE: Final = ("request_uri",)
"""What is pushed beside the object, where a test changes it."""


def inside(fapi: Fapi, rp: Rp, **changed: Any) -> dict[str, Any]:
    """The claims of a request object, changed; None leaves one out."""
    claims = {**fapi.request(rp), **fapi.envelope(rp), **changed}
    if isinstance(claims.get("claims"), str):
        # OpenID Connect Core 6.1: in an object it is one.
        claims["claims"] = json.loads(claims["claims"])
    return {name: value for name, value in claims.items() if value is not None}


def packed(claims: dict[str, Any], by: PrivateKey) -> str:
    """The request object."""
    header = {"alg": by.algorithm, "kid": by.kid, "typ": "oauth-authz-req+jwt"}
    return signed(header, json.dumps(claims).encode(), by)


class Signing(Fapi):
    """Signs each request that is pushed, asks for signed answers, and takes no other."""

    def request(self, rp: Rp, **changed: str | None) -> dict[str, str]:
        return super().request(rp, **{"response_mode": "jwt", **changed})

    def pushed(self, rp: Rp, **changed: Any) -> httpx2.Response:
        how = {name: changed.pop(name) for name in ("auth", "dpop", "pair") if name in changed}
        how.setdefault("dpop", None)
        beside = {name: changed.pop(name) for name in OUTSIDE if name in changed}
        text = packed(inside(self, rp, **changed), rp.signing)
        return self.post(rp, "/par", {"request": text, **beside}, **how)

    def answer(self, browser: Browser) -> Answer:
        answer = answered(browser)
        if answer.page:
            return answer
        query = {"dummy1", "dummy2"} & answer.parameters.keys()
        assert set(answer.parameters) == {"response"} | query
        keys = KeySet.import_key_set(self.http.get("/jwks").json())
        claims: dict[str, Any] = jwt.decode(
            answer.parameters["response"], keys, algorithms=["ES256"]
        ).claims
        assert {"iss", "aud", "exp"} <= claims.keys()
        told = {name: value for name, value in claims.items() if name not in {"aud", "exp"}}
        return Answer(parameters={**told, **{name: answer.parameters[name] for name in query}})


def signing(made: Fapi, clients: dict[str, Rp]) -> tuple[Signing, dict[str, Rp]]:
    """The same server, as such clients speak to it."""
    return Signing(**{name: getattr(made, name) for name in made.__struct_fields__}), clients
