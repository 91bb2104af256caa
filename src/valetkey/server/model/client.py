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
"""Who wrote it down: the operator; the app itself, over HTTP; the app, in a document elsewhere."""
SubjectType: TypeAlias = Literal["public", "pairwise"]

BY_SECRET: Final[frozenset[AuthMethod]] = frozenset({"client_secret_basic", "client_secret_post"})
"""The methods by which a client shows a secret that is kept here as a digest."""

BY_SHARED: Final[frozenset[AuthMethod]] = frozenset({"client_secret_jwt"})
"""The methods by which it proves that it knows a secret, which is kept here as well: sealed."""

WITH_SECRET: Final = BY_SECRET | BY_SHARED
"""The methods for which a secret is made."""

BY_KEY: Final[frozenset[AuthMethod]] = frozenset({"private_key_jwt"})
"""The methods by which it shows that it holds one of its keys."""

WITH_KEYS: Final = BY_KEY | {"self_signed_tls_client_auth", "attest_jwt_client_auth"}
"""The methods that need keys to be registered."""


class StoredSecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """A secret of 256 random bits, kept as its SHA-256. `until`: seconds since 1970, 0 for ever.
    `sealed` is the secret itself, only for a client that computes with it (`BY_SHARED`)."""

    digest: str
    created: int
    until: int = 0
    sealed: bytes = b""

    def is_valid(self, now: int) -> bool:
        """Whether it is not over."""
        return not self.until or now < self.until

    def matches(self, secret: str, now: int) -> bool:
        """Whether this is the secret, and it is still good."""
        return same(self.digest, digest(secret)) and self.is_valid(now)


Extension: TypeAlias = Literal["authorization_expiration", "grant_management", "shared_signals"]
"""What a client may understand beyond ordinary OAuth; others are not bothered with it."""


class Asserted(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What a client may assert of its users to another authorization server: as the client that it
    is there, for these scopes of that server at the most."""

    client_id: str
    scope: tuple[str, ...] = ()


class Exchange(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What a client may exchange (RFC 8693): the tokens of these `clients`, its own among them only
    where it is named, for tokens that these `audiences` honour. `bound`: also tokens that are bound
    to a key which it does not hold itself, because it is trusted to have seen their proof.
    `asserts`: the other authorization servers to which it may say who signed in with it."""

    clients: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    bound: bool = False
    asserts: dict[str, Asserted] = {}


class Client(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An app, as its developer registered it (RFC 7591 2, where it has the word).

    `scope` lists the scopes that it may ask for. `required` are the permissions without which it
    does not work: the user cannot leave them out and still say yes. `reasons` are its own words on
    why it wants a permission. `limits` are those that it proposes: the user may tighten them. `uri`
    is its home page, whose host names the publisher. `dpop_bound_access_tokens`: it gets no tokens
    but bound ones (RFC 9449 5.2). `jwks` is the JWK Set of its public keys, `jwks_uri` the address
    where it publishes them: one of the two. `auth_algorithm` is the only one in which it signs to
    authenticate, and `request_object_algorithm` for its requests, "" for any that its policy
    allows. `request_uris` are the addresses where it keeps requests that it signed. `exchange` says
    what it may exchange, None for nothing. `understands` lists the extensions that it has opted
    into. `authorization_details_types` are those in which it asks by details, () for any that its
    scope reaches (RFC 9396 10). `key_shards` are the ways in which its keys may be held in several
    places, `key_shard_backend` is the client that holds a shard for it, "" for itself.
    The `tls_client_auth_…` are what its certificate says (RFC 8705 2.1.2): one of them.
    `tls_client_certificate_bound_access_tokens`: its tokens are bound to its certificate (3.4).

    `policy_uri` and `tos_uri` are linked where users decide; the picture at its `logo_uri` is shown
    once it is `verified`.

    `subject_type` says whether a user has the same `sub` before every app, or one for the sector of
    this one. `claims_in_id_token`: what its scope opens of a user, such as name and e-mail address,
    stands in the ID Token as well. `default_max_age`, in seconds, holds where a request says no
    `max_age`. Of the
    logouts, front-channel and back-channel always come with `iss` and `sid`.

    With `backchannel_token_delivery_mode` "ping" it is told of answers that it waits for, at its
    `backchannel_client_notification_endpoint` (CIBA Core 4).

    `origin` says who wrote it down. Where that was the app itself, `registration_token` is the
    digest of what it manages its registration by, and a registration that nobody has used by
    `unused_until` is forgotten (0: it was used, or stays all the same).
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

    @property
    def key(self) -> str:
        return self.id

    @property
    def forget_at(self) -> int:
        return self.unused_until

    @property
    def bound_by(self) -> tuple[str, ...]:
        """The senders to which its tokens have to be bound, whether or not they are offered."""
        if not (self.dpop_bound_access_tokens or self.tls_client_certificate_bound_access_tokens):
            return ()  # as most are
        registered = {
            "dpop": self.dpop_bound_access_tokens,
            "mtls": self.tls_client_certificate_bound_access_tokens,
        }
        return tuple(name for name, is_on in registered.items() if is_on)

    @property
    def party(self) -> Party:
        """For whom its documents are fetched."""
        if self.origin == "declared":
            return "declared"
        # One that described itself is stored once a user has said yes; one that registered itself
        # is at once, and is used from the first yes on.
        return "known" if self.version and not self.unused_until else "stranger"

    @property
    def is_public(self) -> bool:
        """Whether it can keep no secret (RFC 6749 2.1)."""
        return self.auth_method == "none"
