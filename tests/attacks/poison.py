"""Requests of a stranger who brings what no database can hold, wherever the server reads a text
(ATTACKS A93): each as bytes, fresh each time."""

import os
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

import msgspec
from tests.installation import SECRETS
from tests.jose.forge import b64, signed, signed_parts
from tests.promises.pageapp import ASKING
from tests.promises.wire import get, post
from tests.proofs import MINE
from tests.server.oauth.clients.apps import MINE as APPS
from tests.server.oauth.clients.apps import SIGNER

from valetkey.spec.names import JWT_BEARER
from valetkey.wire import assertion, dpop, request_object

Request: TypeAlias = Callable[[str, str], bytes]
"""What is sent, by the server's address and a JSON value."""

LONG: Final = 40_000
"""Letters of a text that is longer than any index takes, and fits into a request."""

VALUES: Final[dict[str, Callable[[], str]]] = {
    "half a character": lambda: r'"\ud800"',
    "the other half": lambda: r'"a\udfffb"',
    "two first halves": lambda: r'"\ud83d\ud83d"',
    "a zero byte": lambda: r'"a\u0000b"',
    "a number beyond 64 bits": lambda: "18446744073709551616",
    "a number beyond 63 bits": lambda: "9223372036854775808",
    "a number beyond every number": lambda: "1e400",
    "a number of many digits": lambda: "9" * 5000,
    "a text without end": lambda: f'"{os.urandom(LONG // 2).hex()}"',
}
"""What a JSON value may be, as it is spelled."""

_PLACE: Final = '"@"'


def _with(value: str, **members: Any) -> bytes:
    """A document in which the member "@" is the value."""
    return msgspec.json.encode(members).replace(_PLACE.encode(), value.encode())


def _unsigned(payload: bytes, header: bytes = b'{"alg":"ES256","typ":"JWT"}') -> str:
    return f"{b64(header)}.{b64(payload)}.{b64(bytes(64))}"


def _assertion(text: str, **more: str) -> bytes:
    form = {"client_assertion": text, "client_assertion_type": assertion.ASSERTION_TYPE}
    return post("/token", {"grant_type": "client_credentials", **form, **more})


OF_APP: Final = {"client_id": "signer", "redirect_uri": SIGNER.redirect_uris[0]}
"""An app that signs what it asks; where a server does not know it, it is refused as such."""


def _signed(typ: str, payload: bytes) -> str:
    return signed({"alg": "ES256", "kid": APPS.kid, "typ": typ}, payload, APPS)


def _own_assertion(url: str, value: str = "", **members: Any) -> str:
    now = int(time.time())
    claims = {"iss": "signer", "sub": "signer", "aud": url, "jti": os.urandom(9).hex()}
    return _signed(assertion.TYPE, _with(value, **claims | {"exp": now + 60, "iat": now} | members))


def _own_proof(url: str) -> dict[str, str]:
    return {
        "client_assertion": _own_assertion(url),
        "client_assertion_type": assertion.ASSERTION_TYPE,
    }


def _asks(**parameters: str) -> bytes:
    return get(f"/authorize?{urlencode({**ASKING.parameters(), **parameters})}")


def _pushes(**parameters: str) -> bytes:
    return post("/par", {**ASKING.parameters(), **parameters})


def _sends(path: str, document: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(document)}"]
    lines += ["Content-Type: application/json", *headers]
    return "\r\n".join((*lines, "", "")).encode() + document


def _with_header(request: bytes, *lines: bytes) -> bytes:
    first, _, rest = request.partition(b"\r\n")
    return b"\r\n".join((first, *lines, rest))


def _proved(url: str, payload: bytes, header: bytes = b"") -> bytes:
    public = MINE.public().bare()
    made = msgspec.json.encode({"typ": dpop.TYPE, "alg": "ES256", "jwk": public})
    proof = signed_parts(b64(header or made), b64(payload), MINE)
    form = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": "none"}
    return _with_header(post("/token", form), b"DPoP: " + proof.encode())


def _proof(url: str, value: str, **members: Any) -> bytes:
    claims = {"jti": b64(os.urandom(12)), "htm": "POST", "htu": f"{url}/token"}
    return _proved(url, _with(value, **claims | {"iat": int(time.time())} | members))


def _jwk(url: str, value: str) -> bytes:
    header = _with(value, typ=dpop.TYPE, alg="ES256", jwk=MINE.public().bare() | {"kid": "@"})
    return _proved(url, b"{}", header)


def _basic(name: bytes, secret: bytes = b"s") -> bytes:
    proof = b"Authorization: Basic " + b64encode(name + b":" + secret)
    return _with_header(post("/token", {"grant_type": "client_credentials"}), proof)


DOORS: Final[dict[str, Request]] = {
    "claims, asked": lambda _, value: _asks(
        claims=_with(value, userinfo={"email": {"value": "@"}}).decode()
    ),
    "claims, pushed": lambda _, value: _pushes(
        claims=_with(value, userinfo={"email": {"value": "@"}}).decode()
    ),
    "a name in claims": lambda _, value: _pushes(claims=f'{{"userinfo":{{{value}:null}}}}'),
    "details, asked": lambda _, value: _asks(
        authorization_details=_with(value, x="@").decode().join("[]")
    ),
    "details, pushed": lambda _, value: _pushes(
        authorization_details=_with(value, type="@").decode().join("[]")
    ),
    "the sub of an assertion": lambda _, value: _assertion(_unsigned(_with(value, sub="@"))),
    "the header of an assertion": lambda _, value: _assertion(
        _unsigned(b'{"sub":"web"}', _with(value, alg="ES256", kid="@"))
    ),
    "the jti of a proof": lambda url, value: _proof(url, value, jti="@"),
    "the nonce of a proof": lambda url, value: _proof(url, value, nonce="@"),
    "the address of a proof": lambda url, value: _proof(url, value, htu="@"),
    "the time of a proof": lambda url, value: _proof(url, value, iat="@"),
    "the key of a proof": _jwk,
    "the jti of an assertion": lambda url, value: _assertion(_own_assertion(url, value, jti="@")),
    "the end of an assertion": lambda url, value: _assertion(_own_assertion(url, value, exp="@")),
    "a request object, asked": lambda url, value: _asks(
        **OF_APP, request=_signed(request_object.TYPE, _with(value, **OF_APP, nonce="@"))
    ),
    "the classes in a request object": lambda url, value: _asks(
        **OF_APP, request=_signed(request_object.TYPE, _with(value, **OF_APP, acr_values="@"))
    ),
    "the header of a request object": lambda _, value: _asks(
        **OF_APP, request=_unsigned(b"{}", _with(value, alg="ES256", typ="@"))
    ),
    "a request object, pushed": lambda url, value: post(
        "/par",
        _own_proof(url)
        | {"request": _signed(request_object.TYPE, _with(value, **OF_APP, state="@"))},
    ),
    "a hint": lambda _, value: _asks(
        prompt="none", id_token_hint=_unsigned(_with(value, iss="@"), _with(value, kid="@"))
    ),
    "a token shown": lambda _, value: _with_header(
        get("/userinfo"),
        b"Authorization: Bearer "
        + _unsigned(
            _with(value, iss="@"), _with(value, alg="ES256", typ="at+jwt", kid="@")
        ).encode(),
    ),
    "a token asked about": lambda _, value: post(
        "/introspect",
        {"token": _unsigned(_with(value, iss="@"), _with(value, alg="ES256", kid="@"))},
        basic=("chirp", SECRETS["chirp"]),
    ),
    "an assertion of a server": lambda url, value: post(
        "/token",
        _own_proof(url) | {"grant_type": JWT_BEARER, "assertion": _unsigned(_with(value, iss="@"))},
    ),
    "the user in an assertion of a server": lambda url, value: post(
        "/token",
        _own_proof(url)
        | {
            "grant_type": JWT_BEARER,
            "assertion": _own_assertion(url, value, sub="@"),
        },
    ),
    "a registration": lambda _, value: _sends(
        "/register", _with(value, client_name="@", redirect_uris=["https://a.example/cb"])
    ),
    "a name in a registration": lambda _, value: _sends(
        "/register", f'{{{value}:1,"redirect_uris":["https://a.example/cb"]}}'.encode()
    ),
    "keys in a registration": lambda _, value: _sends(
        "/register",
        _with(value, jwks={"keys": [{"kid": "@"}]}, redirect_uris=["https://a.example/cb"]),
    ),
    "a software statement": lambda _, value: _sends(
        "/register",
        _with(
            '""',
            software_statement=_unsigned(_with(value, iss="@"), _with(value, alg="ES256", kid="@")),
            redirect_uris=["https://a.example/cb"],
        ),
    ),
}
"""Where JSON comes in, in each way in which it does."""

PLAIN: Final[dict[str, Request]] = {
    "half a character in a form": lambda url, _: (
        post("/par", {}).replace(b"Content-Length: 0", b"Content-Length: 21")
        + b"client_id=%ED%A0%80ab"
    ),
    "half a character, raw": lambda url, _: (
        post("/par", {}).replace(b"Content-Length: 0", b"Content-Length: 15")
        + b"client_id=\xed\xa0\x80ab"
    ),
    "a zero byte in a form": lambda url, _: _pushes(state="a\x00b"),
    "a zero byte in a query": lambda url, _: _asks(state="a\x00b"),
    "a zero byte in a client's name": lambda url, _: _basic(b"a\x00b"),
    "an escaped zero byte in a client's name": lambda url, _: _basic(b"a%00b"),
    "half a character in a client's name": lambda url, _: _basic(b"a%ED%A0%80b"),
    "a raw half in a client's name": lambda url, _: _basic(b"a\xed\xa0\x80b"),
    "a zero byte in a secret": lambda url, _: _basic(b"web", b"a%00b"),
    "a client's name without end": lambda url, _: post(
        "/par", {**ASKING.parameters(), "client_id": os.urandom(LONG // 4).hex()}
    ),
    "a zero byte in a path": lambda url, _: get("/apps/a%00b"),
    "half a character in a path": lambda url, _: get("/register/a%ED%A0%80b"),
    "a zero byte in a header": lambda url, _: _with_header(get("/userinfo"), b"Accept: a\x00b"),
    "a zero byte in a cookie": lambda url, _: get("/apps", cookie="vk_session=a\x00b.c"),
    "another alphabet in a cookie": lambda url, _: _with_header(
        get("/apps"), b"Cookie: vk_session=\xed\xa0\x80.\xff; vk_browser=\xff"
    ),
    "another alphabet in a token": lambda url, _: _with_header(
        get("/userinfo"), b"Authorization: Bearer \xed\xa0\x80.\xff.\xff"
    ),
    "an age beyond 64 bits": lambda url, _: _asks(max_age="9" * 30),
    "an age of many digits": lambda url, _: _pushes(max_age="9" * 5000),
}
"""Where text comes in that is not JSON."""
