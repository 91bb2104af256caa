"""The app's own grant: wait until it works again, reduce it, end it."""

from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.client.errors import Denied, KeyInterrupted, KeyStopped, ServerUnavailable
from valetkey.client.key_flows import KeyChange, KeyFlows
from valetkey.client.shard_client import as_client_error
from valetkey.client.steps import Flow, Sleep
from valetkey.client.tokens import Tokens
from valetkey.spec import names
from valetkey.wire import token_response
from valetkey.wire.token_response import OwnGrant

PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds between two tries to renew an interrupted key."""


def wait(key: KeyFlows, seconds: float) -> Flow[Tokens]:
    """The renewed tokens, once the key works again. Raises KeyInterrupted or ServerUnavailable if
    it does not within `seconds`, KeyStopped if it is over for good."""
    waited, pauses = 0.0, iter(PAUSES)
    while True:
        try:
            return (yield from key.refresh())
        except (KeyInterrupted, ServerUnavailable):
            pause = next(pauses, PAUSES[-1])
            if waited + pause > seconds:
                raise
        yield Sleep(pause)
        waited += pause


def narrow(key: KeyFlows, keep: Iterable[str]) -> Flow[Tokens]:
    """Reduces the grant to these permissions."""
    before, after = yield from key.kept.locked(_narrowed(key, tuple(keep)))
    if after.granted != before.granted:
        key.key_changed(KeyChange("narrowed", after.granted))
    return after


def _narrowed(key: KeyFlows, keep: tuple[str, ...]) -> Flow[tuple[Tokens, Tokens]]:
    before = yield from key.kept.require()
    yield from key.kept.ready()
    # The app keeps the scopes that name the user and let it renew the tokens.
    staying = (one for one in (names.OPENID, names.OFFLINE_ACCESS) if one in before.scope)
    scope = " ".join(dict.fromkeys((*keep, *staying)))
    grant = yield from _managed(key, before, token_response.NARROW, scope=scope)
    scope_left = tuple(grant.scope.split())
    fresh = msgspec.structs.replace(
        before, scope=scope_left, requested=scope_left, grant_expires_at=grant.grant_expires_at
    )
    yield from key.kept.save(fresh, instead_of=before)
    return before, fresh


def stop(key: KeyFlows) -> Flow[None]:
    """Ends the whole grant, for all devices, and deletes the tokens."""
    held = yield from key.kept.require()
    yield from _managed(key, held, token_response.STOP)
    yield from key.forget()


def _managed(key: KeyFlows, tokens: Tokens, action: str, *, scope: str = "") -> Flow[OwnGrant]:
    try:
        return (yield from key.server.manage(tokens, action, scope))
    except Denied as error:
        raise as_client_error(error, KeyStopped) from error
