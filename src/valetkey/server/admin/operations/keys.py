"""The server's own keys: list, rotate, revoke."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from valetkey.server.admin.operation import AnyOperation, Call, Nothing, Operation, Parameters
from valetkey.server.admin.operations.users import Time
from valetkey.server.admin.problems import Problem, not_found
from valetkey.server.model.change import Change
from valetkey.server.model.keys import KeyStatus, SigningKey, Use
from valetkey.server.model.query import Many, Rule
from valetkey.server.oauth.admin.keys import ROTATED, TURNED, USES, revoke, rotate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome

Turned: TypeAlias = Literal["ES256", "RS256", "seal", "mac"]


class KeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without the key itself. `use` is the algorithm, or what else it is for. A key is
    published while it is `coming`, signs while it is `current`, and is published `until` all that
    it signed has expired. `store`: sealed in the database, in a PKCS#11 token, or in AWS KMS."""

    kid: str
    use: Use
    status: KeyStatus
    created: Time
    since: Time
    until: Time
    store: Literal["database", "pkcs11", "aws-kms"]


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All keys: there are few."""

    items: tuple[KeySummary, ...]


class RotationOrder(Parameters, frozen=True, kw_only=True):
    """Which keys. Without any, all but the MAC key, which refresh tokens depend on."""

    uses: Annotated[tuple[Turned, ...], Meta(max_length=4)] = ()


class RevocationOrder(Parameters, frozen=True, kw_only=True):
    """`refresh_tokens` confirms that every refresh token ends, as it does with a MAC key."""

    refresh_tokens: bool = False


class KeysChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The keys after a change."""

    keys: tuple[SigningKey, ...]


def _list(keys: Sequence[SigningKey]) -> KeyList:
    ordered = sorted(keys, key=lambda one: (USES.index(one.use), -one.since, one.kid))
    return KeyList(
        items=tuple(
            KeySummary(
                kid=one.kid,
                use=one.use,
                status=one.status,
                created=one.created,
                since=one.since,
                until=one.until,
                store=one.store or "database",
            )
            for one in ordered
        )
    )


def _read() -> Rule[tuple[SigningKey, ...]]:
    query = Many(SigningKey)
    return (yield (query,)).many(query)


def _after(keys: Sequence[SigningKey], changes: Sequence[Change]) -> tuple[SigningKey, ...]:
    after = {one.kid: one for one in keys}
    for change in changes:
        if isinstance(change.record, SigningKey):
            if type(change).__name__ == "Remove":
                after.pop(change.record.kid, None)
            else:
                after[change.record.kid] = change.record
    return tuple(after.values())


async def list_keys(call: Call[Nothing, Nothing]) -> KeyList:
    """All of them."""
    return _list(await call.ask(lambda _: _read()))


async def rotate_keys(call: Call[Nothing, RotationOrder]) -> KeyList:
    """One step: the coming key signs, the current one retires."""
    uses = call.body.uses or ROTATED
    fresh = [await call.services.runner.new_key(use) for use in dict.fromkeys(uses)]

    def rule(context: Context) -> Rule[KeysChanged]:
        keys = yield from _read()
        lifetimes, now = context.installation.lifetimes, context.env.now
        changes: list[Change] = []
        for one in fresh:
            _check_published(keys, one.use, context)
            changes += rotate(keys, one, lifetimes=lifetimes, now=now)
        return KeysChanged(keys=_after(keys, changes), changes=tuple(changes))

    return await call.settle(rule, lambda outcome: _list(outcome.keys))


def _check_published(keys: Sequence[SigningKey], use: Use, context: Context) -> None:
    """Raises Problem if the coming key is so new that others may not know it yet: what it signed
    others would refuse while they cache the older keys."""
    seconds = context.installation.lifetimes.jwks_cache
    for one in keys:
        ready = one.since + seconds
        if one.use == use and one.status == "coming" and context.env.now < ready:
            raise Problem(
                "conflict",
                f"the coming {use} key is too new: others may keep the older keys for {seconds} "
                "seconds",
                not_before=ready,
            )


async def revoke_key(call: Call[Nothing, RevocationOrder]) -> KeyList:
    """At once: for a key that leaked."""
    kid = call.path["key"]
    keys = await call.ask(lambda _: _read())
    key = next((one for one in keys if one.kid == kid), None)
    if key is None:
        raise not_found("key", kid)
    if key.use not in TURNED:
        raise Problem("conflict", "the salt stays: the names that it makes of users never change")
    if key.use == "mac" and not call.body.refresh_tokens:
        raise Problem("conflict", "every refresh token would end: confirm with `refresh_tokens`")
    fresh = await call.services.runner.new_key(key.use)

    def rule(context: Context) -> Rule[KeysChanged]:
        before = yield from _read()
        try:
            changes = revoke(before, kid, fresh, now=context.env.now)
        except LookupError:
            raise not_found("key", kid) from None
        return KeysChanged(keys=_after(before, changes), changes=changes)

    return await call.settle(rule, lambda outcome: _list(outcome.keys))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="keys.list",
        method="GET",
        path="/keys",
        permission="keys.read",
        query=Nothing,
        body=Nothing,
        response=KeyList,
        run=list_keys,
        summary="List the server's keys",
    ),
    Operation(
        name="keys.rotate",
        method="POST",
        path="/keys/rotate",
        permission="keys.manage",
        query=Nothing,
        body=RotationOrder,
        response=KeyList,
        run=rotate_keys,
        summary="Rotate keys by one step",
        description="The coming key signs, the current one retires. It is refused until the coming "
        "key has been published for as long as others may cache keys.",
        sensitive=True,
    ),
    Operation(
        name="keys.revoke",
        method="POST",
        path="/keys/{key}/revoke",
        permission="keys.manage",
        query=Nothing,
        body=RevocationOrder,
        response=KeyList,
        run=revoke_key,
        summary="Revoke a key",
        description="All that it signed, sealed or derived is invalid at once. For a key that "
        "leaked.",
        sensitive=True,
        narrows=True,
    ),
)
