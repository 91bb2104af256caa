"""What a change narrows, in ids, times and digests; and the row of an older backup, narrowed so.

A fact is the state of one row after a change, as far as it can narrow: no secret, no hash of a
password, no address. It never gives a row more than it has, but by the word of an organization's
rule, which is replaced as a whole.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import REVOKED, SingleUse
from valetkey.server.model.erasure import DELETION, Erasure
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant, Shards, TokenFamily
from valetkey.server.model.keys import CURRENT, Epoch, SigningKey
from valetkey.server.model.limits import Limits
from valetkey.server.model.organization import (
    Membership,
    Organization,
    OrganizationGroup,
    OrganizationRule,
)
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.role import RoleBinding
from valetkey.server.model.user import Identity, Session, User, password_mark
from valetkey.server.store.revocations.apps import (
    State,
    api,
    client,
    less,
    mark_of,
    narrow_api,
    narrow_client,
)
from valetkey.wire.access_token import Confirmation


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a row after a change; None if the row is gone. `born` tells it from a later row
    with the same key (seconds since 1970, 0 where keys are never used again), `version` is the one
    after the change. `rotation`: it ends nothing but the tokens before it."""

    table: str
    key: str
    born: int
    version: int
    state: State | None
    rotation: bool = False


def fact_of(change: Change) -> Fact | None:
    """The fact in a change, None if it can narrow nothing."""
    tell = _TELLS.get(type(change.record))
    if tell is None or (isinstance(change, Update) and change.as_it_is):
        return None
    record: Any = change.record
    if isinstance(change, Remove):
        state = None
        if type(record) in _STAYS:
            return None
    elif isinstance(change, Update) or (isinstance(change, Create) and type(record) in _BEGIN):
        state = tell(record)
    else:
        return None
    if state is None and not isinstance(change, Remove):
        return None
    return Fact(
        table=record.table,
        key=record.key,
        born=born_of(record),
        version=record.version + 1,
        state=state,
        rotation=type(record) is TokenFamily and state is not None and record.status == "open",
    )


def born_of(record: Any) -> int:
    """When this row began, where another one may have its key later; else 0."""
    if isinstance(record, RoleBinding):
        return record.changed
    return record.created if isinstance(record, Client | ResourceServer | Membership) else 0


def is_narrowing(change: Change) -> bool:
    """Whether records of this kind can narrow: quick, for the many that can't."""
    return type(change.record) in _TELLS


def narrowed(row: Any, state: State | None, now: int) -> tuple[Change, ...]:
    """The changes that narrow a row by the state that it had; () if it is as narrow already."""
    if state is None:
        return _without(row, now)
    after = _NARROWS[type(row)](row, state)
    if after is None:
        return (Remove(row),)
    return () if after == row else (Update(after),)


def _without(row: Any, now: int) -> tuple[Change, ...]:
    if not isinstance(row, User):
        return (Remove(row),)
    # Erased: the server erases it again, with all that belongs to it, once it runs.
    if DELETION in row.disabled_by:
        return ()
    by = tuple(sorted({*row.disabled_by, DELETION}))
    off = replace(row, status="disabled", disabled_by=by, password="", mark="")
    return (Update(off), Create(Erasure(user=row.id, requested=now, due=now, by="server")))


def _grant(row: Grant) -> State:
    return {
        "status": row.status,
        "permissions": row.permissions,
        "limits": msgspec.to_builtins(row.limits),
        "delegates": row.revoked_delegates,
    }


_STATUS: Final = ("active", "paused", "stopped")
_FAMILY: Final = ("open", "suspended", "closed")


def _narrow_grant(row: Grant, to: State) -> Grant:
    after = row.with_permissions(less(row.permissions, to["permissions"]))
    if after.permissions == row.permissions:
        after = row
    delegates = {name: tuple(had) for name, had in to["delegates"].items()}
    return replace(
        after,
        status=max(row.status, to["status"], key=_STATUS.index),
        limits=msgspec.convert(to["limits"], Limits),
        revoked_delegates={**row.revoked_delegates, **delegates},
    )


def _family(row: TokenFamily) -> State:
    return {
        "status": row.status,
        "generation": row.generation,
        "rotated": row.rotated,
        "used": row.used,
        "expires": row.expires,
        "bound": row.bound_since,
        "cnf": msgspec.to_builtins(row.cnf),
        "shards": msgspec.to_builtins(row.shards),
    }


def _narrow_family(row: TokenFamily, to: State) -> TokenFamily:
    status = max(row.status, to["status"], key=_FAMILY.index)
    after = replace(row, status=status, because=row.because or "before a restore")
    after = after if status == "closed" else replace(row, status=status)
    if to["generation"] < row.generation or status == "closed":
        return after
    return replace(
        after,
        generation=to["generation"],
        rotated=to["rotated"],
        used=to["used"],
        expires=to["expires"],
        bound_since=to["bound"],
        cnf=msgspec.convert(to["cnf"], Confirmation | None),
        shards=msgspec.convert(to["shards"], Shards | None),
    )


def _user(row: User) -> State:
    return {
        "status": row.status,
        "by": row.disabled_by,
        "password": password_mark(row) if row.password else "",
        "email": mark_of(row.id, row.email),
        "phone": mark_of(row.id, row.phone_number),
    }


def _narrow_user(row: User, to: State) -> User:
    after = row
    if to["status"] == "disabled":
        by = tuple(sorted({*row.disabled_by, *to["by"]}))
        after = replace(after, status="disabled", disabled_by=by)
    if row.password and to["password"] != password_mark(row):
        after = replace(after, password="", mark="")
    # An address that is theirs no more would get the code for a new password.
    if row.email and to["email"] != mark_of(row.id, row.email):
        after = replace(after, email="", email_verified=False)
    if row.phone_number and to["phone"] != mark_of(row.id, row.phone_number):
        after = replace(after, phone_number="", phone_number_verified=False)
    return after


def _factor(row: Factor) -> State:
    return {"counter": row.counter, "codes": len(row.codes)}


def _narrow_factor(row: Factor, to: State) -> Factor | None:
    if row.kind == "recovery":
        # Which of them were used is not known: the user makes new ones.
        return None if len(row.codes) > to["codes"] else row
    return replace(row, counter=max(row.counter, to["counter"]))


def _roles(row: RoleBinding) -> State:
    return {"roles": row.roles}


def _narrow_roles(row: RoleBinding, to: State) -> RoleBinding:
    return replace(row, roles=less(row.roles, to["roles"]))


def _member(row: Membership) -> State:
    return {"administrator": row.administrator}


def _narrow_member(row: Membership, to: State) -> Membership:
    return replace(row, administrator=row.administrator and to["administrator"])


def _organization(row: Organization) -> State:
    return {"rule": msgspec.to_builtins(row.rule), "revision": row.revision}


def _narrow_organization(row: Organization, to: State) -> Organization:
    if to["revision"] <= row.revision:
        return row
    rule = msgspec.convert(to["rule"], OrganizationRule)
    return replace(row, rule=rule, revision=to["revision"])


def _once(row: SingleUse) -> State | None:
    return {"expires": row.expires} if row.purpose == REVOKED else None


def _epoch(row: Epoch) -> State | None:
    return {"number": row.number, "since": row.since} if row.key == CURRENT else None


def _narrow_epoch(row: Epoch, to: State) -> Epoch:
    return (
        replace(row, number=to["number"], since=to["since"]) if to["number"] > row.number else row
    )


def _same(row: Any) -> None:
    return None


_TELLS: Final[dict[type[Record], Callable[[Any], State | None]]] = {
    Grant: _grant,
    TokenFamily: _family,
    User: _user,
    Session: _same,
    Factor: _factor,
    Identity: _same,
    Client: client,
    ResourceServer: api,
    RoleBinding: _roles,
    Membership: _member,
    Organization: _organization,
    OrganizationGroup: _same,
    SingleUse: _once,
    SigningKey: _same,
    Epoch: _epoch,
}

_BEGIN: Final = frozenset({SingleUse, Epoch})
"""Kinds of rows that end something by being created."""

_STAYS: Final = frozenset({SingleUse, Organization, Epoch})
"""Kinds of rows whose removal gives more, or nothing."""

_NARROWS: Final[dict[type[Record], Callable[[Any, State], Any]]] = {
    Grant: _narrow_grant,
    TokenFamily: _narrow_family,
    User: _narrow_user,
    Factor: _narrow_factor,
    Client: narrow_client,
    ResourceServer: narrow_api,
    RoleBinding: _narrow_roles,
    Membership: _narrow_member,
    Organization: _narrow_organization,
    Epoch: _narrow_epoch,
}

KINDS: Final[dict[str, type[Record]]] = {one.table: one for one in _TELLS}


def missing(name: tuple[str, str], state: State | None, now: int) -> tuple[Change, ...]:
    """The changes for a row (table and key) that the backup does not have: most need none."""
    table, key = name
    if state is None:
        return ()
    if table == SingleUse.table and state["expires"] > now:
        purpose, value = REVOKED, key.removeprefix(f"{REVOKED} ")
        return (Create(SingleUse(purpose=purpose, value=value, expires=state["expires"])),)
    if table == Epoch.table:
        return (Create(Epoch(number=state["number"], since=state["since"])),)
    return ()
