"""The recorder: it writes the audit records of a commit in this commit.

Every commit with events, or with a draft of a record, passes through it, so no rule can leave the
record out. A commit with neither, such as that of a refresh, goes straight to the database (see
`store.read_cache`).
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable, Sequence
from os import urandom
from typing import Any, Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from valetkey.server.audit.caller import AuditedRequest, current_caller
from valetkey.server.audit.flood import Flood
from valetkey.server.audit.segments import commitment, leaf_of, opening_of
from valetkey.server.audit.terms import now_env
from valetkey.server.model import ids
from valetkey.server.model.audit import (
    NOT_RECORDED,
    AuditActor,
    AuditDraft,
    AuditFacts,
    AuditPart,
    AuditRecord,
    AuditTarget,
    PersonKey,
    UnsealedRecord,
    actor_of,
    category_of,
)
from valetkey.server.model.change import Change, Create, Stale
from valetkey.server.model.counters import Throttle
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.query import One
from valetkey.server.model.record import Record
from valetkey.server.store.port import Store
from valetkey.server.store.read_cache import CachedStore

R = TypeVar("R", bound=Record)

NONCE: Final = 12
KEY: Final = 32
MAX_KEYS: Final = 4096
"""Keys of persons that a process remembers."""

MAX_TEXT: Final = 500
"""Characters of a text in a record."""

TRIES: Final = 3

Extend = Callable[[Store, Sequence[Change], Sequence[Event]], Awaitable[Sequence[AuditDraft]]]
"""Makes more drafts for a commit."""


class AuditRecorder:
    """Commits with records. `actor` is who acts wherever an event only knows that it was an
    administrator, None to take it from the request. `extend` makes more records of a commit (see
    `audit.local`)."""

    def __init__(
        self, store: Store, *, actor: AuditActor | None = None, extend: Extend | None = None
    ) -> None:
        self.store = store
        self.every = extend is not None
        self.flood = Flood()
        self._actor = actor
        self._extend = extend
        self._keys: dict[str, bytes] = {}

    async def commit(
        self, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        """Write all or nothing, with the records. Raises as `Store.commit`."""
        caller = current_caller()
        drafts = [one.record for one in changes if isinstance(one.record, AuditDraft)]
        rest = [one for one in changes if not isinstance(one.record, AuditDraft)]
        # What an operation of an administrator does besides is theirs too.
        by = drafts[0].facts.actor if drafts else self._actor
        has_act = bool(drafts)
        drafts += [
            draft_of(event, caller, administrator=by)
            for event in events
            if event.kind not in NOT_RECORDED and self.flood.admits(event.kind)
        ]
        if self._extend is not None and not has_act:
            drafts += await self._extend(self.store, rest, events)
        # For the audit log alone: anybody can fail to sign in, and no user reads of it.
        stored = [one for one in events if one.user or one.kind != "sign-in-refused"]
        return await self._write(drafts, rest, stored)

    async def _write(
        self, drafts: Sequence[AuditDraft], changes: Sequence[Change], events: Sequence[Event]
    ) -> tuple[Throttle, ...]:
        persons = {person for one in drafts for person, _ in one.personal if person}
        for one in changes:
            if isinstance(one.record, PersonKey):  # it is removed with the account
                persons.discard(one.record.user)
                self._keys.pop(one.record.user, None)
        tries = TRIES
        while True:
            keys, created = await self._person_keys(persons)
            more: list[Change] = list(created)
            for draft in drafts:
                record = sealed(draft, keys)
                waiting = UnsealedRecord(
                    id=record.id, category=draft.facts.category, leaf=leaf_of(record)
                )
                more += (Create(record), Create(waiting))
            try:
                counters = await self.store.commit((*changes, *more), events)
            except Stale as stale:
                tries -= 1
                if isinstance(stale.change.record, PersonKey) and tries:
                    self._keys.pop(stale.change.record.user, None)
                    continue
                raise
            for one in created:
                self._remember(one.record)
            return counters

    async def _person_keys(self, persons: Iterable[str]) -> tuple[dict[str, bytes], list[Create]]:
        """The keys of these persons, and the changes that create those that are missing."""
        secrets: dict[str, bytes] = {}
        missing = []
        for person in persons:
            key = self._keys.get(person)
            if key is None:
                missing.append(person)
            else:
                secrets[person] = key
        if not missing:
            return secrets, []
        queries = [One(PersonKey, person) for person in missing]
        results = await self.store.read(*queries)
        created = []
        for query in queries:
            row = results.one(query)
            if row is None:
                row = PersonKey(user=query.key, secret=urandom(KEY))
                created.append(Create(row))
            else:
                self._remember(row)
            secrets[row.user] = row.secret
        return secrets, created

    def _remember(self, row: Record) -> None:
        if isinstance(row, PersonKey):
            if len(self._keys) >= MAX_KEYS:
                self._keys.clear()
            self._keys[row.user] = row.secret


def recorded(store: Store, recorder: AuditRecorder | None = None) -> CachedStore:
    """A store whose commits are recorded."""
    cached = store if isinstance(store, CachedStore) else CachedStore(store)
    cached.recorder = recorder or AuditRecorder(cached.store)
    return cached


def recorder_of(store: Store) -> AuditRecorder:
    """The recorder of a store that `recorded` returned, or of what is around it. Raises
    TypeError."""
    recorder = getattr(store, "recorder", None)
    if not isinstance(recorder, AuditRecorder):
        raise TypeError("nothing records the commits of this store")
    return recorder


def record(
    env: Env,
    *,
    actor: AuditActor,
    operation: str,
    target: AuditTarget | None = None,
    outcome: Any = "success",
    request_id: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    note: str = "",
    address: str = "",
    agent: str = "",
    private: bool = False,
) -> Create:
    """The change that writes a record. It goes into the commit of the act itself.

    `before` and `after` are fields of what was changed; only those that differ are recorded, and
    `private` ones apart, under the key of the target's user. `note` is text that a person typed."""
    before, after = before or {}, after or {}
    changes = {
        name: (clip(before.get(name)), clip(after.get(name)))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }
    return Create(
        draft(
            env,
            operation=operation,
            actor=actor,
            target=target or AuditTarget(),
            outcome=outcome,
            request=request_id,
            changes={} if private else changes,
            about_actor={"address": address, "agent": agent},
            about_target={"note": note, "changes": changes if private else {}},
        )
    )


def draft(
    env: Env,
    *,
    operation: str,
    actor: AuditActor,
    target: AuditTarget,
    about_actor: dict[str, Any],
    about_target: dict[str, Any],
    **facts: Any,
) -> AuditDraft:
    """A draft. What is about one person is one part, even if they are actor and target."""
    personal: dict[str, dict[str, Any]] = {}
    who = actor.id if actor.kind == "user" else ""
    for person, content in ((who, about_actor), (target.user, about_target)):
        present = {name: value for name, value in content.items() if value}
        if present:
            personal.setdefault(person, {}).update(present)
    return AuditDraft(
        facts=AuditFacts(
            id=ids.free_id(env),
            at=env.now * 1000 + env.millisecond,
            category=category_of(operation),
            operation=operation,
            actor=actor,
            target=target,
            parts=tuple(personal),
            **facts,
        ),
        personal=tuple(personal.items()),
    )


def draft_of(
    event: Event, caller: AuditedRequest, *, administrator: AuditActor | None = None
) -> AuditDraft:
    """The draft for an event, with what is known about the caller."""
    actor = actor_of(event, session=caller.session_id)
    if actor.kind == "administrator":
        actor = caller.audit_actor or administrator or actor
    if event.kind == "sign-in-refused":
        # Perhaps it was somebody else: nothing about them belongs to the person.
        actor = AuditActor(kind="stranger")
    by_server = actor.kind == "server"
    return draft(
        now_env(),
        operation=event.kind,
        actor=actor,
        target=AuditTarget(user=event.user, client=event.client, grant=event.grant),
        outcome="refused" if event.kind in REFUSALS else "success",
        permissions=event.permissions,
        request=caller.id,
        about_actor={
            "address": "" if by_server else caller.address,
            "agent": "" if by_server else caller.agent[:MAX_TEXT],
            "device": event.device,
            "country": event.country,
        },
        about_target={"note": event.note[:MAX_TEXT], "reason": event.reason[:MAX_TEXT]},
    )


REFUSALS: Final = frozenset({"sign-in-refused", "code-refused", "refused", "declined"})
"""Kinds of events that say that something was refused."""


def clip(value: Any) -> Any:
    """A value of a field, without what would make the record large."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return value[:MAX_TEXT] + "…"
    if isinstance(value, list | tuple | dict) and len(msgspec.json.encode(value)) > 4 * MAX_TEXT:
        return f"({len(value)} items)"
    return value


# Personal parts.


def sealed(one: AuditDraft, keys: dict[str, bytes]) -> AuditRecord:
    """The record, with its personal parts encrypted. A person without a key is one whose account is
    being erased: what is about them is left out, and cannot be opened by anybody."""
    parts = []
    for number, (person, content) in enumerate(one.personal):
        loose = b"" if person else urandom(KEY)
        key = keys.get(person) or loose or urandom(KEY)
        plain = msgspec.json.encode(content)
        nonce = urandom(NONCE)
        parts.append(
            AuditPart(
                person=person,
                sealed=nonce + AESGCM(key).encrypt(nonce, plain, _purpose(one.key, number)),
                commitment=commitment(opening_of(key, one.key, number), plain),
                key=loose,
            )
        )
    public = msgspec.json.encode(one.facts).decode()
    return AuditRecord(id=one.key, public=public, parts=tuple(parts))


def opened(record: AuditRecord, number: int, key: bytes) -> bytes | None:
    """The bytes of a personal part, None if the key does not open it."""
    part = record.parts[number]
    nonce, text = part.sealed[:NONCE], part.sealed[NONCE:]
    try:
        return AESGCM(key).decrypt(nonce, text, _purpose(record.id, number))
    except (InvalidTag, ValueError):
        return None


def matches(record: AuditRecord, number: int, *, key: bytes, plain: bytes) -> bool:
    """Whether the bytes are those that the record is committed to."""
    expected = commitment(opening_of(key, record.id, number), plain)
    return hmac.compare_digest(expected, record.parts[number].commitment)


def _purpose(record: str, number: int) -> bytes:
    return f"valetkey audit {record} {number}".encode()
