"""The moment at which an administrator decides something."""

import os
from typing import Final

from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.policy import Lifetimes
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.features import FEATURES

ISSUER: Final = "https://id.example"


def context(now: int) -> Context:
    """An installation without keys or catalogs: the rules of administration read their own."""
    keyring = Keyring(signing={}, published=(), sealing=(), macs=())
    at = Installation(
        issuer=ISSUER,
        lifetimes=Lifetimes(),
        keyring=keyring,
        offer=Offer(ISSUER),
        features=FEATURES,
    )
    return Context(at, Env(now, os.urandom))
