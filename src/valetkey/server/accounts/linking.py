"""Linking: a signed-in user adds another way to sign in to their account, or removes one.

A link needs two proofs: the user's session here, which is fresh, and a sign-in at the provider in
the same browser. An e-mail address proves nothing (ATTACKS A105).
"""

from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias

import msgspec

from valetkey.server.accounts.provisioning import check_subject, new_identity
from valetkey.server.model.change import Change, Create, Remove
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.user import Identity, Session, User, identity_alias

LinkResult: TypeAlias = Literal["linked", "already", "taken", "unverified"]
"""The identity was linked; it was linked to this user before; it is another user's; the user's own
e-mail address is not verified."""

UnlinkResult: TypeAlias = Literal["unlinked", "unknown", "last"]
"""The identity was removed; the user has no such identity; it is the last way to sign in."""


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a link."""

    result: LinkResult
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


class Unlinked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of removing a link. `ended` are the sessions that end with it."""

    result: UnlinkResult
    ended: tuple[Session, ...] = ()
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def identities(user: str) -> Rule[Sequence[Identity]]:
    """The identities of a user, oldest first."""
    query = Many(Identity, "user", user)
    return (yield (query,)).many(query)


def judge_link(user: User, source: str, subject: str) -> Rule[LinkResult]:
    """Whether the identity can be linked to the user: "linked" if so. Raises InvalidRequest for a
    wrong subject."""
    check_subject(subject)
    query = OneByAlias(Identity, identity_alias(source, subject))
    known = (yield (query,)).one(query)
    if known is not None:
        return "already" if known.user == user.id else "taken"
    # Somebody may have opened the account in the name of another person, and waits for them.
    return "unverified" if user.email and not user.email_verified else "linked"


def link(user_id: str, source: str, subject: str, *, name: str, env: Env) -> Rule[Linked]:
    """Links the identity to the user. The caller has both proofs. Raises InvalidRequest for a
    wrong subject."""
    query = One(User, user_id)
    user = (yield (query,)).one(query)
    if user is None or user.status != "active":
        return Linked(result="unverified")
    result = yield from judge_link(user, source, subject)
    if result != "linked":
        return Linked(result=result)
    identity = new_identity(user.id, source, subject, env=env)
    identity = msgspec.structs.replace(identity, name=name, linked=True)
    audit_event = event(env, "linked", by="user", user=user.id, note=source)
    return Linked(result="linked", changes=(Create(identity),), events=(audit_event,))


def unlink(
    identity_id: str,
    user: User,
    *,
    way: str,
    current: str,
    usable: Collection[str],
    password: bool,
    env: Env,
) -> Rule[Unlinked]:
    """Removes an identity of the user, and ends the other sessions that they opened by its `way`.
    `current` is the id of the session that asks, `usable` are the sources at which users may sign
    in, `password`: they may sign in by a password of this server."""
    sessions, mine = Many(Session, "user", user.id), Many(Identity, "user", user.id)
    results = yield (sessions, mine)
    every = results.many(mine)
    identity = next((one for one in every if one.id == identity_id), None)
    if identity is None:
        return Unlinked(result="unknown")
    others = [one for one in every if one.id != identity_id and one.source in usable]
    if not others and not (password and user.password):
        return Unlinked(result="last")
    ended = tuple(
        one for one in results.many(sessions) if way and one.way == way and one.id != current
    )
    audit_event = event(env, "unlinked", by="user", user=user.id, note=identity.source)
    return Unlinked(
        result="unlinked", ended=ended, changes=(Remove(identity),), events=(audit_event,)
    )
