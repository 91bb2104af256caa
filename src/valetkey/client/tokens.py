"""What the app holds for its user."""

from typing import Any, Final, TypeAlias

import msgspec

from valetkey import renamed
from valetkey.client.errors import ServerUnavailable
from valetkey.client.proof_key import Prover
from valetkey.wire import dpop
from valetkey.wire.authorization_details import Detail
from valetkey.wire.key_shards import KeyShard

EARLY: Final = 10
"""Seconds before its end from which an access token is not used any more."""


@renamed.members
class Tokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key. `expires` is when the access token ends, in seconds since 1970, 0 where it is not
    said. `scope` is what the server granted, `asked` what the app had asked for. `key` is the
    private key to which they are bound, "" for none. `details` is what was granted of what the app
    asked for by details, with the limits that the user set.

    Of a key in shards the `refresh_token` is this device's shard; `threshold` says how many of the
    `shards` open it, 0 where it is none. `ticket` is what is being claimed just now.

    `grant_expires_at` is when the user's yes ends by itself, in seconds since 1970, as of the last
    renewal, and 0 where it has no end: ask the user in time."""

    access_token: str
    refresh_token: str = ""
    expires: int = 0
    scope: tuple[str, ...] = ()
    requested: tuple[str, ...] = msgspec.field(default=(), name="asked")
    sub: str = ""
    key: str = ""
    details: tuple[Detail, ...] = ()
    threshold: int = 0
    shards: tuple[KeyShard, ...] = ()
    ticket: str = ""
    grant_expires_at: int = 0

    def __repr__(self) -> str:
        return f"Tokens(scope={' '.join(self.scope)!r}, …)"

    @property
    def prover(self) -> Prover | None:
        """Who makes the proofs that go with the access token, None where it is bound to nothing."""
        return Prover.of(self.key) if self.key else None

    def is_over(self, now: float) -> bool:
        """Whether the access token has ended, or will within EARLY."""
        return bool(self.expires) and now >= self.expires - EARLY

    @property
    def granted(self) -> frozenset[str]:
        """What the key opens."""
        return frozenset(self.scope)

    @property
    def missing(self) -> frozenset[str]:
        """What the app asked for and the user left out. A scope that stands for several
        permissions is missing unless all of them were granted."""
        return frozenset(self.requested) - self.granted


class _Connected(msgspec.Struct, frozen=True):
    """The user said yes: the key, what it opens, and whose it is."""

    tokens: Tokens

    @property
    def granted(self) -> frozenset[str]:
        """What the key opens."""
        return self.tokens.granted

    @property
    def missing(self) -> frozenset[str]:
        """What the app asked for and the user left out."""
        return self.tokens.missing

    @property
    def sub(self) -> str:
        """The user, where the app asked who they are; else ""."""
        return self.tokens.sub


class Full(_Connected, frozen=True):
    """The user said yes to all that the app asked for."""


class Partial(_Connected, frozen=True):
    """The user said yes, and left something out: `missing`. The app goes on without it."""


Connected: TypeAlias = Full | Partial


def connected(tokens: Tokens) -> Connected:
    """What a sign-in came to."""
    return Partial(tokens) if tokens.missing else Full(tokens)


class _Response(msgspec.Struct, kw_only=True):
    access_token: str
    token_type: str
    refresh_token: str = ""
    expires_in: int = 0
    scope: str = ""
    id_token: str = ""
    authorization_details: tuple[Detail, ...] = ()
    grant_expires_at: int = 0


class TokenResponse(msgspec.Struct, frozen=True):
    """A token response: the key, and the ID Token, "" where none came."""

    tokens: Tokens
    id_token: str

    def __repr__(self) -> str:
        return "TokenResponse(…)"


def read(
    answer: Any,
    *,
    requested: tuple[str, ...],
    before: Tokens | None,
    now: int,
    prover: Prover | None = None,
) -> TokenResponse:
    """A token response (RFC 6749 5.1) to whoever proved to hold a key. What it leaves out is as it
    was `before`: a scope that is not said is the one asked (3.3). Raises ServerUnavailable where it
    cannot be read, and where the token is bound in another way than was asked (RFC 9449 5)."""
    try:
        response = msgspec.convert(answer, _Response)
    except msgspec.ValidationError as error:
        raise ServerUnavailable("the token response cannot be read") from error
    scheme = "Bearer" if prover is None else dpop.SCHEME
    if response.token_type.lower() != scheme.lower():
        raise ServerUnavailable("the token is of a type that this app does not know")
    unsaid = before.scope if before is not None else requested
    tokens = Tokens(
        access_token=response.access_token,
        refresh_token=response.refresh_token or (before.refresh_token if before else ""),
        expires=now + response.expires_in if response.expires_in else 0,
        scope=tuple(response.scope.split()) or unsaid,
        requested=requested,
        sub=before.sub if before else "",
        key="" if prover is None else prover.text,
        threshold=before.threshold if before else 0,
        shards=before.shards if before else (),
        details=response.authorization_details,
        grant_expires_at=response.grant_expires_at,
    )
    return TokenResponse(tokens, response.id_token)


def with_user(tokens: Tokens, sub: str) -> Tokens:
    """The key, with the name of its user."""
    return msgspec.structs.replace(tokens, sub=sub)
