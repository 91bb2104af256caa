"""The 32 blocks of fapi2-security-profile-final-dpop-negative-tests: what each sends, and whether
that opens anything."""

import os
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec
from tests.attacks.bound import Place, shown
from tests.jose.forge import b64
from tests.keys import key
from tests.proofs import MINE, OTHER, Wish, proof

Headers: TypeAlias = list[tuple[str, str]]


class Block(msgspec.Struct, frozen=True):
    """`send` makes the headers for a token at a place; `good` is whether the call is let pass."""

    name: str
    good: bool
    send: Callable[[str, Place], Headers]
    query: str = ""


def _wish(token: str, place: Place) -> Wish:
    return Wish(method="GET", address=place.address, token=token)


def bent(**wish: Any) -> Callable[[str, Place], Headers]:
    """One proof that differs from an honest one."""
    return lambda token, place: shown(token, proof(_wish(token, place), **wish))


def claims(**members: Any) -> Callable[[str, Place], Headers]:
    """A proof with these claims; None leaves one out."""
    return bent(claims=members)


def at(change: Callable[[str], str]) -> Callable[[str, Place], Headers]:
    """A proof for the place's address, changed."""
    return lambda token, place: shown(
        token, proof(_wish(token, place), claims={"htu": change(place.address)})
    )


def _upper_name(token: str, place: Place) -> Headers:
    return [("Authorization", f"DPoP {token}"), ("DPOP", proof(_wish(token, place)))]


def _two(token: str, place: Place) -> Headers:
    return shown(token, proof(_wish(token, place)), proof(_wish(token, place)))


def _private() -> dict[str, Any]:
    key: Any = MINE.key
    secret = key.private_numbers().private_value
    return {**MINE.public().bare(), "d": b64(secret.to_bytes(32, "big"))}


def _capitals(address: str) -> str:
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme.upper()}://{host.upper()}/{path}"


def _with_port(address: str) -> str:
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    port = {"https": 443, "http": 80}[scheme]
    return address if ":" in host else f"{scheme}://{host}:{port}/{path}"


def _again(token: str, place: Place) -> Headers:
    """A proof whose jti has been used; by this block itself, whichever ran before it."""
    jti = b64(os.urandom(12))
    assert place.call(claims(jti=jti)(token, place), "").status_code == 200
    return claims(jti=jti)(token, place)


_NOW: Final = int(time.time())
_HOUR: Final = 3600
_CUT: Final[Callable[[str], str]] = lambda text: f"{text[:-6]}AAAAAA"  # noqa: E731

BLOCKS: Final = (
    Block("the header's name in capitals", True, _upper_name),
    Block("two DPoP headers", False, _two),
    Block("not a JWT", False, lambda token, place: shown(token, "not.a-jwt")),
    Block("no typ", False, bent(header={"typ": None})),
    Block("no alg", False, bent(header={"alg": None})),
    Block("no jwk", False, bent(header={"jwk": None})),
    Block("no jti", False, claims(jti=None)),
    Block("no htm", False, claims(htm=None)),
    Block("no htu", False, claims(htu=None)),
    Block("no iat", False, claims(iat=None)),
    Block("no ath", False, claims(ath=None)),
    Block("another typ", False, bent(header={"typ": "JWT"})),
    Block("RS256", False, bent(by=key("RS256"))),
    Block("alg none", False, bent(header={"alg": "none"})),
    Block("a bad signature", False, bent(bent=_CUT)),
    Block("a private key in jwk", False, bent(header={"jwk": _private()})),
    Block("another htm", False, claims(htm="PUT")),
    Block("htu with a query and a fragment", True, at(lambda one: f"{one}?a=b#c")),
    Block("a query that htu does not have", True, at(str), "?unknown=1"),
    Block("another htu", False, at(lambda one: "https://other.example/")),
    Block("iat an hour ahead", False, claims(iat=_NOW + _HOUR)),
    Block("iat an hour ago", False, claims(iat=_NOW - _HOUR)),
    Block("a jti, the first time", True, claims(jti=b64(os.urandom(12)))),
    Block("a jti, the second time", False, _again),
    Block("another ath", False, claims(ath=b64(os.urandom(32)))),
    Block("another key", False, bent(by=OTHER)),
    Block("claims and headers of its own", True, bent(header={"x": 1}, claims={"y": [2]})),
    Block("htu with the host in capitals", True, at(_capitals)),
    Block("htu with the default port", True, at(_with_port)),
    Block("no proof", False, lambda token, place: shown(token)),
    Block("no proof, and shown as a bearer token", False,
          lambda token, place: shown(token, scheme="Bearer")),
    Block("an honest proof at the end", True, bent()),
)  # fmt: skip
