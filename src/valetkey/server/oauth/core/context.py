"""What every rule may rely on: the installation as it stands, the time, and randomness."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from valetkey.jose.jwk import PrivateKey
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.policy import DEFAULT, PROFILES, Lifetimes, Policies, Policy
from valetkey.server.oauth.core.offer import Offer

if TYPE_CHECKING:
    from valetkey.server.oauth.core.feature import ClientAuth, Feature, GrantType, Sender


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What apps may be that register themselves: whether anybody may (`open`), the policy that they
    are held to, the scope that they may ask for (() for all of no high risk), how many may come in
    an hour from one network (`hourly`), and the JWK Set of those whose software statements count.
    Of apps that describe themselves in documents, the hosts that they may lie at, () for all, and
    those at which they may not."""

    open: bool = False
    policy: str = "default"
    scope: tuple[str, ...] = ()
    hourly: int = 30
    publishers: dict[str, Any] = {}
    documents_allow: tuple[str, ...] = ()
    documents_deny: tuple[str, ...] = ()


CLOSED: Final = Registration()


NONE: Final = Policies()


class SignedTokens(Hashable, Protocol):
    """Knows access tokens that this server signed lately, so that it need not check its own
    signature."""

    def add(self, token: str) -> None:
        """Remembers a token that was just signed."""
        ...

    def has(self, token: str) -> bool:
        """Whether exactly this text was signed here. False says nothing."""
        ...


class _Forgetful:
    """Remembers nothing: every signature is checked."""

    def add(self, token: str) -> None:
        """Forgets it."""

    def has(self, token: str) -> bool:
        """No."""
        return False


FORGETFUL: Final = _Forgetful()


class Installation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The slow facts: they change when an administrator says so, and may be a second old.
    `mtls_address` is where a proxy asks for certificates, "" for nowhere else. `verified_names` are
    what names of verified apps look like, each with its app's id. `grant_types`,
    `ways` (to prove who one is) and `senders` are what the features bring, `enabled` their names,
    `paths` where the endpoints are, by their names in discovery, and `held_to` the policies with
    those that are there by themselves: all gathered once."""

    issuer: str
    lifetimes: Lifetimes
    keyring: Keyring
    offer: Offer
    features: tuple[Feature, ...]
    policies: dict[str, Policy] = {}
    registration: Registration = CLOSED
    epoch: int = 0
    mtls_address: str = ""
    signed_tokens: SignedTokens = FORGETFUL
    verified_names: dict[str, str] = {}
    grant_types: dict[str, GrantType[Any]] = {}
    ways: tuple[ClientAuth, ...] = ()
    senders: tuple[Sender, ...] = ()
    enabled: frozenset[str] = frozenset()
    paths: dict[str, str] = {}
    held_to: Policies = NONE

    def __post_init__(self) -> None:
        gathered = {
            "grant_types": {one.name: one for of in self.features for one in of.grant_types},
            "ways": tuple(one for of in self.features for one in of.client_auth),
            "held_to": Policies({DEFAULT.name: DEFAULT, **PROFILES, **self.policies}),
            "senders": tuple(one for of in self.features for one in of.senders),
            "enabled": frozenset(one.name for one in self.features),
            "paths": {one.metadata: one.path for of in self.features for one in of.endpoints},
        }
        for name, value in gathered.items():
            msgspec.structs.force_setattr(self, name, value)

    @property
    def bases(self) -> tuple[str, ...]:
        """Where the endpoints are reached."""
        return (self.issuer, self.mtls_address) if self.mtls_address else (self.issuer,)


class Context(msgspec.Struct, frozen=True, eq=False):
    """An installation at a moment."""

    at: Installation
    env: Env

    def access_token_key(self, client: Client) -> PrivateKey:
        """The key that signs this client's access tokens."""
        return self.at.keyring.signing[self.at.held_to[client.policy].access_token_algorithm]

    def id_token_key(self, client: Client) -> PrivateKey:
        """The key that signs this client's ID Tokens."""
        return self.at.keyring.signing[self.at.held_to[client.policy].id_token_algorithm]
