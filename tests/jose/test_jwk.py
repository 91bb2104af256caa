"""JSON Web Keys: what is published, and what is taken from a published set."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from joserfc.jwk import ECKey, OctKey
from tests.keys import key
from tests.rows import row

from valetkey.jose import base64url, jwk, jws
from valetkey.jose.jwk import SERVER_ALGORITHMS, Algorithm

ES = key("ES256").public()
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.mark.parametrize("algorithm", SERVER_ALGORITHMS)
def test_only_the_public_half_is_published(algorithm: Algorithm) -> None:
    published = key(algorithm).public().jwk()
    assert not PRIVATE & published.keys()
    assert published["use"] == "sig"
    assert published["alg"] == algorithm
    assert published["kid"] == key(algorithm).kid


@pytest.mark.parametrize("algorithm", SERVER_ALGORITHMS)
def test_a_published_key_checks_what_its_private_half_signed(algorithm: Algorithm) -> None:
    document = json.loads(json.dumps({"keys": [key(algorithm).public().jwk()]}))
    (read,) = jwk.parse_set(document, algorithms=SERVER_ALGORITHMS)
    token = jws.sign(b"{}", key=key(algorithm), typ="at+jwt")
    assert jws.verify(token, (read,), algorithms=SERVER_ALGORITHMS, typ=("at+jwt",)) == b"{}"


@pytest.mark.parametrize("algorithm", SERVER_ALGORITHMS)
def test_a_key_comes_back_from_its_bytes(algorithm: Algorithm) -> None:
    again = jwk.from_der(algorithm, key(algorithm).to_der())
    assert again.kid == key(algorithm).kid
    assert again.public().jwk() == key(algorithm).public().jwk()


def test_another_kind_of_key_is_refused() -> None:
    der = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(ValueError, match="not a key for ES256"):
        jwk.from_der("ES256", der)


def weak() -> dict[str, Any]:
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    n = numbers.public_numbers().n.to_bytes(128, "big")
    return {"kty": "RSA", "kid": "weak", "n": base64url.encode(n), "e": "AQAB"}


GOOD = ES.jwk()
P384 = dict(ECKey.generate_key("P-384").as_dict(private=False)) | {"kid": "p384"}
OCT = dict(OctKey.generate_key(256).as_dict(private=True)) | {"kid": "oct"}

PASSED_OVER = [
    row("RFC 7517 4.2", "meant for encryption", GOOD | {"use": "enc"}),
    row("RFC 7517 4.4", "meant for another algorithm", GOOD | {"alg": "ES384"}),
    row("RFC 7517 4.5", "whose name is a number", GOOD | {"kid": 7}),
    row("RFC 7517 4.1", "of an unknown kind", GOOD | {"kty": "XYZ"}),
    row("RFC 7517 4.1", "of no kind", {"kid": "x"}),
    row("RFC 7518 6.2.1.1", "on another curve", P384),
    row("RFC 7518 6.2.1.2", "off the curve", GOOD | {"y": GOOD["x"]}),
    row("RFC 7518 6.2.1.2", "whose x is no text", GOOD | {"x": 7}),
    row("RFC 7518 6.2.1.2", "without y", {k: v for k, v in GOOD.items() if k != "y"}),
    row("RFC 7518 6.4", "a shared secret", OCT),
    row("RFC 7518 3.3", "an RSA key of 1024 bits", weak()),
    row("RFC 7517 5", "no object", "key"),
    row("RFC 7517 5", "null", None),
]


@pytest.mark.filterwarnings("ignore:Key size should be:UserWarning")
@pytest.mark.parametrize("member", PASSED_OVER)
def test_what_cannot_be_used_is_passed_over(member: Any) -> None:
    assert [one.kid for one in jwk.parse_set({"keys": [member, GOOD]})] == [ES.kid]


@pytest.mark.parametrize(
    "document",
    [
        row("RFC 7517 5", "no keys", {}),
        row("RFC 7517 5", "keys is null", {"keys": None}),
        row("RFC 7517 5", "keys is text", {"keys": "abc"}),
        row("RFC 7517 5", "keys is an object", {"keys": GOOD}),
    ],
)
def test_a_set_without_keys_is_empty(document: dict[str, Any]) -> None:
    assert jwk.parse_set(document) == ()


def test_a_private_key_by_mistake_in_a_set_is_read_as_its_public_half() -> None:
    both = dict(ECKey.generate_key("P-256").as_dict(private=True)) | {"kid": "both"}
    (read,) = jwk.parse_set({"keys": [both]})
    assert not PRIVATE & read.jwk().keys()


def test_a_key_without_a_name_has_the_empty_one() -> None:
    # RFC 7517 4.5: optional.
    bare = {name: value for name, value in GOOD.items() if name != "kid"}
    assert [one.kid for one in jwk.parse_set({"keys": [bare, GOOD]})] == ["", ES.kid]


def test_some_algorithms_count_only_where_a_key_names_them() -> None:
    names = key("PS256").public().jwk()
    bare = {name: value for name, value in names.items() if name != "alg"}
    always: tuple[Algorithm, ...] = ("RS256",)
    named_only: tuple[Algorithm, ...] = ("PS256",)
    result = [
        jwk.parse_set({"keys": [one]}, algorithms=always, if_named=named_only)
        for one in (names, bare)
    ]
    assert [[one.algorithm for one in each] for each in result] == [["PS256"], ["RS256"]]


def test_a_key_that_names_no_algorithm_stands_for_each_that_it_could_be_of() -> None:
    bare = key("RS256").public().jwk()
    del bare["alg"]
    result = jwk.parse_set({"keys": [bare]}, algorithms=SERVER_ALGORITHMS)
    assert {one.algorithm for one in result} == {"RS256", "PS256"}


@pytest.mark.parametrize("algorithm", SERVER_ALGORITHMS)
def test_a_key_in_a_header_is_a_public_one_of_its_algorithm(algorithm: Algorithm) -> None:
    public = key(algorithm).public()
    assert jwk.read_public(public.bare(), algorithm).thumbprint() == public.thumbprint()
    others = [one for one in SERVER_ALGORITHMS if jwk._FORMS[one] != jwk._FORMS[algorithm]]
    for other in others:
        with pytest.raises(ValueError, match="not a key"):
            jwk.read_public(public.bare(), other)
    with pytest.raises(ValueError, match="private"):
        jwk.read_public(public.bare() | {"d": "AA"}, algorithm)


def test_the_thumbprint_of_rfc_7638() -> None:
    members = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6"
        "tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YG"
        "jQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bF"
        "TWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
    }
    assert (
        jwk.read_public(members, "PS256").thumbprint()
        == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )
