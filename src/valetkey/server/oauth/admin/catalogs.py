"""Differences between two catalogs, and the grants that they affect."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.wire.catalog import Catalog, Permission

Sign: TypeAlias = Literal["+", "-", "~"]

FIELDS: Final = tuple(name for name in Permission.__struct_fields__ if name != "id")
"""The fields of a permission that may differ."""

DROPPED: Final = "the API has dropped it"
"""The reason in the history."""


class Difference(msgspec.Struct, frozen=True):
    """A permission or scope (`name`) that is added, dropped or changed."""

    sign: Sign
    name: str
    says: str


def differences(old: Catalog, new: Catalog) -> tuple[Difference, ...]:
    """All differences, dropped ones first."""
    every = (*_permissions(old, new), *_scopes(old, new), *_head(old, new))
    return tuple(sorted(every, key=lambda one: "-~+".index(one.sign)))


def dropped(old: Catalog, new: Catalog) -> tuple[str, ...]:
    """The dropped permissions."""
    return tuple(one.id for one in old.permissions if new.permission(one.id) is None)


def touched(grants: Iterable[Grant], dropped_permissions: Iterable[str]) -> Counter[str]:
    """The number of live grants that have each of the dropped permissions."""
    lost = frozenset(dropped_permissions)
    return Counter(
        one
        for grant in grants
        if grant.status != "stopped"
        for one in grant.permissions
        if one in lost
    )


def forget(name: str, dropped_permissions: Iterable[str], context: Context) -> Rule[Outcome]:
    """Removes dropped permissions from a grant, so that a later permission with the same name is
    not granted."""
    wanted, lost = One(Grant, name), frozenset(dropped_permissions)
    grant = (yield (wanted,)).one(wanted)
    if grant is None or not lost & {*grant.permissions, *grant.refused}:
        return Outcome()
    dropped = tuple(one for one in grant.permissions if one in lost)
    after = msgspec.structs.replace(
        grant.with_permissions(tuple(one for one in grant.permissions if one not in lost)),
        refused=tuple(one for one in grant.refused if one not in lost),
        changed=context.env.now,
    )
    audit_event = event(
        context.env,
        "downgraded",
        by="administrator",
        user=grant.user,
        client=grant.client,
        grant=grant.id,
        permissions=dropped,
        reason=DROPPED,
    )
    return Outcome(changes=(Update(after),), events=(audit_event,) if dropped else ())


def _permissions(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for one in new.permissions:
        before = old.permission(one.id)
        if before is None:
            yield Difference("+", one.id, f"{one.can} ({one.risk} risk, {one.group})")
            continue
        for field in FIELDS:
            was, will_be = getattr(before, field), getattr(one, field)
            if was != will_be:
                yield Difference("~", one.id, f"{field}: {_as_json(was)} -> {_as_json(will_be)}")
    for name in dropped(old, new):
        gone = old.permission(name)
        yield Difference("-", name, "" if gone is None else gone.can)


def _scopes(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for name in dict.fromkeys((*old.scopes, *new.scopes)):
        was, will_be = old.scopes.get(name), new.scopes.get(name)
        if was == will_be:
            continue
        if was is None:
            yield Difference("+", name, f"a scope: {' '.join(will_be or ())}")
        elif will_be is None:
            yield Difference("-", name, f"a scope: {' '.join(was)}")
        else:
            yield Difference("~", name, f"a scope: {' '.join(was)} -> {' '.join(will_be)}")


def _head(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for field in ("name", "resource"):
        was, will_be = getattr(old, field), getattr(new, field)
        if was != will_be:
            yield Difference("~", field, f"{was} -> {will_be}")


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
