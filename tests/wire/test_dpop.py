"""DPoP proofs (RFC 9449 4.2, 4.3): both halves, and everything that is none."""

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from tests.jose.forge import b64
from tests.keys import key
from tests.proofs import MINE, OTHER, Wish, proof
from tests.rows import row

from valetkey.jose.jwk import Algorithm
from valetkey.wire import dpop
from valetkey.wire.dpop import BadProof, Proof

ADDRESS = "https://api.example/chirps"
NOW = 1_700_000_000
GET = Wish(method="GET", address=ADDRESS, token="the token", claims={"iat": NOW})


def check(text: str, *, address: str = ADDRESS, token: str = "the token", at: int = NOW) -> Proof:
    return dpop.check(text, method="GET", addresses=(address,), now=at, access_token=token)


@pytest.mark.parametrize("algorithm", dpop.ALGORITHMS)
def test_what_is_made_is_accepted(algorithm: Algorithm) -> None:
    mine = key(algorithm)
    text = dpop.make(
        mine, method="GET", address=f"{ADDRESS}?x=1#y", now=NOW, jti="1", access_token="the token"
    )
    found = check(text)
    assert found.jkt == mine.public().thumbprint()
    assert (found.jti, found.nonce, found.until) == ("1", "", NOW + 61)


def test_two_keys_may_use_the_same_jti() -> None:
    names = {check(proof(GET, by=by, claims={"iat": NOW, "jti": "1"})).name for by in (MINE, OTHER)}
    assert len(names) == 2


def claiming(**members: Any) -> str:
    return proof(GET, claims={"iat": NOW} | members)


PRIVATE = dict(MINE.public().bare()) | {
    "d": b64(MINE.key.private_numbers().private_value.to_bytes(32, "big"))  # type: ignore[union-attr]
}
PEM = MINE.key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)

BAD = [
    row("RFC 7519 4.1.4", "past its end", claiming(exp=NOW - 31)),
    row("RFC 7519 4.1.4", "just past its end", claiming(exp=NOW - 30)),
    row("RFC 7519 4.1.4", "an end that is none", claiming(exp="never")),
    row("RFC 7519 4.1.4", "an end of no time", claiming(exp=-1)),
    row("RFC 7519 4.1.5", "before its beginning", claiming(nbf=NOW + 31)),
    row("RFC 7519 4.1.5", "a beginning that is none", claiming(nbf=[])),
    row("RFC 7519 4.1.5", "begun, and over", claiming(nbf=NOW - 90, exp=NOW - 60)),
    row("4.3-2", "nothing", ""),
    row("4.3-2", "no JWT", "x"),
    row("4.3-2", "two parts", "a.b"),
    row("4.3-2", "one that is cut", proof(GET)[:-4]),
    row("4.3-2", "a header that is no JSON", f"{b64(b'{')}.{b64(b'{}')}.x"),
    row("4.3-2", "one that is too long", proof(GET, claims={"iat": NOW, "x": "x" * 5000})),
    row("4.3-3", "no jti", claiming(jti=None)),
    row("4.3-3", "an empty jti", claiming(jti="")),
    row("4.3-3", "a jti that is a number", claiming(jti=7)),
    row("4.3-3", "no htm", claiming(htm=None)),
    row("4.3-3", "an htm that is a list", claiming(htm=["GET"])),
    row("4.3-3", "no htu", claiming(htu=None)),
    row("4.3-3", "an htu that is a number", claiming(htu=7)),
    row("4.3-3", "an htu that is a list", claiming(htu=[ADDRESS])),
    row("4.3-3", "an htu that is null", proof(GET, claims={"iat": NOW, "htu": None})),
    row("4.3-3", "no iat", proof(GET, claims={"iat": None})),
    row("4.3-3", "an iat that is text", claiming(iat=str(NOW))),
    row("4.3-3", "an iat that is true", claiming(iat=True)),
    row("4.3-4", "no typ", proof(GET, header={"typ": None})),
    row("4.3-4", "typ JWT", proof(GET, header={"typ": "JWT"})),
    row("4.3-4", "the typ of an access token", proof(GET, header={"typ": "at+jwt"})),
    row("4.3-5", "no alg", proof(GET, header={"alg": None})),
    row("4.3-5", "alg none", proof(GET, header={"alg": "none"})),
    row("4.3-5", "RS256", proof(GET, by=key("RS256"))),
    row("4.3-5", "HS256", proof(GET, header={"alg": "HS256"})),
    row("4.3-5", "another alg than the key's", proof(GET, header={"alg": "PS256"})),
    row("4.3-6", "another key in the header", proof(GET, header={"jwk": OTHER.public().bare()})),
    row("4.3-6", "no key in the header", proof(GET, header={"jwk": None})),
    row("4.3-6", "the name of a key instead", proof(GET, header={"jwk": None, "kid": "1"})),
    row("4.3-6", "a key that is text", proof(GET, header={"jwk": PEM.decode()})),
    row("4.3-6", "the address of a key beside it", proof(GET, header={"jku": "https://x.example"})),
    row("4.3-6", "a shared secret", proof(GET, header={"jwk": {"kty": "oct", "k": "AAAA"}})),
    row("4.3-7", "a private key", proof(GET, header={"jwk": PRIVATE})),
    row("4.3-8", "another method", claiming(htm="POST")),
    row("4.3-8", "the method in lower case", claiming(htm="get")),
    row("4.3-9", "another host", claiming(htu="https://other.example/chirps")),
    row("4.3-9", "another path", claiming(htu=f"{ADDRESS}/1")),
    row("4.3-9", "the path in capitals", claiming(htu="https://api.example/CHIRPS")),
    row("4.3-9", "another port", claiming(htu="https://api.example:8443/chirps")),
    row("4.3-9", "no TLS", claiming(htu="http://api.example/chirps")),
    row("4.3-9", "only the path", claiming(htu="/chirps")),
    row("4.3-9", "a user name", claiming(htu="https://x@api.example/chirps")),
    row("4.3-9", "an address that cannot be read", claiming(htu="https://[api/chirps")),
    row("4.3-11", "too old", proof(GET, claims={"iat": NOW - 61})),
    row("4.3-11", "from the future", proof(GET, claims={"iat": NOW + 61})),
    row("4.3-12", "no ath", claiming(ath=None)),
    row("4.3-12", "another token's ath", claiming(ath=dpop.token_hash("another"))),
    row("4.3-12", "the token itself for ath", claiming(ath="the token")),
    row("4", "crit", proof(GET, header={"crit": ["x"], "x": 1})),
]


@pytest.mark.parametrize("text", BAD)
def test_what_proves_nothing(text: str) -> None:
    with pytest.raises(BadProof):
        check(text)


def test_a_member_that_stands_twice() -> None:
    header, _, _ = proof(GET).split(".")
    twice = b'{"jti":"1","htm":"GET","htm":"GET","htu":"%s","iat":1}' % ADDRESS.encode()
    with pytest.raises(BadProof):
        check(f"{header}.{b64(twice)}.AAAA")


GOOD = [
    row("4.3-9", "a query and a fragment", claiming(htu=f"{ADDRESS}?a=b#c")),
    row("RFC 3986 6.2.2.1", "the host in capitals", claiming(htu="HTTPS://API.EXAMPLE/chirps")),
    row("RFC 3986 6.2.3", "the default port", claiming(htu="https://api.example:443/chirps")),
    row("RFC 3986 6.2.2.2", "an escape that is none", claiming(htu="https://api.example/%63hirps")),
    row("4.3-11", "ten seconds old", proof(GET, claims={"iat": NOW - 10})),
    row("4.3-11", "ten seconds ahead", proof(GET, claims={"iat": NOW + 10})),
    row("RFC 7519 2", "half a second", proof(GET, claims={"iat": NOW + 0.5})),
    row("4.2", "claims of its own", claiming(exp=NOW + 300, nbf=NOW, x={"y": 1})),
    row("RFC 7519 4.1.4", "an end within clocks' difference", claiming(exp=NOW - 29)),
    row("RFC 7519 4.1.4", "an end far off", claiming(exp=NOW + 365 * 86400)),
    row("RFC 7519 4.1.5", "a beginning within it", claiming(nbf=NOW + 10)),
    row("RFC 7519 2", "an end with a fraction", claiming(exp=NOW + 0.5)),
    row("RFC 7515 4", "a header of its own", proof(GET, header={"x": 1})),
    row(
        "RFC 7515 4.1.9", "typ as a media type", proof(GET, header={"typ": "application/DPOP+jwt"})
    ),
]


@pytest.mark.parametrize("text", GOOD)
def test_what_is_let_pass(text: str) -> None:
    assert check(text).jkt == MINE.public().thumbprint()


def test_without_a_token_ath_does_not_count() -> None:
    assert check(claiming(ath="x"), token="").jkt


NORMAL = [
    row("6.2.3", "no path", "https://api.example", "https://api.example/"),
    row("6.2.2.1", "escapes in capitals", "https://a.example/%2f", "https://a.example/%2F"),
    row("6.2.3", "the port of http", "http://[::1]:80/x", "http://[::1]/x"),
    row("6.2.3", "another port", "http://[::1]:81/x", "http://[::1]:81/x"),
]


@pytest.mark.parametrize("address, normal", NORMAL)
def test_one_spelling(address: str, normal: str) -> None:
    assert dpop.normal(address) == normal


@pytest.mark.parametrize(
    "address",
    [f"https://{host}/{path}" for host in ("a.example", "1.2.3.4", "-", ".", "a..b")
     for path in ("", "x/1.json", "/x//", "../~_.-", ".")],
)  # fmt: skip
def test_a_plain_address_is_its_own_spelling(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dpop._PLAIN.fullmatch(address)
    monkeypatch.setattr(dpop, "_PLAIN", re.compile("(?!)"))
    assert dpop.normal(address) == address


def test_nothing_of_the_private_key_is_in_a_proof() -> None:
    text = dpop.make(MINE, method="GET", address=ADDRESS, now=NOW, jti="1")
    assert '"d"' not in json.dumps(text.split(".")[0])
    assert set(MINE.public().bare()) == {"kty", "crv", "x", "y"}
