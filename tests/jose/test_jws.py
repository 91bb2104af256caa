"""JSON Web Signatures: what is signed comes back, and nothing else does (ATTACKS A59 to A61)."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.jose.forge import b64, genuine, hs256, signed, signed_parts, unsigned
from tests.keys import key
from tests.rows import row

from valetkey.jose import base64url, jws
from valetkey.jose.jwk import ALGORITHMS, CLIENT_ALGORITHMS, Algorithm, PublicKey
from valetkey.jose.jws import BadSignature

PAYLOAD = b'{"sub":"somebody"}'
ES = key("ES256")
RS = key("RS256")
HEAD = {"alg": "ES256", "kid": ES.kid, "typ": "at+jwt"}
START, BODY, END = genuine(PAYLOAD, ES)
PEM = ES.key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
DER = ES.key.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
JWK = {k: v for k, v in ES.public().jwk().items() if k in {"kty", "crv", "x", "y"}}


def verify(text: str, *keys: PublicKey) -> bytes:
    ring = keys or (ES.public(), RS.public())
    return jws.verify(text, ring, algorithms=ALGORITHMS, typ=("at+jwt",))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_signed_comes_back(algorithm: Algorithm) -> None:
    mine = key(algorithm)
    assert verify(jws.sign(PAYLOAD, key=mine, typ="at+jwt")) == PAYLOAD


def test_the_forger_can_write_what_we_accept() -> None:
    """Else the rows below would be refused for the forger's own faults."""
    assert verify(signed(HEAD, PAYLOAD, ES)) == PAYLOAD
    assert verify(signed(HEAD | {"alg": "RS256", "kid": RS.kid}, PAYLOAD, RS)) == PAYLOAD


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_typ_is_a_media_type(typ: str) -> None:
    assert verify(signed(HEAD | {"typ": typ}, PAYLOAD, ES)) == PAYLOAD


ALGORITHM = [
    row("RFC 8725 3.1", "alg none, no more", unsigned({"alg": "none"}, PAYLOAD)),
    row("RFC 8725 3.1", "alg none with our kid and typ", unsigned(HEAD | {"alg": "none"}, PAYLOAD)),
    row("RFC 8725 3.1", "alg nOnE", unsigned(HEAD | {"alg": "nOnE"}, PAYLOAD)),
    row(
        "RFC 8725 3.1", "alg none, signed all the same", signed(HEAD | {"alg": "none"}, PAYLOAD, ES)
    ),
    row("RFC 8725 3.1", "no alg", signed({"kid": ES.kid, "typ": "at+jwt"}, PAYLOAD, ES)),
    row("RFC 8725 3.1", "alg es256 in lower case", signed(HEAD | {"alg": "es256"}, PAYLOAD, ES)),
    row("RFC 8725 3.1", "alg is a list", signed(HEAD | {"alg": ["ES256"]}, PAYLOAD, ES)),
    row("RFC 8725 3.1", "alg is an object", signed(HEAD | {"alg": {"x": 1}}, PAYLOAD, ES)),
    row("RFC 8725 3.1", "alg is null", signed(HEAD | {"alg": None}, PAYLOAD, ES)),
    row("RFC 8725 3.1", "ES384 claimed for our key", signed(HEAD | {"alg": "ES384"}, PAYLOAD, ES)),
    row(
        "RFC 8725 2.1", "RS256 claimed for an EC key", signed(HEAD | {"alg": "RS256"}, PAYLOAD, ES)
    ),
    row(
        "RFC 8725 2.1", "ES256 claimed for an RSA key", signed(HEAD | {"kid": RS.kid}, PAYLOAD, RS)
    ),
    *(
        row("RFC 8725 2.1", f"HS256 with the public key as {name}", hs256(head, PAYLOAD, secret))
        for head in [HEAD | {"alg": "HS256"}]
        for name, secret in [
            ("PEM", PEM),
            ("PEM without the last newline", PEM.rstrip()),
            ("DER", DER),
            ("JWK", json.dumps(JWK).encode()),
            ("nothing", b""),
        ]
    ),
    row("RFC 8725 3.2", "HS256 under ES256's name", hs256(HEAD, PAYLOAD, PEM)),
]

KEY = [
    row("7515 4.1.4", "an unknown kid", signed(HEAD | {"kid": "0123456789abcdef"}, PAYLOAD, ES)),
    row("7515 4.1.4", "the kid of the other key", signed(HEAD | {"kid": RS.kid}, PAYLOAD, ES)),
    row(
        "7515 4.1.4", "a kid that is a path", signed(HEAD | {"kid": "../../dev/null"}, PAYLOAD, ES)
    ),
    row("7515 4.1.4", "a kid that is SQL", signed(HEAD | {"kid": "' OR 1=1 --"}, PAYLOAD, ES)),
    row("7515 4.1.4", "a kid that is a number", signed(HEAD | {"kid": 7}, PAYLOAD, ES)),
    row("7515 4.1.4", "a kid that is a list", signed(HEAD | {"kid": [ES.kid]}, PAYLOAD, ES)),
    row(
        "7515 5.2", "a stranger's key under our kid", signed(HEAD, PAYLOAD, key("ES256", "theirs"))
    ),
    row(
        "7515 5.2",
        "a stranger's key and no kid",
        signed({"alg": "ES256", "typ": "at+jwt"}, PAYLOAD, key("ES256", "theirs")),
    ),
]

HEADERS = [
    row(
        "RFC 8725 3.10",
        f"{name}={str(value)[:9]} in the header",
        signed(HEAD | {name: value}, PAYLOAD, ES),
    )
    for name, value in [
        ("jwk", JWK),
        ("jku", "https://evil.example/jwks"),
        ("x5u", "https://evil.example/chain"),
        ("x5c", ["MIIB"]),
        ("x5t", "abc"),
        ("x5t#S256", "abc"),
        ("crit", ["exp"]),
        ("crit", []),
        ("crit", ["b64"]),
        ("b64", False),
        ("b64", True),
        ("zip", "DEF"),
        ("enc", "A256GCM"),
        ("p2c", 2**31),
        ("p2s", "abc"),
        ("jwk", None),
    ]
]

TYP = [
    row("RFC 8725 3.11", "no typ", signed({"alg": "ES256", "kid": ES.kid}, PAYLOAD, ES)),
    row("RFC 8725 3.11", "typ JWT", signed(HEAD | {"typ": "JWT"}, PAYLOAD, ES)),
    row(
        "RFC 8725 3.11", "typ of a logout token", signed(HEAD | {"typ": "logout+jwt"}, PAYLOAD, ES)
    ),
    row("RFC 8725 3.11", "typ is empty", signed(HEAD | {"typ": ""}, PAYLOAD, ES)),
    row("RFC 8725 3.11", "typ is a list", signed(HEAD | {"typ": ["at+jwt"]}, PAYLOAD, ES)),
    row("RFC 8725 3.11", "typ with spaces", signed(HEAD | {"typ": " at+jwt"}, PAYLOAD, ES)),
]

_TWICE = b'{"alg":"ES256","kid":"%s","typ":"JWT","typ":"at+jwt"}' % ES.kid.encode()
_PLAIN = json.dumps(HEAD).encode()

FORM = [
    row("7515 7.1", "empty", ""),
    row("7515 7.1", "two dots", ".."),
    row("7515 7.1", "two parts", f"{START}.{BODY}"),
    row("7515 7.1", "four parts", f"{START}.{BODY}.{END}.{END}"),
    row("7516 7.1", "five parts", f"{START}.{BODY}.{END}.{BODY}.{END}"),
    row("7515 7.2", "the JSON form", '{"payload":"e30","signatures":[]}'),
    row("7515 4", "a header member stands twice", signed(_TWICE, PAYLOAD, ES)),
    row("7515 4", "the header is a list", signed(b'["ES256"]', PAYLOAD, ES)),
    row("7515 4", "the header is no JSON", signed(b"{'alg':'ES256'}", PAYLOAD, ES)),
    row("7515 4", "the header is empty", f".{BODY}.{END}"),
    row("7515 4", "NaN in the header", signed(_PLAIN[:-1] + b',"x":NaN}', PAYLOAD, ES)),
    row("7515 4", "Infinity in the header", signed(_PLAIN[:-1] + b',"x":-Infinity}', PAYLOAD, ES)),
    row("8259 8.1", "the header in UTF-16", signed(_PLAIN.decode().encode("utf-16"), PAYLOAD, ES)),
    row("8259 8.1", "the header in UTF-32", signed(_PLAIN.decode().encode("utf-32"), PAYLOAD, ES)),
    row("8259 8.1", "a byte order mark", signed(b"\xef\xbb\xbf" + _PLAIN, PAYLOAD, ES)),
    row("8259 8.1", "the header is no UTF-8", signed(_PLAIN[:-1] + b',"x":"\xff"}', PAYLOAD, ES)),
    row("8725 3.1", "deep nesting", signed(_PLAIN[:-1] + b',"x":' + b"[" * 5000, PAYLOAD, ES)),
    row(
        "8725 3.1",
        "deep nesting, closed",
        signed(_PLAIN[:-1] + b',"x":' + b"[" * 5000 + b"]" * 5000 + b"}", PAYLOAD, ES),
    ),
    row(
        "8725 3.1",
        "deeper than any document, closed",
        signed(_PLAIN[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}", PAYLOAD, ES),
    ),
    row("ATTACKS A61", "longer than 16 KiB", signed(HEAD, b"x" * 16_384, ES)),
    row("7515 2", "padding after the header", signed_parts(f"{START}=", BODY, ES)),
    row("7515 2", "padding after the payload", signed_parts(START, f"{BODY}=", ES)),
    row("7515 2", "padding after the signature", f"{START}.{BODY}.{END}=="),
    row("7515 2", "the other alphabet", f"{START}.{BODY}.{'+' + END[1:]}"),
    row("7515 2", "a newline after the signature", f"{START}.{BODY}.{END}\n"),
    row("7515 2", "a space before the header", f" {START}.{BODY}.{END}"),
    row("7515 5.2", "the signature is empty", f"{START}.{BODY}."),
    row("7515 5.2", "the signature is cut", f"{START}.{BODY}.{END[:-4]}"),
    row("7515 5.2", "the signature is all zero", f"{START}.{BODY}.{b64(bytes(64))}"),
    row("7515 5.2", "the signature is DER", f"{START}.{BODY}.{b64(b'0' + bytes(70))}"),
    row("7515 5.2", "another payload", f"{START}.{b64(b'{}')}.{END}"),
    row("7515 5.2", "another header", f"{b64(_PLAIN)}.{BODY}.{END}"),
    row("RFC 3629", "a letter outside ASCII", f"{START}.{BODY}é.{END}"),
    row("RFC 3629", "a lone surrogate", f"{START}.{BODY}\ud800.{END}"),
]


@pytest.mark.parametrize("text", [*ALGORITHM, *KEY, *HEADERS, *TYP, *FORM])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        verify(text)


def test_slack_bits_of_the_signature_are_no_second_spelling() -> None:
    """64 bytes leave four bits over in the last character: only zeros may stand there."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(END[-1])
    for slack in range(1, 16):
        with pytest.raises(BadSignature):
            verify(f"{START}.{BODY}.{END[:-1]}{alphabet[place + slack]}")


def test_every_flipped_bit_of_the_signature_is_refused() -> None:
    raw = base64url.decode(END)
    for bit in range(0, len(raw) * 8, 7):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadSignature):
            verify(f"{START}.{BODY}.{b64(bytes(changed))}")


def test_an_algorithm_that_is_not_asked_for_is_refused() -> None:
    token = jws.sign(PAYLOAD, key=RS, typ="at+jwt")
    only: tuple[Algorithm, ...] = ("ES256",)
    with pytest.raises(BadSignature, match="not accepted"):
        jws.verify(token, (RS.public(),), algorithms=only, typ=("at+jwt",))


def test_nothing_verifies_without_keys() -> None:
    with pytest.raises(BadSignature, match="no key"):
        jws.verify(f"{START}.{BODY}.{END}", (), algorithms=ALGORITHMS, typ=("at+jwt",))


def test_a_key_does_not_print() -> None:
    private = ES.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    assert repr(ES) == f"PrivateKey(kid={ES.kid!r})"
    assert private.splitlines()[1][:20] not in f"{ES!r} {ES} {ES.public()!r}"


@pytest.mark.parametrize("algorithm", CLIENT_ALGORITHMS)
def test_a_key_in_the_header_proves_only_itself(algorithm: Algorithm) -> None:
    mine, other = key(algorithm), key(algorithm, "other")
    text = jws.sign_embedded(b"{}", key=mine, typ="x+jwt")
    payload, found = jws.verify_embedded(text, algorithms=CLIENT_ALGORITHMS, typ=("x+jwt",))
    assert (payload, found.thumbprint()) == (b"{}", mine.public().thumbprint())
    swapped = {"alg": algorithm, "typ": "x+jwt", "jwk": other.public().bare()}
    with pytest.raises(BadSignature, match="does not fit"):
        jws.verify_embedded(
            signed(swapped, b"{}", mine), algorithms=CLIENT_ALGORITHMS, typ=("x+jwt",)
        )
    with pytest.raises(BadSignature, match="refused"):
        verify(text)


@pytest.mark.parametrize("r", ["00", "0001", "007f", "0080", "01", "7f", "80", "ff"])
@pytest.mark.parametrize("s", ["00", "0001", "007f", "0080", "01", "7f", "80", "ff"])
def test_r_and_s_become_der(r: str, s: str) -> None:
    pair = [bytes.fromhex(one).ljust(32, b"\x05" if one != "00" else b"\0") for one in (r, s)]
    numbers = [int.from_bytes(one, "big") for one in pair]
    assert jws._der(b"".join(pair)) == encode_dss_signature(*numbers)
