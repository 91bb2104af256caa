"""Split access tokens (`wire.split_token`): this module writes and reads the app half.

The app half contains the sealed token, so it has no row. The API half is derived from it when the
API asks.
"""

from typing import Final

import msgspec

from valetkey.jose import jwt, seal
from valetkey.jose.jwk import PublicKey
from valetkey.server.model.keys import RawKey
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import split_token
from valetkey.wire.access_token import AccessToken

NAME: Final = "split access tokens"
"""The name of the feature in settings."""

PURPOSE: Final = b"app's half of an access token"
KID: Final = 4

SALT: Final = 16
"""Bytes of salt. Each app half has a key of its own, since one key has too few nonces for all
tokens."""

MEMO_SIZE: Final = 4096
"""How many app halves are remembered with their contents."""


def is_enabled(context: Context) -> bool:
    """Whether the feature is switched on."""
    return NAME in context.installation.enabled_features


def is_split(token: AccessToken, context: Context) -> bool:
    """Whether the token is for an API that gets API halves. One such API is enough: a whole token
    would be visible in that API's log."""
    offer = context.installation.offer
    split = offer.split_token_resources
    return bool(split) and not split.isdisjoint(offer.find_resources(token.aud))


def check_bound(token: AccessToken, decision: Issue, context: Context) -> AccessToken:
    """Raise InvalidRequest for a split token that is not bound to a key: anyone who reads the app
    half in a log could use it as the app does."""
    if token.cnf is None and is_split(token, context):
        raise InvalidRequest("a token for this API has to be bound: prove possession of a key")
    return token


def write(token: AccessToken, context: Context) -> str:
    """Write the app half, or "" for a token that is not split."""
    if not is_split(token, context):
        return ""
    key, salt = context.installation.keyring.sealing[0], context.env.random_bytes(SALT)
    sealed = seal.seal(
        seal.mac(key.raw, PURPOSE, salt),
        msgspec.msgpack.encode(token),
        nonce=context.env.random_bytes(seal.NONCE),
        purpose=PURPOSE,
    )
    signing = context.installation.keyring.signing["ES256"]
    return split_token.write(bytes.fromhex(key.kid) + salt + sealed, exp=token.exp, key=signing)


def read(text: str, context: Context) -> AccessToken:
    """The token that an app half belongs to, even if it has expired. Raises jwt.BadToken."""
    if not is_enabled(context):
        raise jwt.BadToken("split access tokens are not offered here")
    ring = context.installation.keyring
    open_half = context.installation.memo.of(_read, size=MEMO_SIZE)
    token = open_half(text, ring.published, tuple(ring.sealing))
    if token.iss != context.installation.issuer:
        raise jwt.BadToken(f"issued by {token.iss!r}")
    return token


def _read(text: str, keys: tuple[PublicKey, ...], sealing: tuple[RawKey, ...]) -> AccessToken:
    """Cached, since every API of the token asks for its half, and then for its state."""
    try:
        half = split_token.read(text)
        split_token.prove(half, keys)
        kid, salt = half.sealed[:KID].hex(), half.sealed[KID : KID + SALT]
        raw = next((key.raw for key in sealing if key.kid == kid), None)
        if raw is None:
            raise jwt.BadToken("its key is gone")
        own = seal.mac(raw, PURPOSE, salt)
        plain = seal.unseal(own, half.sealed[KID + SALT :], purpose=PURPOSE)
        return msgspec.msgpack.decode(plain, type=AccessToken)
    except (split_token.NotHalf, seal.BadSeal, msgspec.DecodeError) as error:
        raise jwt.BadToken(f"app's half: {error}") from error


STEP: Final = IssuingStep(complete=check_bound, write=write)
