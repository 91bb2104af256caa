"""JSON Web Tokens: which claims prove something, when, and to whom."""

import json
from typing import Any

import pytest
from tests.jose.forge import signed
from tests.keys import key
from tests.rows import row

from valetkey.jose import jwt
from valetkey.jose.jwt import BadToken
from valetkey.wire import access_token, id_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.id_token import IdToken

NOW = 1_700_000_000
ISSUER = "https://as.example"
API = "https://chirp.example"
ES = key("ES256")
KEYS = (ES.public(), key("RS256").public())
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "iat": NOW,
    "exp": NOW + 300,
    "sub": "miko",
    "aud": [API],
    "client_id": "stef",
    "jti": "1",
    "scope": "posts:read posts:write",
}


def token_with(typ: str = "at+jwt", **changed: Any) -> str:
    """A genuine signature over the claims as changed; ... leaves one out."""
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not ...}
    return signed({"alg": "ES256", "kid": ES.kid, "typ": typ}, json.dumps(claims).encode(), ES)


def without(name: str) -> str:
    changed: dict[str, Any] = {name: ...}
    return token_with(**changed)


def read(token: str, *, now: int = NOW, issuer: str = ISSUER, audience: str = API) -> AccessToken:
    return access_token.verify(token, keys=KEYS, issuer=issuer, audience=audience, now=now).claims


def test_claims_come_back_as_they_were_signed() -> None:
    token = AccessToken(
        iss=ISSUER,
        iat=NOW,
        exp=NOW + 300,
        sub="miko",
        aud=(API, "https://mint.example"),
        client_id="stef",
        jti="1",
        scope="posts:read",
        auth_time=NOW - 5,
        grant_id="g",
        grant_version=3,
        family_id="f",
    )
    assert read(jwt.sign(token, key=ES, typ=access_token.TYPE)) == token


def test_what_is_unknown_is_passed_over() -> None:
    assert read(token_with(extra={"deep": [1, 2]})).sub == "miko"


TIME = [
    row("7519 4.1.4", "fresh", {}, NOW, True),
    row("7519 4.1.4", "in its last second", {}, NOW + 299, True),
    row("7519 4.1.4", "expired within the leeway", {}, NOW + 300 + jwt.LEEWAY - 1, True),
    row("7519 4.1.4", "expired by the leeway", {}, NOW + 300 + jwt.LEEWAY, False),
    row("7519 4.1.6", "issued ahead, within the leeway", {"iat": NOW + jwt.LEEWAY}, NOW, True),
    row("7519 4.1.6", "issued in the future", {"iat": NOW + jwt.LEEWAY + 1}, NOW, False),
    row("7519 4.1.4", "expires in 1970", {"exp": 0}, NOW, False),
    row("7519 4.1.4", "expires before it was issued", {"exp": -1}, NOW, False),
]


@pytest.mark.parametrize("changed,now,good", TIME)
def test_time(changed: dict[str, Any], now: int, good: bool) -> None:
    token = token_with(**changed)
    if good:
        assert read(token, now=now).sub == "miko"
        return
    with pytest.raises(BadToken):
        read(token, now=now)


REFUSED = [
    row("RFC 9068 4", "another issuer", token_with(iss="https://evil.example")),
    row("RFC 9068 4", "the issuer with a slash", token_with(iss=f"{ISSUER}/")),
    row("RFC 9068 4", "the issuer in upper case", token_with(iss=ISSUER.upper())),
    row("RFC 9068 4", "another audience", token_with(aud=["https://mint.example"])),
    row("RFC 9068 4", "an audience that begins alike", token_with(aud=[f"{API}.evil.example"])),
    row("RFC 9068 4", "an empty audience", token_with(aud=[])),
    row("RFC 9068 4", "no typ of an access token", token_with(typ="JWT")),
    *(
        row("RFC 9068 2.2", f"{name} is missing", without(name))
        for name in ("iss", "iat", "exp", "sub", "aud", "client_id", "jti")
    ),
    row("RFC 7519 4.1", "exp is text", token_with(exp=str(NOW + 300))),
    row("RFC 7519 4.1", "exp is true", token_with(exp=True)),
    row("RFC 7519 4.1", "exp is null", token_with(exp=None)),
    row("RFC 7519 4.1", "exp has a fraction", token_with(exp=NOW + 0.5)),
    row("RFC 7519 4.1", "iss is a list", token_with(iss=[ISSUER])),
    row("RFC 7519 4.1", "sub is a number", token_with(sub=7)),
    row("RFC 7519 4.1", "scope is a list", token_with(scope=["posts:read"])),
    row("RFC 7519 4.1", "aud holds a number", token_with(aud=[API, 7])),
]


@pytest.mark.parametrize("token", REFUSED)
def test_claims_that_prove_nothing(token: str) -> None:
    with pytest.raises(BadToken):
        read(token)


def raw(payload: bytes) -> str:
    return signed({"alg": "ES256", "kid": ES.kid, "typ": "at+jwt"}, payload, ES)


_BODY = json.dumps(CLAIMS).encode()

PAYLOADS = [
    row("7519 7.2", "a list", raw(b"[]")),
    row("7519 7.2", "text", raw(b'"x"')),
    row("7519 7.2", "nothing", raw(b"")),
    row("7519 4", "exp stands twice", raw(_BODY[:-1] + b',"exp":99999999999}')),
    row("7519 4", "a nested member stands twice", raw(_BODY[:-1] + b',"x":{"a":1,"a":2}}')),
    row("8259 6", "exp is NaN", raw(_BODY.replace(str(NOW + 300).encode(), b"NaN"))),
    row("8259 6", "exp is Infinity", raw(_BODY.replace(str(NOW + 300).encode(), b"Infinity"))),
    row("8259 6", "exp overflows", raw(_BODY.replace(str(NOW + 300).encode(), b"1e400"))),
    row("8259 6", "exp has 5000 digits", raw(_BODY.replace(str(NOW + 300).encode(), b"9" * 5000))),
    row("8259 8.1", "UTF-16", raw(_BODY.decode().encode("utf-16"))),
    row("8259 9", "nested without a bottom", raw(_BODY[:-1] + b',"x":' + b'{"a":' * 2000)),
]


@pytest.mark.parametrize("token", PAYLOADS)
def test_a_payload_has_one_reading_or_none(token: str) -> None:
    with pytest.raises(BadToken):
        read(token)


# The same signer, issuer and claims that would do for any of them: only the type differs.
KINDS = ["at+jwt", "JWT", "logout+jwt", "oauth-authz-req+jwt", "dpop+jwt", "secevent+jwt", ""]
READERS = {"at+jwt": {"at+jwt"}, "JWT": {"JWT", ""}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_no_token_is_taken_for_another(reader: str, kind: str) -> None:
    """ATTACKS A48: every kind of token at every door that takes one."""
    token = token_with(typ=kind, aud="stef" if reader == "JWT" else [API], nonce="n")
    if kind in READERS[reader]:
        assert opened(token, reader) == "miko"
        return
    with pytest.raises(BadToken, match="typ"):
        opened(token, reader)


def opened(token: str, reader: str) -> str:
    if reader == "at+jwt":
        return read(token).sub
    return identified(token).sub


def identified(token: str, *, nonce: str = "n", client: str = "stef", access: str = "") -> IdToken:
    return id_token.verify(
        token,
        keys=KEYS,
        issuer=ISSUER,
        client_id=client,
        nonce=nonce,
        access_token=access,
        now=NOW,
    ).claims


ID_TOKEN = [
    row("Core 3.1.3.7 3", "another client", {"aud": "other"}),
    row("Core 3.1.3.7 3", "several audiences", {"aud": ["stef", "other"]}),
    row("Core 3.1.3.7 11", "another nonce", {"nonce": "m"}),
    row("Core 3.1.3.7 11", "no nonce", {"nonce": ...}),
    row("Core 3.1.3.7 2", "another issuer", {"iss": "https://evil.example"}),
    row("Core 3.1.3.7 9", "expired", {"exp": NOW - 61}),
    row("Core 3.1.3.8", "of another access token", {"at_hash": id_token.at_hash("another")}),
    row("Core 3.1.3.8", "a hash that is cut", {"at_hash": id_token.at_hash("")[:-1]}),
]


@pytest.mark.parametrize("changed", ID_TOKEN)
def test_an_id_token_of_another_sign_in_is_refused(changed: dict[str, Any]) -> None:
    good = {"aud": "stef", "nonce": "n", "at_hash": id_token.at_hash("")}
    assert identified(token_with(typ="JWT", **good)).sub == "miko"
    with pytest.raises(BadToken):
        identified(token_with(typ="JWT", **(good | changed)))


def test_at_hash_is_that_of_the_standard() -> None:
    """OpenID Connect Core appendix A.3 has this access token, for SHA-256."""
    assert (
        id_token.at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"
    )
