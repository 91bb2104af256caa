"""RFC 9068 access tokens, RFC 7662 introspection, RFC 7009 revocation, and OpenID Connect Core."""

import hashlib
import json
from typing import Any

import pytest
from msgspec.structs import replace
from tests.installation import CHIRP
from tests.jose.forge import signed
from tests.keys import key
from tests.rfc.musts import Must, must, refuses, told
from tests.server.oauth.forms import call, form, request
from tests.server.oauth.world import ISSUER, KEYRING, World

from valetkey.jose import base64url
from valetkey.server.model.client import Client
from valetkey.server.model.policy import Policy
from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.endpoints.introspection import introspect
from valetkey.server.oauth.endpoints.revocation import revoke
from valetkey.server.oauth.endpoints.userinfo import userinfo


def part(token: str, number: int) -> dict[str, Any]:
    """The header (0) or the claims (1), unproved."""
    read: dict[str, Any] = json.loads(base64url.decode(token.split(".")[number]))
    return read


def access(world: World, **asked: Any) -> str:
    return str(world.connect(**asked)["access_token"])


def identity(world: World, **asked: Any) -> str:
    return str(world.connect(**asked)["id_token"])


CLAIMS = {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}


def jti_differs(world: World) -> bool:
    tokens = world.connect()
    again = world.refresh("kite", tokens["refresh_token"])
    return bool(part(tokens["access_token"], 1)["jti"] != part(again["access_token"], 1)["jti"])


RFC_9068: list[Must] = [
    must("9068 2.1", "the type is at+jwt", lambda w: part(access(w), 0)["typ"] == "at+jwt"),
    must("9068 2.1", "it is signed", lambda w: part(access(w), 0)["alg"] in {"ES256", "RS256"}),
    must(
        "9068 2.1",
        "its key is a published one",
        lambda w: part(access(w), 0)["kid"] in {one.kid for one in KEYRING.published},
    ),
    must(
        "9068 2.2",
        "the claims that are required are there",
        lambda w: part(access(w), 1).keys() >= CLAIMS,
    ),
    must(
        "9068 2.2.1", "the time of the sign-in", lambda w: part(access(w), 1)["auth_time"] == w.now
    ),
    must(
        "9068 2.2.3",
        "the scope, where one was granted",
        lambda w: part(access(w), 1)["scope"] == "openid chirps.read",
    ),
    must(
        "9068 3",
        "the resource asked for is the audience",
        lambda w: part(access(w, scope="chirps.read", resource=(CHIRP,)), 1)["aud"] == [CHIRP],
    ),
    must(
        "9068 3",
        "else those of whom the scope speaks",
        lambda w: part(access(w), 1)["aud"] == [ISSUER, CHIRP],
    ),
    must("7519 4.1.7", "no two have one name", jti_differs),
]


def with_typ(world: World, typ: str) -> bool:
    claims = json.dumps(part(access(world), 1)).encode()
    text = signed({"alg": "ES256", "kid": key().kid, "typ": typ}, claims, key())
    return world.introspect(text).active


def expired(world: World) -> bool:
    text = access(world)
    world.later(300)
    return not world.introspect(text).active


RFC_7662: list[Must] = [
    must(
        "7662 2.1",
        "who asks proves who it is",
        lambda w: refuses(
            "invalid_client", lambda: w.post(introspect, Call(form=form({"token": access(w)})))
        ),
    ),
    must(
        "7662 2.2",
        "what is inactive says so and nothing more",
        lambda w: w.introspect("x") == type(w.introspect("x"))(active=False),
    ),
    must(
        "7662 2.2",
        "what is no error is none: an unknown token is inactive",
        lambda w: not w.introspect("x").active,
    ),
    must("7662 4", "an expired token is inactive", expired),
    must(
        "7662 4",
        "the signature is checked",
        lambda w: not w.introspect(access(w)[:-4] + "AAAA").active,
    ),
    must("9068 4", "another type is no access token", lambda w: not with_typ(w, "JWT")),
    must("9068 4", "the type by its full name is one", lambda w: with_typ(w, "application/at+jwt")),
]


def revoked(world: World, which: str) -> bool:
    tokens = world.connect()
    world.revoke("kite", tokens[which])
    return not world.introspect(tokens["access_token"]).active


def not_by_another(world: World) -> bool:
    text = access(world)
    world.post(revoke, call("web", token=text))
    return world.introspect(text).active


def unknown_is_no_error(world: World) -> bool:
    world.revoke("kite", "x")
    return True


RFC_7009: list[Must] = [
    must(
        "7009 2.1",
        "a refresh token ends the access tokens too",
        lambda w: revoked(w, "refresh_token"),
    ),
    must("7009 2.1", "an access token ends at once", lambda w: revoked(w, "access_token")),
    must(
        "7009 2.1",
        "the client proves who it is",
        lambda w: refuses(
            "invalid_client",
            lambda: w.post(revoke, Call(form=form({"client_id": "web", "token": "x"}))),
        ),
    ),
    must("7009 2.1", "a token of another client is not revoked", not_by_another),
    must("7009 2.2", "an unknown token is no error", unknown_is_no_error),
]


def algorithm(world: World, name: Any) -> str:
    world.at = replace(world.at, policies={"p": Policy(name="p", id_token_algorithm=name)})
    world.change(Client, "kite", policy="p")
    return str(part(identity(world), 0)["alg"])


def subject(world: World) -> bool:
    tokens = world.connect()
    outcome: Any = world.ask(userinfo(tokens["access_token"], world.context))
    return bool(outcome.document["sub"] == part(tokens["id_token"], 1)["sub"])


def of_refresh(world: World) -> bool:
    first = world.connect()
    world.later(100)
    again = world.refresh("kite", first["refresh_token"])
    old, new = part(first["id_token"], 1), part(again["id_token"], 1)
    same = all(old[name] == new[name] for name in ("iss", "sub", "aud", "auth_time"))
    return same and new["iat"] == world.now and "nonce" not in new


def hashed(world: World) -> bool:
    tokens = world.connect()
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    return bool(part(tokens["id_token"], 1)["at_hash"] == base64url.encode(digest))


CORE: list[Must] = [
    must(
        "Core 2",
        "the claims that are required are there",
        lambda w: {"iss", "sub", "aud", "exp", "iat"} <= part(identity(w), 1).keys(),
    ),
    must("Core 2", "the audience is the client", lambda w: part(identity(w), 1)["aud"] == "kite"),
    must(
        "Core 2",
        "the issuer is the one of the metadata",
        lambda w: part(identity(w), 1)["iss"] == ISSUER,
    ),
    must(
        "Core 2",
        "a subject has 255 ASCII characters at most",
        lambda w: part(identity(w), 1)["sub"].isascii() and len(part(identity(w), 1)["sub"]) < 256,
    ),
    must(
        "Core 2",
        "the nonce comes back as it was sent",
        lambda w: part(identity(w, nonce="n ö"), 1)["nonce"] == "n ö",
    ),
    must(
        "Core 2",
        "auth_time, where max_age was asked for",
        lambda w: part(identity(w, max_age="100"), 1)["auth_time"] == w.now,
    ),
    must(
        "Core 3.1.2.1",
        "without openid there is no ID Token",
        lambda w: "id_token" not in w.connect(scope="chirps.read"),
    ),
    must(
        "Core 3.1.2.1",
        "prompt=none never asks",
        lambda w: told(w, request("kite", prompt="none")) == "login_required",
    ),
    must(
        "Core 3.1.2.1",
        "prompt=none stands alone",
        lambda w: told(w, request("kite", prompt="none consent")) == "invalid_request",
    ),
    must("Core 3.1.3.6", "at_hash is that of the access token", hashed),
    must("Core 5.3.2", "userinfo and ID Token name one subject", subject),
    must("Core 12.2", "an ID Token of a refresh tells of the same sign-in", of_refresh),
    must("Core 15.1", "RS256 by default", lambda w: part(identity(w), 0)["alg"] == "RS256"),
    must("Core 15.1", "another algorithm by policy", lambda w: algorithm(w, "ES256") == "ES256"),
]


@pytest.mark.parametrize("holds", [*RFC_9068, *RFC_7662, *RFC_7009, *CORE])
def test_must(holds: Must) -> None:
    assert holds(World())
