"""Delegation: an app gives a smaller key to a helper.

The app calls `Key.delegate`. A client of the server (`Machine`) gets the key by a token exchange,
and the user sees it (RFC 8693). A `Delegate`, of which the app knows only the public key, gets it
offline, if the API accepts that (see `wire.child_key`).
"""

import time
from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey import renamed
from valetkey.client.auth import KeyAuth
from valetkey.client.drivers import AsyncDriver, Driver
from valetkey.client.errors import KeyStopped, PermissionMissing
from valetkey.client.key_flows import KeyFlows
from valetkey.client.proof_key import Delegate, Prover
from valetkey.client.steps import Flow
from valetkey.client.tokens import App, Tokens
from valetkey.wire import child_key
from valetkey.wire.bearer import Challenge

SECONDS: Final = 60
"""Seconds that an exchanged token should be valid for, at least."""


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A smaller key for a helper. Write it with `msgspec.json` for a helper in another place.

    It has the permissions in `scope`, at the API `resource` (any if ""), until `expires`, in
    seconds since 1970 (0 if unknown). `bound_to` is the thumbprint of the key that a caller has to
    prove; "" for none: then anyone who reads it can use it."""

    access_token: str
    scope: tuple[str, ...]
    expires: int
    resource: str = ""
    bound_to: str = ""

    def __repr__(self) -> str:
        return f"Delegation(scope={' '.join(self.scope)!r}, …)"


@renamed.members
class DelegatedKey:
    """A delegated key, as the helper uses it. It is never renewed: when it ends, calls raise
    KeyStopped, and the helper asks the app for another one.

    `auth` is for httpx2; for requests and aiohttp there are `auth_requests.KeyAuth(key)` and
    `auth_aiohttp.KeyAuth(key)`. Safe to share among threads and tasks.
    """

    def __init__(self, delegation: Delegation, prover: Prover | None) -> None:
        """Raises ValueError if the delegation is for another key."""
        if delegation.bound_to != ("" if prover is None else prover.thumbprint):
            raise ValueError("it was delegated to the holder of another key")
        self.delegation = delegation
        self.flows = DelegatedKeyFlows(delegation, prover)
        self.driver = Driver()
        self.tasks = AsyncDriver()

    def __repr__(self) -> str:
        return f"DelegatedKey(scope={' '.join(self.delegation.scope)!r}, …)"

    def auth(self) -> KeyAuth:
        """Authentication for an httpx2 client, sync or async."""
        return KeyAuth(self.flows, self.driver, self.tasks)

    def delegate(self, to: Delegate, *, scope: Iterable[str]) -> Delegation:
        """Delegates a still smaller key, offline. Raises PermissionMissing, KeyStopped, and
        ValueError if this key may not be delegated like that."""
        return sign_delegation(
            self.flows.tokens, to, tuple(scope), resource=self.delegation.resource
        )


class DelegatedKeyFlows:
    """The flows of a delegated key."""

    def __init__(self, delegation: Delegation, prover: Prover | None) -> None:
        # Not a registered app: only the address where the key may be sent counts here.
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
        """The tokens, until the API refuses them."""
        yield from ()
        # The API decides whether it is over: the clock of its maker may differ.
        if self.tokens.access_token == refused:
            raise KeyStopped("the delegated key is not valid any more")
        return self.tokens

    def on_refusal(self, challenge: Challenge) -> None:
        """Does nothing: a delegated key cannot be renewed."""


@renamed.members
class Helper:
    """The receiver of offline delegations. It makes a key pair of its own, so that a delegation is
    useless to anyone else who reads it."""

    def __init__(self) -> None:
        self._prover = Prover.new()

    def __repr__(self) -> str:
        return f"Helper({self.thumbprint!r})"

    @property
    def thumbprint(self) -> str:
        """The thumbprint of its key (RFC 7638), for `Delegate`."""
        return self._prover.thumbprint

    def receive(self, delegation: Delegation) -> DelegatedKey:
        """The key to use. Raises ValueError if it was delegated to someone else."""
        return DelegatedKey(delegation, self._prover)


def delegate_offline(key: KeyFlows, to: Delegate, scope: tuple[str, ...]) -> Flow[Delegation]:
    """Delegates the app's key offline. Renews it first if it would end too early. Raises as
    `sign_delegation`, and as a renewal does."""
    tokens = yield from key.usable_tokens()
    _check(tokens, to, scope)
    tokens = yield from renew_for(key, to.seconds)
    return sign_delegation(tokens, to, scope, resource=key.app.resource)


def renew_for(key: KeyFlows, seconds: int = SECONDS) -> Flow[Tokens]:
    """The app's own tokens, renewed if they would end before: a delegation ends with them. Raises
    as a renewal does."""
    tokens = yield from key.usable_tokens()
    if tokens.refresh_token and tokens.is_over(time.time() + seconds):
        tokens = yield from key.refresh(tokens)
    return tokens


def sign_delegation(
    tokens: Tokens, to: Delegate, scope: tuple[str, ...], *, resource: str
) -> Delegation:
    """Signs a smaller key for a delegate, with the key that the tokens are bound to. Raises
    PermissionMissing if it would have more permissions, KeyStopped, and ValueError if the tokens
    cannot be delegated."""
    prover, now = _check(tokens, to, scope), int(time.time())
    # The end in the token: by this device's clock it may be a moment later.
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
    """The result of a token exchange, for that API."""
    prover = fresh.prover
    return Delegation(
        access_token=fresh.access_token,
        scope=fresh.scope,
        expires=fresh.expires,
        resource=resource,
        bound_to="" if prover is None else prover.thumbprint,
    )


def _check(tokens: Tokens, to: Delegate, scope: tuple[str, ...]) -> Prover:
    """The prover that may sign this delegation."""
    prover = tokens.prover
    if prover is None:
        raise ValueError("only a key that is bound (App.dpop) can be delegated offline")
    if not scope or to.seconds <= 0:
        raise ValueError("a delegation without permissions, or for no time")
    more = frozenset(scope) - tokens.granted
    if more:
        raise PermissionMissing(more, allowed=tokens.granted)
    return prover


def _end(tokens: Tokens) -> int:
    try:
        return child_key.expires_at(tokens.access_token)
    except child_key.BadChild as error:
        raise ValueError("access tokens of this server cannot be delegated offline") from error
