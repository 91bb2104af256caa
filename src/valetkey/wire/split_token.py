"""Split access tokens: an app half and an API half. This is the whole wire profile.

The app half is opaque, `vk_at_…`. It contains the claims, encrypted for the server alone, and a
signature, so that an API detects a forged one without a request. The API half is a JWS: the claims
of an access token, and the hash of its app half. Only the API that the token is for gets it.
Neither half is an access token by itself. Both together are one, for a caller that proves the key
that it is bound to."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.jwk import PrivateKey, PublicKey
from valetkey.jose.seal import same
from valetkey.spec.names import Cite
from valetkey.wire import dpop, opaque
from valetkey.wire.access_token import AccessToken

CITE: Final = Cite("RFC 9449", "7")
PATH: Final = "/token_half"

OF_APP: Final = "at-app-half"
"""The `typ` of the app half's signature. The text has no header, so it is not sent."""

OF_API: Final = "at-api-half+jwt"
"""The `typ` of the API half: another one than of access tokens, so it never passes for one."""

MAX_LENGTH: Final = jws.MAX_LENGTH
"""Characters of an app half."""

_ALGORITHMS: Final[tuple[Literal["ES256"], ...]] = ("ES256",)
_SIGNATURE: Final = 64
_EXP: Final = 8


class NotHalf(ValueError):
    """The text is not a valid app half. The message is for the log only."""


class AppHalf(msgspec.Struct, frozen=True):
    """An app half before its signature is verified. `exp` is when it ends, `sealed` is for the
    server, and `signed` is the JWS to verify."""

    exp: int
    sealed: bytes
    signed: str

    def __repr__(self) -> str:
        return f"AppHalf(exp={self.exp})"


class ApiHalfAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The server's answer to an API that requests its half. A token that is over, or not for this
    API, is inactive, without any other field (as in RFC 7662 2.2)."""

    active: bool
    access_token_half: str = ""

    def __repr__(self) -> str:
        return f"ApiHalfAnswer({self.active})"


NOTHING: Final = ApiHalfAnswer(active=False)


def is_app_half(text: str) -> bool:
    """Whether the text has the prefix of an app half."""
    return text.startswith(opaque.PREFIXES["at"])


def write(sealed: bytes, *, exp: int, key: PrivateKey) -> str:
    """Signs an app half. `key` is for ES256."""
    content, kid = exp.to_bytes(_EXP, "big") + sealed, key.kid.encode()
    signature = jws.signature_of(jws.sign(content, key=key, typ=OF_APP))
    return opaque.write("at", bytes((len(kid),)) + kid + signature + content)


def read(text: str) -> AppHalf:
    """The parts of an app half, without verification. Raises NotHalf."""
    if len(text) > MAX_LENGTH:
        raise NotHalf("longer than any half")
    try:
        raw = opaque.read("at", text)
        kid, rest = raw[1 : 1 + raw[0]].decode(), raw[1 + raw[0] :]
    except (ValueError, IndexError) as error:
        raise NotHalf(f"not an app's half: {error}") from error
    signature, content = rest[:_SIGNATURE], rest[_SIGNATURE:]
    if len(content) <= _EXP:
        raise NotHalf("cut")
    signed = jws.assemble(content, signature, algorithm=_ALGORITHMS[0], kid=kid, typ=OF_APP)
    return AppHalf(int.from_bytes(content[:_EXP], "big"), content[_EXP:], signed)


def prove(app_half: AppHalf, keys: Sequence[PublicKey]) -> None:
    """Verifies the signature of an app half. Raises NotHalf."""
    try:
        jws.verify(app_half.signed, keys, algorithms=_ALGORITHMS, typ=(OF_APP,))
    except jws.BadSignature as error:
        raise NotHalf(str(error)) from error


def of_api(token: AccessToken, text: str, *, key: PrivateKey) -> str:
    """Signs the API half for the app half `text`, with its hash as in a DPoP proof (RFC 9449
    4.2)."""
    claims = msgspec.structs.replace(token, ath=dpop.token_hash(text))
    return jwt.sign(claims, key=key, typ=OF_API)


def join(text: str, api_half: AccessToken) -> AccessToken:
    """The access token of an app half and a verified API half. Raises NotHalf if they are of two
    tokens, or if the token is not sender-constrained: then an app half in a log could be used."""
    if not same(api_half.ath.encode(), dpop.token_hash(text).encode()):
        raise NotHalf("the halves of two tokens")
    if api_half.cnf is None:
        raise NotHalf("bound to nobody")
    return api_half
