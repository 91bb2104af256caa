"""One malformed JOSE corpus for every place that takes a JWT (ATTACKS A45, A59 to A61).

    @pytest.mark.parametrize("bad", BAD)
    def test_an_assertion_is_no(bad: Bad) -> None:
        refused(bad(Honest(key, claims, typ)))

Each row takes an honest token apart and puts it together as no honest signer would. Where a place
takes a key from the header itself (DPoP), the rows of `BY_NAME` say nothing.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from cryptography.hazmat.primitives import serialization
from tests.jose.forge import Shared, b64, hs256, signed, signed_parts, unsigned
from tests.keys import key
from tests.rows import row

from valetkey.jose.jwk import PrivateKey
from valetkey.jose.jws import MAX_LENGTH


class Honest(NamedTuple):
    """What an honest signer would sign. `more` stands in the header besides."""

    key: PrivateKey | Shared
    claims: Mapping[str, Any]
    typ: str
    more: Mapping[str, Any] = {}

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": self.key.algorithm, "kid": self.key.kid, "typ": self.typ, **self.more}

    @property
    def payload(self) -> bytes:
        return json.dumps(self.claims).encode()

    def token(self, payload: bytes | None = None, **changed: Any) -> str:
        """A genuine signature over this payload, under a header that is changed. None leaves a
        member out."""
        members = {**self.header, **changed}
        header = {name: value for name, value in members.items() if value is not _OUT}
        return signed(header, self.payload if payload is None else payload, self.key)


Bad: TypeAlias = Callable[[Honest], str]

_OUT: Final = object()


def _pair(honest: Honest) -> PrivateKey:
    """The key pair: of nobody in particular where the signer has a shared secret."""
    return key("ES256") if isinstance(honest.key, Shared) else honest.key


def _strangers(honest: Honest) -> PrivateKey:
    return key(_pair(honest).algorithm, "a stranger's")


def _public(honest: Honest, encoding: serialization.Encoding) -> bytes:
    return (
        _pair(honest)
        .key.public_key()
        .public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _jwk(honest: Honest) -> dict[str, Any]:
    return _pair(honest).public().bare()


def _hs(honest: Honest, secret: bytes) -> str:
    return hs256(honest.header | {"alg": "HS256"}, honest.payload, secret)


def _twice(honest: Honest, member: str) -> bytes:
    """The JSON of the header with this member standing twice, the honest one last."""
    return b'{"%s":"x",' % member.encode() + json.dumps(honest.header).encode()[1:]


def _claim_twice(honest: Honest) -> bytes:
    name = next(iter(honest.claims))
    return b'{"%s":"x",' % name.encode() + honest.payload[1:]


def _header(honest: Honest, raw: bytes) -> str:
    return signed(raw, honest.payload, honest.key)


def _slack(text: str) -> str:
    """The same bytes, spelt another way where base64 has bits to spare."""
    for at, letter in enumerate(_LETTERS):
        if text[-1] == letter and len(text) % 4:
            return text[:-1] + _LETTERS[at ^ 1]
    return text + "A"


_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _parts(honest: Honest, change: Callable[[str, str, str], str]) -> str:
    return change(*honest.token().split("."))


def _stranger(honest: Honest, **changed: Any) -> str:
    shared = isinstance(honest.key, Shared)
    by = Shared(b"a stranger's secret, long enough") if shared else _strangers(honest)
    other = Honest(by, honest.claims, honest.typ)
    return other.token(**({"kid": honest.key.kid} | changed))


_NOBODYS: Final[dict[str, Any]] = {"urn:x": 1}
_JWE: Final[dict[str, Any]] = {
    "alg": "PBES2-HS256+A128KW",
    "enc": "A128GCM",
    "p2s": "abcdefgh",
    "p2c": 2**31 - 1,
}

_BAD: Final[dict[str, Bad]] = {
    # A45, A59: the algorithm is ours to choose.
    "A45 alg none": lambda it: unsigned(it.header | {"alg": "none"}, it.payload),
    "A45 alg nOnE": lambda it: unsigned(it.header | {"alg": "nOnE"}, it.payload),
    "A45 alg none, signed": lambda it: it.token(alg="none"),
    "A45 no alg": lambda it: it.token(alg=_OUT),
    "A45 alg in lower case": lambda it: it.token(alg=it.key.algorithm.lower()),
    "A45 alg a list": lambda it: it.token(alg=[it.key.algorithm]),
    "A45 alg null": lambda it: it.token(alg=None),
    "A45 alg of no registry": lambda it: it.token(alg="ES257"),
    "A45 HS256 with the public key in PEM": lambda it: _hs(
        it, _public(it, serialization.Encoding.PEM)
    ),
    "A45 HS256 with the public key in DER": lambda it: _hs(
        it, _public(it, serialization.Encoding.DER)
    ),
    "A45 HS256 with the public key as JWK": lambda it: _hs(it, json.dumps(_jwk(it)).encode()),
    "A45 HS256 with nothing": lambda it: _hs(it, b""),
    "A45 HS256 under another name": lambda it: hs256(
        it.header, it.payload, _public(it, serialization.Encoding.PEM)
    ),
    # A59: the header brings no key.
    "A59 a stranger's key in jwk": lambda it: _stranger(it, jwk=_strangers(it).public().bare()),
    "A59 jku": lambda it: it.token(jku="https://evil.test/keys"),
    "A59 x5u": lambda it: it.token(x5u="https://evil.test/chain"),
    "A59 x5c": lambda it: it.token(x5c=["MIIB"]),
    "A59 x5t": lambda it: it.token(x5t="abc"),
    # A60: what must be understood, and what stands twice.
    "A60 crit of what we know": lambda it: it.token(crit=["exp"], exp=1),
    "A60 crit of nobody's": lambda it: it.token(None, crit=["urn:x"], **_NOBODYS),
    "A60 crit empty": lambda it: it.token(crit=[]),
    "A60 crit b64": lambda it: it.token(crit=["b64"], b64=False),
    "A60 b64 false": lambda it: it.token(b64=False),
    "A60 alg twice": lambda it: _header(it, _twice(it, "alg")),
    "A60 typ twice": lambda it: _header(it, _twice(it, "typ")),
    "A60 a claim twice": lambda it: it.token(_claim_twice(it)),
    # A61: bombs.
    "A61 zip": lambda it: it.token(zlib.compress(it.payload)[2:-4], zip="DEF"),
    "A61 a zip bomb": lambda it: it.token(zlib.compress(b" " * 10_000_000), zip="DEF"),
    "A61 PBES2": lambda it: ".".join((b64(json.dumps(_JWE).encode()), "", "AAAA", "AAAA", "AAAA")),
    "A61 PBES2 in three parts": lambda it: it.token(None, **_JWE),
    "A61 oversize": lambda it: it.token(it.payload[:-1] + b" " * MAX_LENGTH + b"}"),
    "A61 nested without end": lambda it: it.token(b'{"a":' * 4000 + b"1" + b"}" * 4000),
    # RFC 7515 5.2: one form, one spelling.
    "7515 5.2 nothing": lambda it: "",
    "7515 5.2 dots alone": lambda it: "..",
    "7515 5.2 two parts": lambda it: _parts(it, lambda head, body, end: f"{head}.{body}"),
    "7515 5.2 four parts": lambda it: it.token() + ".AAAA",
    "7515 5.2 no signature": lambda it: _parts(it, lambda head, body, end: f"{head}.{body}."),
    "7515 5.2 a signature cut": lambda it: it.token()[:-4],
    "7515 5.2 a longer signature": lambda it: it.token() + "AAAA",
    "7515 5.2 a zero signature": lambda it: _parts(
        it, lambda head, body, end: f"{head}.{body}.{'A' * len(end)}"
    ),
    "7515 5.2 another payload": lambda it: _parts(
        it, lambda head, body, end: f"{head}.{b64(b' ' + it.payload)}.{end}"
    ),
    "7515 5.2 another header": lambda it: _parts(
        it,
        lambda head, body, end: f"{b64(json.dumps({**it.header, 'a': 1}).encode())}.{body}.{end}",
    ),
    "7515 5.2 padding": lambda it: _parts(it, lambda head, body, end: f"{head}.{body}.{end}=="),
    "7515 5.2 another spelling of the signature": lambda it: _parts(
        it, lambda head, body, end: f"{head}.{body}.{_slack(end)}"
    ),
    "7515 5.2 a space before": lambda it: " " + it.token(),
    "7515 5.2 a line end after": lambda it: it.token() + "\n",
    "7515 5.2 JSON serialization": lambda it: _parts(
        it,
        lambda head, body, end: json.dumps({"protected": head, "payload": body, "signature": end}),
    ),
    "7515 5.2 the header is a list": lambda it: _header(it, b"[]"),
    "7515 5.2 the header is no JSON": lambda it: _header(it, b"{alg}"),
    "7515 5.2 the header in UTF-16": lambda it: _header(it, json.dumps(it.header).encode("utf-16")),
    "7515 5.2 another alphabet": lambda it: signed_parts(
        b64(json.dumps(it.header).encode()), b64(it.payload) + "+/", it.key
    ),
    # RFC 7519 7.2: the claims are one JSON object.
    "7519 7.2 claims in a list": lambda it: it.token(b"[" + it.payload + b"]"),
    "7519 7.2 no claims": lambda it: it.token(b"{}"),
    "7519 7.2 no JSON": lambda it: it.token(b"somebody"),
    "7519 7.2 NaN": lambda it: it.token(it.payload[:-1] + b',"a":NaN}'),
    "7519 7.2 no UTF-8": lambda it: it.token(it.payload[:-1] + b',"a":"\xff"}'),
    "7519 7.2 with a byte order mark": lambda it: it.token(b"\xef\xbb\xbf" + it.payload),
    "7519 7.2 a token in a token": lambda it: it.token(it.token().encode(), cty="JWT"),
    # RFC 8725 3.11: the type.
    "8725 3.11 typ of nobody": lambda it: it.token(typ="somebody+jwt"),
    "8725 3.11 typ a list": lambda it: it.token(typ=[it.typ]),
    "8725 3.11 typ with a space": lambda it: it.token(typ=f" {it.typ}"),
}

_BY_NAME: Final[dict[str, Bad]] = {
    "7515 5.2 a stranger's key": _stranger,
    "7515 5.2 a stranger's key, no kid": lambda it: _stranger(it, kid=_OUT),
    "A59 the signer's own key in jwk": lambda it: it.token(jwk=_jwk(it)),
    "A59 a kid of nobody": lambda it: it.token(kid="nobody's"),
    "A59 a kid that is a path": lambda it: it.token(kid="../../dev/null"),
    "A59 a kid that is SQL": lambda it: it.token(kid="' OR 1=1 --"),
    "A59 a kid that is a number": lambda it: it.token(kid=7),
    "A59 a kid that is a list": lambda it: it.token(kid=[it.key.kid]),
    "A59 a kid that is an address": lambda it: it.token(kid="https://evil.test/key"),
}

BAD: Final = [row(*name.split(" ", 1), bad) for name, bad in _BAD.items()]
"""For every place that takes a JWT."""

BY_NAME: Final = [row(*name.split(" ", 1), bad) for name, bad in _BY_NAME.items()]
"""For places where a key is found by its name."""


def prefixes_and_suffixes(text: str) -> Iterator[str]:
    """Every proper prefix and every proper suffix."""
    for at in range(len(text)):
        yield text[:at]
        if at:
            yield text[at:]
