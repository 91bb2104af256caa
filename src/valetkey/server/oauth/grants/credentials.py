"""A new password, e-mail address or phone number for an account, and what ends with the old one."""

from typing import Final

import msgspec

from valetkey.server.accounts.notices import tell
from valetkey.server.accounts.sign_in import Noted, password_opened
from valetkey.server.accounts.throttle import is_closed, reopen
from valetkey.server.model.change import Change, Update
from valetkey.server.model.event import By, Event, event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import Session, User, password_mark
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.grants.changes import change_status
from valetkey.server.oauth.logout.sessions import end_all

NOTE: Final = "password changed"
"""The note of the events of sessions that end."""


class CredentialsChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The user as now stored, None if there is none. `sessions` have ended, `stopped` apps have no
    access any more."""

    user: User | None = None
    sessions: int = 0
    stopped: int = 0


def change_password(
    name: str,
    password_hash: str,
    *,
    by: By,
    keep: str = "",
    stop_apps: bool = False,
    device: str = "",
    reason: str = "",
    context: Context,
) -> Rule[CredentialsChanged]:
    """Stores the hash of a new password of the user with this id. Their sessions end, except the
    one with the id `keep`, and so does the access of apps if `stop_apps`. Trusted devices end by
    themselves. `device` describes the browser, for the notice. The user reads the `reason`."""
    query, owned = One(User, name), Many(Session, "user", name)
    results = yield (query, owned)
    user, sessions = results.one(query), results.many(owned)
    if user is None:
        return CredentialsChanged()
    env = context.env
    changed = msgspec.structs.replace(user, password=password_hash, mark="", changed=env.now)
    others = [one for one in sessions if one.id != keep]
    ended = yield from end_all(others, by=by, note=NOTE, context=context)
    own = tuple(
        Update(msgspec.structs.replace(one, proved=password_mark(changed)))
        for one in sessions
        if one.id == keep and not one.way
    )
    stops = (yield from _stop_all(name, by=by, context=context)) if stop_apps else Outcome()
    noted = yield from _note_password(name, by=by, device=device, reason=reason, context=context)
    return CredentialsChanged(
        user=changed,
        sessions=len(others),
        stopped=len(stops.events),
        changes=(
            Update(changed),
            *own,
            *ended.changes,
            *stops.changes,
            *noted.changes,
        ),
        events=(*noted.events, *ended.events, *stops.events),
    )


def _note_password(name: str, *, by: By, device: str, reason: str, context: Context) -> Rule[Noted]:
    """What comes with a new password besides its ends: it works for strangers again, the user is
    notified, and the events."""
    env, to = context.env, context.installation.notices
    opened = Noted()
    if (yield from is_closed(name, env.now)):
        opened = password_opened(name, by=by, device=device, to=to, env=env)
    notices = tell("password_changed", user=name, env=env, to=to, facts=_by(device))
    changed = event(env, "password-changed", by=by, user=name, note=device, reason=reason)
    return Noted(
        changes=(*reopen(name, env.now), *notices, *opened.changes),
        events=(changed, *opened.events),
    )


def change_email(
    name: str, email: str, *, device: str, context: Context
) -> Rule[CredentialsChanged]:
    """Stores an e-mail address that the user has just proved to be theirs. The address before gets
    the notice."""
    query = One(User, name)
    user = (yield (query,)).one(query)
    if user is None or user.status != "active":
        return CredentialsChanged()
    env = context.env
    changed = msgspec.structs.replace(user, email=email, email_verified=True, changed=env.now)
    moved = bool(user.email) and user.email != email
    notices = tell(
        "email_changed",
        user=name,
        env=env,
        to=context.installation.notices,
        email=user.email if moved else email,
        facts={"new_email": email, **_by(device)},
    )
    return CredentialsChanged(
        user=changed,
        changes=(Update(changed), *(notices if moved else ())),
        events=(event(env, "email-changed", by="user", user=name, note=device),),
    )


def change_phone(
    name: str, number: str, *, device: str, context: Context
) -> Rule[CredentialsChanged]:
    """Stores a phone number that the user has just proved to be theirs. It opens no account, so
    nobody gets a notice."""
    query = One(User, name)
    user = (yield (query,)).one(query)
    if user is None or user.status != "active":
        return CredentialsChanged()
    env = context.env
    changed = msgspec.structs.replace(
        user, phone_number=number, phone_number_verified=True, changed=env.now
    )
    return CredentialsChanged(
        user=changed,
        changes=(Update(changed),),
        events=(event(env, "phone-changed", by="user", user=name, note=device),),
    )


def _by(device: str) -> dict[str, str]:
    return {"device": device} if device else {}


def _stop_all(name: str, *, by: By, context: Context) -> Rule[Outcome]:
    """Stops the access of every app."""
    query = Many(Grant, "user", name)
    grants = (yield (query,)).many(query)
    changes: list[Change] = []
    events: list[Event] = []
    for grant in grants:
        if grant.status == "stopped":
            continue
        stopped = yield from change_status(grant.id, "stop", user=name, by=by, context=context)
        changes += stopped.changes
        events += stopped.events
    return Outcome(changes=tuple(changes), events=tuple(events))
