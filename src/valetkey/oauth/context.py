"""What every rule may rely on: the installation as it stands, the time, and randomness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from valetkey.jose.jwk import PrivateKey
from valetkey.model.client import Client
from valetkey.model.env import Env
from valetkey.model.keys import Keyring
from valetkey.model.policy import DEFAULT, PROFILES, Lifetimes, Policy
from valetkey.oauth.offer import Offer

if TYPE_CHECKING:
    from valetkey.oauth.feature import Feature


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What apps may be that register themselves: whether anybody may (`open`), the policy that they
    are held to, the scope that they may ask for (() for all of no high risk), and the JWK Set of
    those whose software statements count. Of apps that describe themselves in documents, the hosts
    that they may lie at, () for all, and those at which they may not."""

    open: bool = False
    policy: str = "default"
    scope: tuple[str, ...] = ()
    publishers: dict[str, Any] = {}
    documents_allow: tuple[str, ...] = ()
    documents_deny: tuple[str, ...] = ()


CLOSED: Final = Registration()


class Installation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The slow facts: they change when an administrator says so, and may be a second old.
    `mtls_address` is where a proxy asks for certificates, "" for nowhere else."""

    issuer: str
    lifetimes: Lifetimes
    keyring: Keyring
    offer: Offer
    features: tuple[Feature, ...]
    policies: dict[str, Policy] = {}
    registration: Registration = CLOSED
    epoch: int = 0
    mtls_address: str = ""

    @property
    def bases(self) -> tuple[str, ...]:
        """Where the endpoints are reached."""
        return (self.issuer, self.mtls_address) if self.mtls_address else (self.issuer,)

    def policy(self, client: Client) -> Policy:
        """What the client is held to."""
        declared = self.policies.get(client.policy)
        return PROFILES.get(client.policy, DEFAULT) if declared is None else declared


class Context(msgspec.Struct, frozen=True, eq=False):
    """An installation at a moment."""

    at: Installation
    env: Env

    @property
    def now(self) -> int:
        return self.env.now

    @property
    def epoch(self) -> int:
        return self.at.epoch

    @property
    def offer(self) -> Offer:
        return self.at.offer

    @property
    def lifetimes(self) -> Lifetimes:
        return self.at.lifetimes

    def access_token_key(self, client: Client) -> PrivateKey:
        """The key that signs this client's access tokens."""
        return self.at.keyring.signing[self.at.policy(client).access_token_algorithm]

    def id_token_key(self, client: Client) -> PrivateKey:
        """The key that signs this client's ID Tokens."""
        return self.at.keyring.signing[self.at.policy(client).id_token_algorithm]
