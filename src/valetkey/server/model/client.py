"""Clients: the apps."""

from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

import msgspec

from valetkey.jose.jwk import Algorithm, Ours
from valetkey.jose.seal import digest, same
from valetkey.server.model.limits import NOTHING_PROPOSED, Proposal
from valetkey.server.model.query import Party
from valetkey.server.model.record import Record
from valetkey.wire.key_shards import Tier

AuthMethod: TypeAlias = Literal[
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "attest_jwt_client_auth",
]
Status: TypeAlias = Literal["active", "suspended"]
Origin: TypeAlias = Literal["declared", "registered", "document"]
"""Who registered the client: the operator; the app, over HTTP; the app, in a metadata document."""
SubjectType: TypeAlias = Literal["public", "pairwise"]

BY_SECRET: Final[frozenset[AuthMethod]] = frozenset({"client_secret_basic", "client_secret_post"})
"""Methods by which a client sends a secret, which the server stores as a digest."""

BY_SHARED: Final[frozenset[AuthMethod]] = frozenset({"client_secret_jwt"})
"""Methods by which it proves that it knows a secret, which the server stores sealed."""

WITH_SECRET: Final = BY_SECRET | BY_SHARED
"""Methods with a client secret."""

BY_KEY: Final[frozenset[AuthMethod]] = frozenset({"private_key_jwt"})
"""Methods by which it proves one of its registered keys."""

WITH_KEYS: Final = BY_KEY | {"self_signed_tls_client_auth", "attest_jwt_client_auth"}
"""Methods that need registered keys."""


class StoredSecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """A secret of 256 random bits, stored as its SHA-256. `until`: seconds since 1970, 0 for no
    end. `sealed` is the sealed secret itself, only for `BY_SHARED`. `id` and `last_four`, the last
    characters, tell the secrets of a client apart; older ones have neither."""

    digest: str
    created: int
    until: int = 0
    sealed: bytes = b""
    id: str = ""
    last_four: str = ""

    @property
    def name(self) -> str:
        """What an administrator calls it by."""
        return self.id or f"{self.created:x}"

    def is_valid(self, now: int) -> bool:
        """Whether it has not expired."""
        return not self.until or now < self.until

    def matches(self, secret: str, now: int) -> bool:
        """Whether this is the secret, and it has not expired."""
        return same(self.digest, digest(secret)) and self.is_valid(now)


Extension: TypeAlias = Literal["authorization_expiration", "grant_management", "shared_signals"]
"""Extensions that a client can opt into; they have no effect for others."""


class Asserted(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Another authorization server to which a client may assert its users: its client id there, and
    the most scopes of that server."""

    client_id: str
    scope: tuple[str, ...] = ()


class Exchange(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What a client may exchange (RFC 8693): tokens of these `clients` (its own only if it is
    listed), for tokens for these `audiences`. `bound`: also tokens that are bound to another key,
    as the client is trusted to check their proof. `asserts`: other authorization servers to which
    it may assert its users, by issuer."""

    clients: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    bound: bool = False
    asserts: dict[str, Asserted] = {}


class Provisioning(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Whose users a client provisions (SCIM): those of `source` (see `model.user.Identity`), and no
    others. `subject` is the attribute that has a user's subject at the source, where they sign in;
    "id" is this server's id. `email_verified`: the source has verified the addresses that it
    sends."""

    source: str = "platform"
    subject: Literal["externalId", "userName", "id"] = "externalId"
    email_verified: bool = False


class Suspension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Since when an app is suspended, in seconds since 1970, and why. Its users read the reason."""

    since: int
    reason: str = ""


class Client(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An app, as its developer registered it. The names are those of RFC 7591 2, where it has one.

    `scope` lists the scopes that it may request. `required` are the permissions that it can't work
    without: the user can't leave them out. `reasons` are its own reasons for permissions. `limits`
    are those that it proposes; the user may tighten them. `uri` is its home page, whose host is the
    publisher. `dpop_bound_access_tokens`: all its tokens have to be bound (RFC 9449 5.2). `jwks` is
    the JWK Set of its public keys, `jwks_uri` the address where it publishes them: one of the two.
    `auth_algorithm` is the only algorithm of its authentication, `request_object_algorithm` that of
    its signed requests, "" for any that its policy allows. `request_uris` are the addresses of its
    signed requests. `exchange` says what it may exchange, None for nothing; `scim` whose users it
    provisions, None for nobody's. `understands` lists the extensions that it has opted into.
    `authorization_details_types` are the types that it may use, () for all that its scope reaches
    (RFC 9396 10). `key_shards` are the ways in which it may split its keys, `key_shard_backend`
    is the client that holds the backend shard, "" for itself. The `tls_client_auth_…` identify its
    certificate (RFC 8705 2.1.2): one of them.
    `tls_client_certificate_bound_access_tokens`: its tokens are bound to its certificate (3.4).

    The consent page links to `policy_uri` and `tos_uri`, and displays the picture at `logo_uri` if
    the client is `verified`.

    `subject_type` says whether users have the same `sub` for every app, or one for the sector of
    this one. `claims_in_id_token`: the claims of its scope are also in the ID Token.
    `default_max_age`, in seconds, is for requests without `max_age`. Front-channel and back-channel
    logout always send `iss` and `sid`.

    With `backchannel_token_delivery_mode` "ping" the server notifies it of answers, at its
    `backchannel_client_notification_endpoint` (CIBA Core 4).

    `origin` says who registered it. If that was the app itself, `registration_token` is the digest
    of its registration access token. A registration without any use by `unused_until` is deleted
    (0: it was used, or stays in any case).

    `status` says whether it works; `suspension` has the reason, and is None if none was given.
    `owner` is the user who answers for it, "" for the operator. `admin` are the scopes of the
    administration API that it may request: an owner of the installation listed them.
    """

    table: ClassVar[str] = "clients"

    id: str
    name: str
    auth_method: AuthMethod = "none"
    secrets: tuple[StoredSecret, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    scope: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    reasons: dict[str, str] = {}
    limits: Proposal = NOTHING_PROPOSED
    uri: str = ""
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    jwks: dict[str, Any] = {}
    jwks_uri: str = ""
    auth_algorithm: Algorithm | Literal["HS256", ""] = ""
    request_object_algorithm: Algorithm | Literal[""] = ""
    request_uris: tuple[str, ...] = ()
    software_id: str = ""
    software_version: str = ""
    backchannel_token_delivery_mode: Literal["poll", "ping"] = "poll"
    backchannel_client_notification_endpoint: str = ""
    exchange: Exchange | None = None
    understands: tuple[Extension, ...] = ()
    authorization_details_types: tuple[str, ...] = ()
    key_shards: tuple[Tier, ...] = ()
    key_shard_backend: str = ""
    tls_client_auth_subject_dn: str = ""
    tls_client_auth_san_dns: str = ""
    tls_client_auth_san_uri: str = ""
    tls_client_auth_san_ip: str = ""
    tls_client_auth_san_email: str = ""
    tls_client_certificate_bound_access_tokens: bool = False
    subject_type: SubjectType = "public"
    sector_identifier_uri: str = ""
    userinfo_signed_response_alg: Ours | Literal[""] = ""
    claims_in_id_token: bool = False
    initiate_login_uri: str = ""
    default_max_age: Annotated[int, msgspec.Meta(ge=0, lt=10**10)] | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    frontchannel_logout_uri: str = ""
    backchannel_logout_uri: str = ""
    policy: str = "default"
    dpop_bound_access_tokens: bool = False
    origin: Origin = "declared"
    registration_token: str = ""
    unused_until: int = 0
    verified: bool = True
    status: Status = "active"
    created: int = 0
    scim: Provisioning | None = None
    suspension: Suspension | None = None
    owner: str = ""
    admin: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id

    @property
    def forget_at(self) -> int:
        return self.unused_until

    @property
    def bound_by(self) -> tuple[str, ...]:
        """The sender methods that its tokens have to be bound by, even if they are off."""
        if not (self.dpop_bound_access_tokens or self.tls_client_certificate_bound_access_tokens):
            return ()  # as most are
        registered = {
            "dpop": self.dpop_bound_access_tokens,
            "mtls": self.tls_client_certificate_bound_access_tokens,
        }
        return tuple(name for name, is_on in registered.items() if is_on)

    @property
    def party(self) -> Party:
        """Whose documents the server fetches for it."""
        if self.origin == "declared":
            return "declared"
        # A client with a metadata document is stored once a user has consented. A self-registered
        # one is stored at once, and counts as used from the first consent on.
        return "known" if self.version and not self.unused_until else "stranger"

    @property
    def is_public(self) -> bool:
        """Whether it is a public client (RFC 6749 2.1)."""
        return self.auth_method == "none"
