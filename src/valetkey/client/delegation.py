"""A key that was handed on: what the app gives to a helper, and what the helper does with it.

The app calls `Key.hand_on`. To a client of the server (`Machine`) the key goes by an exchange, and
the user sees who has it (RFC 8693). To a `Hand`, of which the app knows no more than its key, it
goes with no word to the server, where the API takes that (see `wire.child_key`).
"""

import time
from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey import renamed
from valetkey.client.app import App
from valetkey.client.auth import KeyAuth
from valetkey.client.drivers import AsyncDriver, Driver
from valetkey.client.errors import KeyStopped, PermissionMissing
from valetkey.client.key_flows import KeyFlows
from valetkey.client.proof_key import Delegate, Prover
from valetkey.client.steps import Flow
from valetkey.client.tokens import Tokens
from valetkey.wire import child_key
from valetkey.wire.bearer import Challenge

SECONDS: Final = 60
"""For which a key should last that a client gets by an exchange."""


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A key on its way to a helper; `msgspec.json` writes it for one that runs elsewhere. It opens
    `scope`, at the API `resource` alone where one is named, until `expires`, in seconds since 1970
    (0 where nobody said). `bound_to` is the thumbprint of the key that has to be shown with it, ""
    for none: then whoever reads it on its way can use it."""

    access_token: str
    scope: tuple[str, ...]
    expires: int
    resource: str = ""
    bound_to: str = ""

    def __repr__(self) -> str:
        return f"Delegation(scope={' '.join(self.scope)!r}, …)"


@renamed.members
class DelegatedKey:
    """A key in the hands of a helper. It is not renewed: when it is over, or was stopped, calls
    raise KeyStopped, and the helper asks the app for another.

    `auth` is for httpx2; for requests and aiohttp there are `auth_requests.KeyAuth(key)` and
    `auth_aiohttp.KeyAuth(key)`. Safe to share among threads and tasks.
    """

    def __init__(self, delegation: Delegation, prover: Prover | None) -> None:
        """Raises ValueError where it was handed to somebody else."""
        if delegation.bound_to != ("" if prover is None else prover.thumbprint):
            raise ValueError("it was handed to the holder of another key")
        self.delegation = delegation
        self.flows = DelegatedKeyFlows(delegation, prover)
        self.driver = Driver()
        self.tasks = AsyncDriver()

    def __repr__(self) -> str:
        return f"DelegatedKey(scope={' '.join(self.delegation.scope)!r}, …)"

    def auth(self) -> KeyAuth:
        """For an httpx2 client, sync or async: sends the key along."""
        return KeyAuth(self.flows, self.driver, self.tasks)

    def delegate(self, to: Delegate, *, scope: Iterable[str]) -> Delegation:
        """A still smaller key, offline, for the next hand. Raises PermissionMissing, KeyStopped,
        ValueError where this one may not go on so."""
        return sign_delegation(
            self.flows.tokens, to, tuple(scope), resource=self.delegation.resource
        )


class DelegatedKeyFlows:
    """What carries such a key."""

    def __init__(self, delegation: Delegation, prover: Prover | None) -> None:
        # It is at no server as itself: only where the key may be sent matters here.
        self.app = App(
            issuer="", client_id="", scope=delegation.scope, resource=delegation.resource
        )
        self.tokens = Tokens(
            access_token=delegation.access_token,
            expires=delegation.expires,
            scope=delegation.scope,
            key="" if prover is None else prover.text,
        )

    def usable_tokens(self, refused: str = "") -> Flow[Tokens]:
        """The key, as long as it lasts."""
        yield from ()
        # Whether it is over the API says: its maker's clock may be another than this one.
        if self.tokens.access_token == refused:
            raise KeyStopped("the key that was handed on opens nothing any more")
        return self.tokens

    def on_refusal(self, challenge: Challenge) -> None:
        """An API has refused it. Nothing here can change that."""


@renamed.members
class Helper:
    """Somebody to whom a key is handed on offline. It makes a key of its own in place, so what it
    is handed opens nothing for whoever else reads it."""

    def __init__(self) -> None:
        self._prover = Prover.new()

    def __repr__(self) -> str:
        return f"Helper({self.thumbprint!r})"

    @property
    def thumbprint(self) -> str:
        """What names its key (RFC 7638): for `Hand`."""
        return self._prover.thumbprint

    def receive(self, delegation: Delegation) -> DelegatedKey:
        """The key, to be used. Raises ValueError where it was handed to somebody else."""
        return DelegatedKey(delegation, self._prover)


def delegate_offline(key: KeyFlows, to: Delegate, scope: tuple[str, ...]) -> Flow[Delegation]:
    """A smaller key for a hand, made of the app's own, which is renewed first where it would not
    last as long. Raises as `smaller`, and as a renewal does."""
    tokens = yield from key.usable_tokens()
    _check(tokens, to, scope)
    tokens = yield from renew_for(key, to.seconds)
    return sign_delegation(tokens, to, scope, resource=key.app.resource)


def renew_for(key: KeyFlows, seconds: int = SECONDS) -> Flow[Tokens]:
    """The app's own key, renewed where it would be over before: what is made of it ends with it.
    Raises as a renewal does."""
    tokens = yield from key.usable_tokens()
    if tokens.refresh_token and tokens.is_over(time.time() + seconds):
        tokens = yield from key.refresh(tokens)
    return tokens


def sign_delegation(
    tokens: Tokens, to: Delegate, scope: tuple[str, ...], *, resource: str
) -> Delegation:
    """A smaller key for the next hand, signed with the key to which the held one is bound. Raises
    PermissionMissing where it would open more, KeyStopped, ValueError where it cannot be made."""
    prover, now = _check(tokens, to, scope), int(time.time())
    # The parent's own end: what this device's clock makes of it may be a moment later.
    until = min(now + to.seconds, _end(tokens))
    if until <= now:
        raise KeyStopped("the key is over")
    text = prover.delegate(
        tokens.access_token,
        to=to,
        permissions=scope,
        now=now,
        until=until,
    )
    return Delegation(
        access_token=text, scope=scope, expires=until, resource=resource, bound_to=to.thumbprint
    )


def from_exchange(fresh: Tokens, *, resource: str) -> Delegation:
    """What an exchange has brought, for the API that is named."""
    prover = fresh.prover
    return Delegation(
        access_token=fresh.access_token,
        scope=fresh.scope,
        expires=fresh.expires,
        resource=resource,
        bound_to="" if prover is None else prover.thumbprint,
    )


def _check(tokens: Tokens, to: Delegate, scope: tuple[str, ...]) -> Prover:
    """Who signs that the key goes on so."""
    prover = tokens.prover
    if prover is None:
        raise ValueError("only a key that is bound (App.dpop) can be handed on offline")
    if not scope or to.seconds <= 0:
        raise ValueError("a key that opens nothing, or is good for no time")
    more = frozenset(scope) - tokens.granted
    if more:
        raise PermissionMissing(more, allowed=tokens.granted)
    return prover


def _end(tokens: Tokens) -> int:
    try:
        return child_key.expires_at(tokens.access_token)
    except child_key.BadChild as error:
        raise ValueError("access tokens of this server cannot be handed on offline") from error
