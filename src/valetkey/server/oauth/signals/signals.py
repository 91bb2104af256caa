"""The occurrences that changes stand for: at most one for each change, derived from what is about
to be committed, so that no rule can forget one.

Each lists the event types that fit, the best one first: a receiver gets the first one that it
requested.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import By, Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.record import Record
from valetkey.server.model.user import Session, User, password_mark
from valetkey.wire.security_event import (
    ACCOUNT_DISABLED,
    ACCOUNT_ENABLED,
    ACCOUNT_PURGED,
    CREDENTIAL_CHANGE,
    CREDENTIAL_COMPROMISE,
    SESSION_REVOKED,
    TOKEN_CLAIMS_CHANGE,
)

ENTITY: Final[dict[By, str]] = {
    "user": "user",
    "administrator": "admin",
    "server": "system",
    "app": "system",
}
"""The initiating entity (CAEP 2)."""


STOLEN: Final = frozenset({"replayed", "suspended"})
"""Events that indicate a stolen code, refresh token or shard."""


class Happened(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An occurrence for receivers: about a user, an app (`client`), a device of the app, a session.
    `grant` and `before` are the grant now and before, if it is about one. `to` has the kinds of
    receivers that it concerns."""

    types: tuple[str, ...]
    to: tuple[Literal["client", "resource"], ...] = ("client", "resource")
    user: str = ""
    client: str = ""
    family: str = ""
    sid: str = ""
    claims: Mapping[str, Any] = {}
    grant: Grant | None = None
    before: Grant | None = None


Before: TypeAlias = Mapping[tuple[type[Record], str], Record]
"""The records before the change, by kind and key."""

KINDS: Final = (Grant, TokenFamily, User, Client, Session)


def touched(changes: Iterable[Change]) -> tuple[Record, ...]:
    """The changed records that may cause a signal. A refresh causes none: its family stays open."""
    return tuple(
        change.record
        for change in changes
        if isinstance(change.record, KINDS) and not isinstance(change, Create)
        if not (
            isinstance(change, Update)
            and isinstance(change.record, TokenFamily)
            and change.record.status == "open"
        )
    )


def happened(
    changes: Iterable[Change], events: Iterable[Event], before: Before
) -> tuple[Happened, ...]:
    """The occurrences, in order. If an account is removed, only that is one."""
    every = tuple(changes)
    occurrences = tuple(
        one
        for change in every
        if (was := before.get((type(change.record), change.record.key))) is not None
        for one in _happened(change, was, tuple(events))
    )
    purged = {one.user for one in occurrences if ACCOUNT_PURGED in one.types}
    occurrences = tuple(
        one for one in occurrences if one.user not in purged or ACCOUNT_PURGED in one.types
    )
    return (*_sessions(every, purged), *occurrences)


def _happened(change: Change, was: Record, events: tuple[Event, ...]) -> Iterator[Happened]:
    match change.record, was:
        case Grant() as now, Grant():
            yield from _grant(now, was, _by(events, now.id))
        case TokenFamily() as now, TokenFamily():
            yield from _family(now, was, events)
        case User() as now, User():
            yield from _user(now, was, removed=isinstance(change, Remove))
        case Client() as now, Client():
            gone = isinstance(change, Remove) or now.status != "active"
            if gone and was.status == "active":
                claims = {"initiating_entity": ENTITY["administrator"]}
                yield Happened(
                    types=(SESSION_REVOKED,), to=("resource",), client=now.id, claims=claims
                )
        case _:
            return


def _grant(now: Grant, was: Grant, claims: Mapping[str, Any]) -> Iterator[Happened]:
    stands = (now.permissions, now.limits, now.revoked_delegates, now.status)
    if was.status == "stopped" or stands == (
        was.permissions,
        was.limits,
        was.revoked_delegates,
        was.status,
    ):
        return
    yield Happened(
        types=(SESSION_REVOKED,) if now.status == "stopped" else (TOKEN_CLAIMS_CHANGE,),
        user=now.user,
        client=now.client,
        claims=claims,
        grant=now,
        before=was,
    )


def _family(now: TokenFamily, was: TokenFamily, events: tuple[Event, ...]) -> Iterator[Happened]:
    if was.status != "open" or now.status == "open":
        return
    stolen = any(one.kind in STOLEN and one.grant == now.grant for one in events)
    yield Happened(
        types=(CREDENTIAL_COMPROMISE, SESSION_REVOKED) if stolen else (SESSION_REVOKED,),
        user=now.user,
        client=now.client,
        family=now.id,
        claims={**_by(events, now.grant), **({"credential_type": "app"} if stolen else {})},
    )


def _user(now: User, was: User, *, removed: bool) -> Iterator[Happened]:
    if removed:
        yield Happened(types=(ACCOUNT_PURGED, SESSION_REVOKED), user=now.id)
    elif now.status != was.status:
        off = now.status != "active"
        types = (ACCOUNT_DISABLED, SESSION_REVOKED) if off else (ACCOUNT_ENABLED,)
        yield Happened(types=types, user=now.id)
    elif password_mark(now) != password_mark(was):
        kind = "update" if was.password and now.password else "create" if now.password else "revoke"
        claims: dict[str, Any] = {"credential_type": "password", "change_type": kind}
        yield Happened(types=(CREDENTIAL_CHANGE,), user=now.id, claims=claims)


def _sessions(changes: tuple[Change, ...], purged: set[str]) -> Iterator[Happened]:
    """One ended session is one occurrence; several of a user are the end of all. Grants outlive
    sessions, so APIs are not concerned."""
    ended: dict[str, list[str]] = {}
    for change in changes:
        if isinstance(change, Remove) and isinstance(change.record, Session):
            ended.setdefault(change.record.user, []).append(change.record.sid)
    # A user who signs in again keeps the `sid`.
    begun = {
        one.record.sid
        for one in changes
        if isinstance(one, Create) and isinstance(one.record, Session)
    }
    for user, sids in ended.items():
        over = [sid for sid in sids if sid not in begun]
        if over and user not in purged:
            yield Happened(
                types=(SESSION_REVOKED,),
                to=("client",),
                user=user,
                sid=over[0] if len(over) == 1 else "",
                claims={"initiating_entity": "user"},
            )


def _by(events: tuple[Event, ...], grant: str) -> dict[str, Any]:
    """The initiating entity, if an event tells it."""
    for one in events:
        if one.grant == grant:
            return {"initiating_entity": ENTITY[one.by]}
    return {}
