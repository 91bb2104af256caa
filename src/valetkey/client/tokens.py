"""The tokens that an app stores for its user."""

from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey import renamed
from valetkey.client.errors import ServerUnavailable
from valetkey.client.proof_key import Prover
from valetkey.jose.jwk import PrivateKey
from valetkey.wire import dpop
from valetkey.wire.authorization_details import Detail
from valetkey.wire.key_shards import KeyShard, Tier

EARLY: Final = 10
"""Seconds before its end when an access token is renewed."""


@renamed.members
class Tokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tokens of one user. `expires` is when the access token ends, in seconds since 1970; 0 if
    unknown. `scope` is the granted scope, and `requested` the requested one. `key` is the private
    key that they are bound to; "" for none. `details` are the granted authorization details, with
    the limits of the user.

    For a key in shards, `refresh_token` is this device's shard, and `threshold` how many of the
    `shards` are needed; 0 for an ordinary key. `ticket` is the ticket of a pending claim.

    `grant_expires_at` is when the grant ends, in seconds since 1970, as of the last renewal; 0 for
    never. Ask the user before then."""

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
        """The prover for the access token; None for a bearer token."""
        return Prover.of(self.key) if self.key else None

    def is_over(self, now: float) -> bool:
        """Whether the access token has ended, or will within EARLY."""
        return bool(self.expires) and now >= self.expires - EARLY

    @property
    def granted(self) -> frozenset[str]:
        """The granted permissions."""
        return frozenset(self.scope)

    @property
    def missing(self) -> frozenset[str]:
        """The requested permissions that the user did not grant. A scope with several permissions
        is missing unless all of them are granted."""
        return frozenset(self.requested) - self.granted


class _Connected(msgspec.Struct, frozen=True):
    """The user allowed access."""

    tokens: Tokens

    @property
    def granted(self) -> frozenset[str]:
        """The granted permissions."""
        return self.tokens.granted

    @property
    def missing(self) -> frozenset[str]:
        """The requested permissions that the user did not grant."""
        return self.tokens.missing

    @property
    def sub(self) -> str:
        """The user, if the app requested `openid`; otherwise ""."""
        return self.tokens.sub


class Full(_Connected, frozen=True):
    """The user granted all that the app requested."""


class Partial(_Connected, frozen=True):
    """The user granted a part: `missing` lists the rest. The app works without it."""


Connected: TypeAlias = Full | Partial


def connected(tokens: Tokens) -> Connected:
    """The result of a sign-in."""
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
    """A token response: the tokens, and the ID Token, "" for none."""

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
    """Reads a token response (RFC 6749 5.1) to a request with the proof of `prover`. A missing
    value is as `before`; a missing scope is the `requested` one (3.3). Raises ServerUnavailable if
    it cannot be read, or if the token is bound in another way than requested (RFC 9449 5)."""
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
    """The tokens with the id of their user."""
    return msgspec.structs.replace(tokens, sub=sub)


# The configuration of an app.

AuthMethod: TypeAlias = Literal["client_secret_basic", "client_secret_post"]

CALLBACK: Final = "/callback"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app, as it is registered at a server.

    `scope` is what it requests when it connects. `resource` names the API, for servers that need it
    (RFC 8707).

    A native app has no `secret`. A confidential app has a secret, or better a `private_key` whose
    public part the server knows: it then authenticates by signatures (`private_key_jwt`), and no
    secret ever leaves it.

    `callback` is the path of its loopback redirect URI, `http://127.0.0.1{callback}`.
    `redirect_uri` is another one: an https address of its own, or a private scheme such as
    `com.example.app:/callback` (RFC 8252 7.1, 7.2); see `Key.begin`.

    `dpop`: the tokens are bound to a key on this device, so that a stolen token is useless. The API
    has to support DPoP too.

    `pkce`: with "required", the default, the app connects only if the server's metadata has PKCE.
    "optional" is for other servers that do not offer it. The app sends PKCE all the same. In its
    place the app authenticates and requests `openid`, whose nonce binds the code to the sign-in
    (RFC 9700 2.1.1).

    `key_shards`: the refresh token is split into shards; see `holders`.
    """

    issuer: str
    client_id: str
    scope: tuple[str, ...]
    resource: str = ""
    secret: str = ""
    auth_method: AuthMethod = "client_secret_basic"
    private_key: PrivateKey | None = None
    callback: str = CALLBACK
    redirect_uri: str = ""
    dpop: bool = False
    pkce: Literal["required", "optional"] = "required"
    key_shards: Tier | None = None

    def __post_init__(self) -> None:
        """Raises ValueError if the settings would leave an authorization code unprotected."""
        if self.pkce == "optional" and self.is_public:
            raise ValueError("pkce is optional only for an app with a secret or a private key")

    @property
    def is_public(self) -> bool:
        """Whether the app has no way to authenticate."""
        return not self.secret and self.private_key is None

    def __repr__(self) -> str:
        return f"App({self.client_id!r} at {self.issuer!r})"
