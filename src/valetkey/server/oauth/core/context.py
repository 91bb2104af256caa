"""What every rule may use: the installation, the time, and randomness."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from valetkey.jose.jwk import PrivateKey
from valetkey.server.accounts.notices import NOBODY, NoticeTargets
from valetkey.server.model.brand import Brand
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.policy import (
    DEFAULT,
    PROFILES,
    Demands,
    Lifetimes,
    Policies,
    Policy,
)
from valetkey.server.oauth.core.issuing import IssuingParts, IssuingStep, parts_of, steps_of
from valetkey.server.oauth.core.memo import Memo
from valetkey.server.oauth.core.offer import Offer

if TYPE_CHECKING:
    from valetkey.server.oauth.core.feature import (
        ClientAuth,
        ClientScopes,
        Feature,
        GrantType,
        Sender,
        TokenStep,
    )


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """The rules for clients that register themselves.

    `open`: whether anyone may register. They get the policy `policy` and may request `scope`, ()
    for every permission that is not of high risk; `hourly` is how many one network may register in
    an hour. `publishers` is the JWK Set that verifies software statements. For clients with a
    metadata document, `documents_allow` are the allowed hosts, () for all, and `documents_deny` the
    denied ones.
    """

    open: bool = False
    policy: str = "default"
    scope: tuple[str, ...] = ()
    hourly: int = 30
    publishers: dict[str, Any] = {}
    documents_allow: tuple[str, ...] = ()
    documents_deny: tuple[str, ...] = ()


class HandOff(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform may answer that signs users in at its own page.

    `client` is the client that may answer, "" for every one with the scope `interactions.answer`.
    `acr` and `amr` are the levels and methods that count, others are left out. `remember` is how
    long its answers count if they don't say, `max_seconds` the most that they may say (0: as long
    as sessions of this server). `form_post`: signed answers by a form are accepted. `check_claims`
    raises InvalidRequest for claims about the user that can't be stored.
    """

    client: str = ""
    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    remember: Literal["session", "platform"] = "session"
    max_seconds: int = 0
    form_post: bool = False
    check_claims: Callable[[Mapping[str, Any]], object] = lambda claims: None


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """How users sign in. `silently`: a way may know the user without a page of its own, so it is
    asked for `prompt=none` too. `levels` are the `acr` values that the ways vouch for, and those
    that users reach here with a second factor. `handoff` is the platform that signs users in, None
    for none. `second_factor` is the level that every user has to reach, "" for none; a device that
    the user trusts replaces the second factor for `trusted_seconds`. `mail_codes`: users can sign
    in with a code that is mailed to them, where no level is asked for. `asks_in_new_country`: a
    device that the user trusts replaces no second factor in a country that is new to the
    account."""

    silently: bool = False
    levels: tuple[str, ...] = ()
    handoff: HandOff | None = None
    second_factor: str = ""
    trusted_seconds: int = 0
    mail_codes: bool = False
    asks_in_new_country: bool = False


OPTIONAL_PARAMETERS: Final = frozenset({"authorization_details", "other_key_shards"})
"""Parameters of token requests that only a feature reads (`Feature.token_parameters`)."""

CLOSED_REGISTRATION: Final = Registration()

SIGN_IN_HERE: Final = SignIn()


NO_POLICIES: Final = Policies()
NO_DEMANDS: Final = Demands()


class SignedTokens(Hashable, Protocol):
    """Remembers access tokens that this server signed recently, so that it can skip the check of
    its own signature."""

    def add(self, token: str) -> None:
        """Remember a token that was just signed."""
        ...

    def has(self, token: str) -> bool:
        """Whether exactly this text was signed here. False means nothing."""
        ...


class _NoSignedTokens:
    """Remembers nothing, so every signature is checked."""

    def add(self, token: str) -> None:
        """Do nothing."""

    def has(self, token: str) -> bool:
        """Return False."""
        return False


NO_SIGNED_TOKENS: Final = _NoSignedTokens()


class Installation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The configuration that rules read. It changes only when an administrator changes it, and a
    copy may be a second old.

    `mtls_address` is the address at which a proxy asks for client certificates, "" for none.
    `verified_names` maps the look-alike form of each verified app's name to the app's id. `brand`
    is the brand that was applied, None for that of the settings. `notices` says where notices
    to users go. `demands` go beyond what the policies say. `secret_uses` are the client secrets
    that were just used, by client and digest: rules put them there, and the server takes them out
    (`http.secret_uses`).

    The last fields are derived from the others: `grant_types`, `client_auth_methods`, `senders`,
    `issuing` and `client_scopes` come from the features, `issuing_for_users` and
    `issuing_for_clients` have the parts of these steps, `own_scopes` are all names of
    `client_scopes`, `ignored_parameters` are the parameters of token requests that no enabled
    feature reads, `token_steps` are the steps of token requests that are on the way,
    `enabled_features` are the names of the features, `paths` maps names in the discovery document
    to paths, `all_policies` has the built-in policies too, each with the demands. `memo` has the
    caches of this installation: a copy with other facts begins with an empty one."""

    issuer: str
    lifetimes: Lifetimes
    keyring: Keyring
    offer: Offer
    features: tuple[Feature, ...]
    policies: dict[str, Policy] = {}
    demands: Demands = NO_DEMANDS
    registration: Registration = CLOSED_REGISTRATION
    sign_in: SignIn = SIGN_IN_HERE
    notices: NoticeTargets = NOBODY
    epoch: int = 0
    mtls_address: str = ""
    signed_tokens: SignedTokens = NO_SIGNED_TOKENS
    secret_uses: dict[tuple[str, str], StoredSecret] = {}
    verified_names: dict[str, str] = {}
    brand: Brand | None = None
    grant_types: dict[str, GrantType[Any]] = {}
    client_auth_methods: tuple[ClientAuth, ...] = ()
    senders: tuple[Sender, ...] = ()
    issuing: tuple[IssuingStep, ...] = ()
    issuing_for_users: IssuingParts = IssuingParts()
    issuing_for_clients: IssuingParts = IssuingParts()
    client_scopes: tuple[ClientScopes, ...] = ()
    own_scopes: frozenset[str] = frozenset()
    ignored_parameters: frozenset[str] = frozenset()
    token_steps: tuple[TokenStep, ...] = ()
    enabled_features: frozenset[str] = frozenset()
    paths: dict[str, str] = {}
    all_policies: Policies = NO_POLICIES
    memo: Memo = msgspec.field(default_factory=Memo)

    def __post_init__(self) -> None:
        steps = steps_of(self.features)
        gathered = {
            "grant_types": {one.name: one for of in self.features for one in of.grant_types},
            "client_auth_methods": tuple(one for of in self.features for one in of.client_auth),
            "all_policies": Policies(
                (name, self.demands.on(policy))
                for name, policy in {DEFAULT.name: DEFAULT, **PROFILES, **self.policies}.items()
            ),
            "senders": tuple(one for of in self.features for one in of.senders),
            "issuing": steps,
            "issuing_for_users": parts_of(steps, "user"),
            "issuing_for_clients": parts_of(steps, "client"),
            "client_scopes": tuple(one for of in self.features for one in of.client_scopes),
            "own_scopes": frozenset(
                name for of in self.features for one in of.client_scopes for name in one.names
            ),
            "ignored_parameters": OPTIONAL_PARAMETERS.difference(
                *(of.token_parameters for of in self.features)
            ),
            "token_steps": tuple(
                one for of in self.features for one in of.token_steps if one.needed(self.features)
            ),
            "enabled_features": frozenset(one.name for one in self.features),
            "memo": Memo(),
            "paths": {one.metadata: one.path for of in self.features for one in of.endpoints},
        }
        for name, value in gathered.items():
            msgspec.structs.force_setattr(self, name, value)

    @property
    def base_urls(self) -> tuple[str, ...]:
        """The addresses under which the endpoints can be reached."""
        return (self.issuer, self.mtls_address) if self.mtls_address else (self.issuer,)


class Context(msgspec.Struct, frozen=True, eq=False):
    """An installation at one moment."""

    installation: Installation
    env: Env

    def access_token_key(self, client: Client) -> PrivateKey:
        """The key that signs this client's access tokens."""
        return self.installation.keyring.signing[
            self.installation.all_policies[client.policy].access_token_algorithm
        ]

    def id_token_key(self, client: Client) -> PrivateKey:
        """The key that signs this client's ID Tokens."""
        return self.installation.keyring.signing[
            self.installation.all_policies[client.policy].id_token_algorithm
        ]
