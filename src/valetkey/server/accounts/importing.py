"""The import of users from another system, a batch at a time.

A batch is judged and written as one: a crash leaves every record of it, or none. A record that is
imported again changes nothing, so an import that was interrupted goes on when it is run again.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.accounts import password, sign_up
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.confusable import poses_as_latin, skeleton, why_not_one_script
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.query import OneByAlias, Results, Rule
from valetkey.server.model.user import User, hash_mark, password_mark

OnExisting: TypeAlias = Literal["skip", "update", "fail"]
OnRefusal: TypeAlias = Literal["skip", "stop"]
Verdict: TypeAlias = Literal["added", "changed", "unchanged", "kept", "refused"]

VERDICTS: Final[tuple[Verdict, ...]] = ("added", "changed", "unchanged", "kept", "refused")


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A user of another system: `user` has no id yet. `place` says where the record is in its file,
    `dropped` what of it is not imported. `why` is "" or the reason not to import it, as
    `field: reason`."""

    place: str
    user: User
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


def import_batch(
    batch: Sequence[Incoming], *, on_existing: OnExisting, on_refusal: OnRefusal, env: Env
) -> Rule[ImportedBatch]:
    """Judges the records in their order. A refused record does not affect the others, or it is the
    last one."""
    wrong = [one.why or _mistake(one.user) for one in batch]
    names = {
        name: OneByAlias(User, name)
        for one, why in zip(batch, wrong, strict=True)
        if not why
        for name in (one.user.alias, skeleton(one.user.username))
    }
    results = (yield tuple(names.values())) if names else Results({})
    users = {name: row for name, want in names.items() if (row := results.one(want)) is not None}
    writes: dict[str, Change] = {}
    judgments = []
    for one, why in zip(batch, wrong, strict=True):
        judgment, after = (
            (Judgment(one, "refused", why), None)
            if why
            else _judge(one, users, on_existing=on_existing, env=env)
        )
        judgments.append(judgment)
        if judgment.verdict == "refused" and on_refusal == "stop":
            break
        if after is not None:
            is_new = judgment.verdict == "added" or isinstance(writes.get(after.alias), Create)
            writes[after.alias] = Create(after) if is_new else Update(after)
            users[after.alias] = after
    return ImportedBatch(tuple(judgments), tuple(writes.values()))


def _mistake(user: User) -> str:
    """The first mistake in a user's data, "" for none."""
    mistakes = sign_up.mistakes(user)
    if mistakes:
        return mistakes[0]
    if why := why_not_one_script(user.username):
        return f"username: {why}"
    # Other users may see the name (ATTACKS A52).
    return "username: looks like a Latin name" if poses_as_latin(user.username) else ""


def _judge(
    one: Incoming, users: Mapping[str, User], *, on_existing: OnExisting, env: Env
) -> tuple[Judgment, User | None]:
    """The judgment of a record without mistakes, and the user to write, None for nobody."""
    there = users.get(one.user.alias)
    if there is None:
        twin = users.get(skeleton(one.user.username))
        if twin is not None:
            return Judgment(one, "refused", "username: looks like that of another user"), None
        user = msgspec.structs.replace(
            one.user,
            id=ids.user_id(env),
            created=one.user.created or env.now,
            changed=env.now,
        )
        return Judgment(one, "added"), user
    after = _updated(there, one.user)
    if after == there:
        return Judgment(one, "unchanged"), None
    match on_existing:
        case "skip":
            return Judgment(one, "kept"), None
        case "fail":
            return Judgment(one, "refused", "username: a user with this name exists"), None
        case "update":
            return Judgment(one, "changed"), msgspec.structs.replace(after, changed=env.now)


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
