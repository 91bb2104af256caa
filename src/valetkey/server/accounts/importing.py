"""The import of users from another system, a batch at a time.

A batch is judged and written as one: a crash leaves every record of it, or none. A record that is
imported again changes nothing, so an import that was interrupted goes on when it is run again.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.accounts import password, sign_up
from valetkey.server.accounts.provisioning import MAX_SUBJECT, known_as, new_identity
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.confusable import poses_as_latin, skeleton, why_not_one_script
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.query import One, OneByAlias, Query, Results, Rule, existing
from valetkey.server.model.user import (
    PLATFORM,
    Identity,
    User,
    hash_mark,
    identity_alias,
    password_mark,
)

OnExisting: TypeAlias = Literal["skip", "update", "fail"]
OnRefusal: TypeAlias = Literal["skip", "stop"]
Verdict: TypeAlias = Literal["added", "changed", "unchanged", "kept", "refused"]

VERDICTS: Final[tuple[Verdict, ...]] = ("added", "changed", "unchanged", "kept", "refused")


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A user of another system: `user` has no id yet. `place` says where the record is in its file,
    `subject` is the id of the user there, `dropped` what of the record is not imported. `why` is ""
    or the reason not to import it, as `field: reason`."""

    place: str
    user: User
    subject: str = ""
    dropped: tuple[str, ...] = ()
    why: str = ""


class Judgment(msgspec.Struct, frozen=True):
    """What became of a record: `kept` is a user who exists and stays as they are. `why` is the
    reason for a refusal, as `field: reason`."""

    incoming: Incoming
    verdict: Verdict
    why: str = ""


class ImportedBatch(msgspec.Struct, frozen=True):
    """The judgments of a batch, and the changes that they need."""

    judgments: tuple[Judgment, ...]
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def written(self) -> dict[str, User]:
        """The users to write, by id."""
        records = [change.record for change in self.changes if isinstance(change, Create | Update)]
        return {one.id: one for one in records if isinstance(one, User)}


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How to import. With a `source`, the ids in the records become identities of that source (see
    `Identity`)."""

    on_existing: OnExisting = "skip"
    on_refusal: OnRefusal = "skip"
    source: str = ""


Attempts: TypeAlias = Mapping[str, User]
"""The users of commits whose outcome is unknown, by id."""

NO_ATTEMPTS: Final[Attempts] = MappingProxyType({})


def import_batch(
    batch: Sequence[Incoming], terms: Terms, env: Env, *, attempts: Attempts = NO_ATTEMPTS
) -> Rule[ImportedBatch]:
    """Judges the records in their order. A refused record does not affect the others, or it is the
    last one.

    A user of `attempts` who is found was written by that attempt, and has its verdict."""
    wrong = [one.why or _mistake(one, terms) for one in batch]
    valid = [one for one, why in zip(batch, wrong, strict=True) if not why]
    users = yield from _existing_users(valid, terms)
    judging = _Judging(users, terms, env, attempts=attempts)
    judgments = []
    for one, why in zip(batch, wrong, strict=True):
        judgments.append(Judgment(one, "refused", why) if why else judging.judge(one))
        if judgments[-1].verdict == "refused" and terms.on_refusal == "stop":
            break
    return ImportedBatch(tuple(judgments), tuple(judging.changes.values()))


def _existing_users(batch: Sequence[Incoming], terms: Terms) -> Rule[dict[str, User]]:
    """The users who exist, by the aliases of the records: their names, names that look alike, and
    identities."""
    names = {
        name: OneByAlias(User, name)
        for one in batch
        for name in (one.user.alias, skeleton(one.user.username))
    }
    identities = {
        alias: OneByAlias(Identity, alias)
        for one in batch
        if (alias := _identity_alias(one, terms))
    }
    wanted: tuple[Query, ...] = (*names.values(), *identities.values())
    results = (yield wanted) if wanted else Results({})
    users = {name: row for name, want in names.items() if (row := results.one(want)) is not None}
    owners = {
        alias: One(User, identity.user)
        for alias, want in identities.items()
        if (identity := results.one(want)) is not None
    }
    return users | (yield from existing(owners))


def _identity_alias(one: Incoming, terms: Terms) -> str:
    has_one = terms.source and one.subject
    return identity_alias(terms.source, one.subject) if has_one else ""


def _mistake(one: Incoming, terms: Terms) -> str:
    """The first mistake in a record, "" for none."""
    mistakes = sign_up.mistakes(one.user)
    if mistakes:
        return mistakes[0]
    if why := why_not_one_script(one.user.username):
        return f"username: {why}"
    # Other users may see the name (ATTACKS A52).
    if poses_as_latin(one.user.username):
        return "username: looks like a Latin name"
    if terms.source and (len(one.subject) > MAX_SUBJECT or not one.subject.isprintable()):
        return f"id: is not printable, or has over {MAX_SUBJECT} characters"
    return ""


class _Judging:
    """The judgment of records without mistakes. `users` are those who exist, by alias; `changes`
    has what to write, by the key of the record."""

    def __init__(
        self, users: dict[str, User], terms: Terms, env: Env, *, attempts: Attempts
    ) -> None:
        self._users = users
        self._attempts = dict(attempts)
        self._terms = terms
        self._env = env
        self.changes: dict[str, Change] = {}

    def judge(self, one: Incoming) -> Judgment:
        """Judges a record, and notes what to write."""
        same_name = self._users.get(one.user.alias)
        identity = _identity_alias(one, self._terms)
        owner = self._users.get(identity) if identity else None
        if owner is not None and same_name is not None and owner.id != same_name.id:
            return Judgment(one, "refused", "id: belongs to a user with another name")
        there = owner or same_name
        if there is None:
            return self._add(one, identity)
        after = _updated(there, one.user)
        if identity and not there.external:
            after = known_as(after, self._terms.source, one.subject)
        is_linked = owner is not None or not identity
        if after == there and is_linked:
            return Judgment(one, self._verdict_of_attempt(there))
        match self._terms.on_existing:
            case "skip":
                return Judgment(one, "kept")
            case "fail":
                return Judgment(one, "refused", "username: a user with this name exists")
            case "update" if self._has_another_id(there, one):
                # A name that somebody else has now must not open the account of who had it.
                return Judgment(one, "refused", "id: the user of this name has another one")
            case "update":
                # Who is disabled has sessions to end: see `change_user_status`.
                after = msgspec.structs.replace(after, status=there.status, changed=self._env.now)
                self._write(after, one, "" if is_linked else identity)
                return Judgment(one, "changed")

    def _has_another_id(self, there: User, one: Incoming) -> bool:
        """Whether the platform knows the user by another id than the record's."""
        if self._terms.source != PLATFORM or not one.subject or not there.external:
            return False
        return there.external != one.subject

    def _verdict_of_attempt(self, there: User) -> Verdict:
        """The verdict about a user who is as the record says. The first of several equal records is
        the one that was written."""
        attempt = self._attempts.pop(there.id, None)
        if attempt is None:
            return "unchanged"
        if attempt.version == 0:
            return "added"
        return "changed" if attempt.changed == there.changed else "unchanged"

    def _add(self, one: Incoming, identity: str) -> Judgment:
        if self._users.get(skeleton(one.user.username)) is not None:
            return Judgment(one, "refused", "username: looks like that of another user")
        user = msgspec.structs.replace(
            one.user,
            id=ids.user_id(self._env),
            created=one.user.created or self._env.now,
            changed=self._env.now,
        )
        if identity:
            user = known_as(user, self._terms.source, one.subject)
        self.changes[user.id] = Create(user)
        self._write(user, one, identity)
        return Judgment(one, "added")

    def _write(self, user: User, one: Incoming, identity: str) -> None:
        is_new = isinstance(self.changes.get(user.id), Create)
        self.changes[user.id] = Create(user) if is_new else Update(user)
        self._users[user.alias] = user
        if identity:
            self._users[identity] = user
            row = new_identity(user.id, self._terms.source, one.subject, env=self._env)
            self.changes[row.id] = Create(row)


def _updated(there: User, new: User) -> User:
    """The user with what the record says. A field that the record lacks stays, and so does a
    password that was used here. An update disables a user, but enables nobody."""
    texts = {
        name: value
        for name in ("email", "phone_number")
        if (value := getattr(new, name)) and value != getattr(there, name)
    }
    changes: dict[str, object] = dict(texts)
    for text, flag in _VERIFIED.items():
        if text in texts or (getattr(new, text) and getattr(new, flag)):
            changes[flag] = getattr(new, flag)
    for name in ("address", "claims"):
        changes[name] = {**getattr(there, name), **getattr(new, name)}
    if new.status == "disabled":
        changes["status"] = "disabled"
    if new.password and _takes_password(there, new.password):
        changes |= {"password": new.password, "mark": ""}
    return msgspec.structs.replace(there, **changes)


_VERIFIED: Final = {"email": "email_verified", "phone_number": "phone_number_verified"}


def _takes_password(there: User, stored: str) -> bool:
    if not there.password:
        return True
    # A hash of this server's own is of a password that its user has entered here.
    return password.is_imported(there.password) and password_mark(there) != hash_mark(stored)
