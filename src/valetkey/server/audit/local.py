"""Local commands: a user who can write to the database can administer everything, so each of
their commits is a record, with the number of the user of the operating system."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from valetkey.server.audit.caller import current_caller
from valetkey.server.audit.recorder import AuditRecorder, clip, draft, recorded
from valetkey.server.audit.terms import now_env
from valetkey.server.model.audit import AuditActor, AuditDraft, AuditTarget
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.event import Event
from valetkey.server.model.query import One
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.store.port import Store
from valetkey.server.store.read_cache import CachedStore

SINGLY: Final = 20
"""Changes of one commit that get a record each. Of more, one record has the numbers."""

NOT_ADMINISTRATIVE: Final = frozenset(
    {
        *("once", "throttles", "jobs", "signals", "events", "pending", "receipts", "allowances"),
        *("audit_state", "audit_unsealed", "audit_person_keys", "audit_records", "erasures"),
    }
)
"""Tables whose changes only follow from others."""

PERSONAL: Final = frozenset(
    {"users", "identities", "factors", "sessions", "provisioned_users", "group_members"}
)
"""Tables whose fields are about a person: their values lie apart."""

HIDDEN: Final = frozenset(
    {
        *("password", "mark", "secrets", "secret", "registration_token", "digest", "browser"),
        *("session", "parameters", "contents", "sealed", "authorization", "credential", "codes"),
        *("handle", "code", "attested"),
    }
)
"""Fields whose values are never in a record, only that they changed."""


def local_actor() -> AuditActor:
    """The user of the operating system who runs this command."""
    return AuditActor(kind="local", id=f"local:{os.getuid()}")


def recorded_locally(store: Store, operation: str) -> CachedStore:
    """A store that records every administrative commit as this operation of a local user."""
    actor = local_actor()

    async def extend(
        inner: Store, changes: Sequence[Change], events: Sequence[Event]
    ) -> list[AuditDraft]:
        written: list[Any] = [
            one
            for one in changes
            if isinstance(one, Create | Update | Remove)
            and type(one.record).table not in NOT_ADMINISTRATIVE
        ]
        if len(written) > SINGLY:
            return [_summary(written, operation, actor)]
        return [await _single(inner, one, operation=operation, actor=actor) for one in written]

    cached = recorded(store)
    cached.recorder = AuditRecorder(cached.store, actor=actor, extend=extend)
    return cached


def _summary(written: Sequence[Any], operation: str, actor: AuditActor) -> AuditDraft:
    counts = Counter(f"{type(one.record).table} {_verb(one)}" for one in written)
    return draft(
        now_env(),
        operation=operation,
        actor=actor,
        target=AuditTarget(kind="many", id=str(len(written))),
        changes={name: (0, number) for name, number in counts.items()},
        request=current_caller().id,
        about_actor={},
        about_target={},
    )


async def _single(inner: Store, change: Any, *, operation: str, actor: AuditActor) -> AuditDraft:
    record: Record = change.record
    kind = type(record)
    before: Record | None = None
    if not isinstance(change, Create):
        query = One(kind, record.key)
        before = (await inner.read(query)).one(query)
    changes = changed(before, None if isinstance(change, Remove) else record)
    private = kind.table in PERSONAL
    return draft(
        now_env(),
        operation=operation,
        actor=actor,
        target=target_of(record),
        changes={} if private else changes,
        request=current_caller().id,
        about_actor={},
        about_target={"changes": changes} if private else {},
    )


def target_of(record: Record) -> AuditTarget:
    """The record, as the target of an act."""
    table = type(record).table
    user = record.key if table == "users" else getattr(record, "user", "")
    client = record.key if table == "clients" else getattr(record, "client", "")
    grant = record.key if table == "grants" else getattr(record, "grant", "")
    return AuditTarget(user=user, client=client, grant=grant, kind=table, id=record.key)


def changed(before: Record | None, after: Record | None) -> dict[str, tuple[Any, Any]]:
    """The stored fields that differ, with both values; those of secrets are left out."""
    old = {} if before is None else stored_fields(before)
    new = {} if after is None else stored_fields(after)
    return {
        name: (_readable(name, old.get(name)), _readable(name, new.get(name)))
        for name in sorted({*old, *new} - {"version"})
        if old.get(name) != new.get(name)
    }


def _readable(name: str, value: Any) -> Any:
    if value is not None and (name in HIDDEN or isinstance(value, bytes)):
        return "(hidden)"
    return clip(value)


def _verb(change: Any) -> str:
    names: dict[type[Any], str] = {Create: "created", Update: "changed", Remove: "removed"}
    return names[type(change)]
