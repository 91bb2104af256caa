"""Split access tokens: one half is the app's, the other one the API's. The wire profile, whole.

The app's half is opaque, `vk_at_…`. What the token says is sealed in it for the server alone, and
it is signed, so that an API knows a forged one without asking anybody. The API's half is a JWS: the
claims of an access token, and the hash of the very half that they belong to. It is told to the API
that it is for, and to nobody else. Neither half is an access token anywhere. Both together are one,
in the hands of whoever proves the key that it is bound to.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.jwk import PrivateKey, PublicKey
from valetkey.jose.seal import same
from valetkey.spec.cite import Cite
from valetkey.wire import dpop, opaque
from valetkey.wire.access_token import AccessToken

CITE: Final = Cite("RFC 9449", "7")
PATH: Final = "/token_half"

OF_APP: Final = "at-app-half"
"""What the app's half is signed as. No header carries it: the text has no room for one."""

OF_API: Final = "at-api-half+jwt"
"""`typ` of the API's half. It is not that of an access token, so it never passes for one."""

MAX_LENGTH: Final = jws.MAX_LENGTH
"""Characters of an app's half."""

_ALGORITHMS: Final[tuple[Literal["ES256"], ...]] = ("ES256",)
_SIGNATURE: Final = 64
_EXP: Final = 8


class NotHalf(ValueError):
    """The text is no app's half, or was cut, changed or forged. Says why, for the log only."""


class AppHalf(msgspec.Struct, frozen=True):
    """An app's half as it was read, not yet proved. `exp` is when it ends, `sealed` is for the
    server, `signed` what was signed, as a JWS."""

    exp: int
    sealed: bytes
    signed: str

    def __repr__(self) -> str:
        return f"AppHalf(exp={self.exp})"


class ApiHalfAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server answers to an API that asks for its half. One that is over, or that is not
    for this API, is inactive, and nothing more is said (as in RFC 7662 2.2)."""

    active: bool
    access_token_half: str = ""

    def __repr__(self) -> str:
        return f"ApiHalfAnswer({self.active})"


NOTHING: Final = ApiHalfAnswer(active=False)


def is_app_half(text: str) -> bool:
    """Whether the text says of itself that it is one."""
    return text.startswith(opaque.prefix("at"))


def write(sealed: bytes, *, exp: int, key: PrivateKey) -> str:
    """An app's half. `key` is for ES256."""
    content, kid = exp.to_bytes(_EXP, "big") + sealed, key.kid.encode()
    signature = jws.signature_of(jws.sign(content, key=key, typ=OF_APP))
    return opaque.write("at", bytes((len(kid),)) + kid + signature + content)


def read(text: str) -> AppHalf:
    """What an app's half consists of. Raises NotHalf."""
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
    """Raises NotHalf where none of the server's keys has signed it."""
    try:
        jws.verify(app_half.signed, keys, algorithms=_ALGORITHMS, typ=(OF_APP,))
    except jws.BadSignature as error:
        raise NotHalf(str(error)) from error


def of_api(token: AccessToken, text: str, *, key: PrivateKey) -> str:
    """The API's half of a token whose other half is this text, as a proof names that (RFC 9449
    4.2)."""
    claims = msgspec.structs.replace(token, ath=dpop.token_hash(text))
    return jwt.sign(claims, key=key, typ=OF_API)


def join(text: str, api_half: AccessToken) -> AccessToken:
    """The access token that the app's half and a proved API's half are. Raises NotHalf where they
    are those of two tokens, or are bound to nobody: a half in a log would open something then."""
    if not same(api_half.ath.encode(), dpop.token_hash(text).encode()):
        raise NotHalf("the halves of two tokens")
    if api_half.cnf is None:
        raise NotHalf("bound to nobody")
    return api_half
