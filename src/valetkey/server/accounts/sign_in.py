"""Sign-in and sign-out: facts about a password become a session."""

from typing import Final, TypeAlias

import msgspec

from valetkey.jose import base64url
from valetkey.jose.seal import digest
from valetkey.server.accounts.throttle import WINDOW, Caller, Throttled, attempt, failed, forgive
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event, event
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.secret import Secret
from valetkey.server.model.user import (
    Session,
    User,
    password_mark,
    sign_in_name,
    with_rehashed_password,
)


class Candidate(msgspec.Struct, frozen=True):
    """Whose password has to be checked, in `wait` seconds. `user` is None for a name that nobody
    has: check all the same, so that the time tells nothing."""

    user: User | None
    wait: float = 0.0
    imported: bool = False
    """Whether there are passwords that take another time to check than that of nobody."""
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def password_hash(self) -> str:
        """The stored hash to check against, "" for nobody."""
        return self.user.password if self.user is not None else ""


class SignedIn(msgspec.Struct, frozen=True):
    """A new session, and the secret for its cookie. `known` is what the browser's cookie says from
    now on of the accounts that it is known to."""

    session: Session
    secret: Secret
    changes: tuple[Change, ...]
    events: tuple[Event, ...]
    known_browser: Secret = Secret("")


MARKER: Final = SingleUse(purpose="imported passwords", value="", expires=0)
"""Is there once a password hash was imported, for ever."""

IMPORTED: Final = One(SingleUse, MARKER.key)


class Renewed(msgspec.Struct, frozen=True):
    """The user as they are now. Their password may have been changed meanwhile."""

    user: User | None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


Attempted: TypeAlias = Candidate | Throttled


def candidate(username: str, *, caller: Caller | None, now: int) -> Rule[Attempted]:
    """Whose password to check, or not now. `caller` is None for an address that is not
    throttled."""
    wait = 0.0
    if caller is not None:
        judged = yield from attempt(username, caller, now)
        if isinstance(judged, Throttled):
            return judged
        wait = judged.wait
    query = OneByAlias(User, sign_in_name(username))
    results = yield (query, IMPORTED)
    user = results.one(query)
    if user is not None and (user.status != "active" or not user.password):
        user = None
    return Candidate(user, wait, imported=results.one(IMPORTED) is not None)


def renew(user: User, password_hash: str) -> Rule[Renewed]:
    """Keeps the password of a user who has just proved it in this form, unless it was changed
    meanwhile. Sessions go on."""
    query = One(User, user.id)
    row = (yield (query,)).one(query)
    if row is None or row.password != user.password:
        return Renewed(row)
    after = with_rehashed_password(row, password_hash)
    return Renewed(after, (Update(after),))


def open_session(
    user: User,
    *,
    username: str,
    caller: Caller | None,
    replaces: str,
    seconds: int,
    epoch: int,
    env: Env,
) -> Rule[SignedIn]:
    """A session for a user who has just proved who they are: always a new one (ATTACKS A65).
    `replaces` is the id of the session that this browser had, "" for none."""
    forgiven = () if caller is None else forgive(username, caller, env.now)
    secret = base64url.encode(env.random_bytes(32))
    session = Session(
        id=ids.owned_id(env, owner=user.id),
        digest=digest(secret),
        user=user.id,
        auth_time=env.now,
        amr=("pwd",),
        epoch=epoch,
        proved=password_mark(user),
        expires=env.now + seconds,
    )
    changes: tuple[Change, ...] = forgiven
    if replaces:
        query = One(Session, replaces)
        old = (yield (query,)).one(query)
        if old is not None:
            changes += (Remove(old),)
            if old.user == user.id:
                # Apps go on in the session that they know.
                session = msgspec.structs.replace(session, name=old.sid)
    changes += (Create(session),)
    audit_event = event(env, "signed-in", by="user", user=user.id)
    return SignedIn(session, Secret(secret), changes, (audit_event,))


class Noted(msgspec.Struct, frozen=True):
    """What has to be written, and nothing more."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def refused(user: User | None, env: Env) -> Rule[Noted]:
    """What is written of a wrong password: its user sees it. Of a name that nobody has as much is
    written, else the time that it takes would say which of the two it was (ATTACKS A70); but
    nothing that is kept."""
    yield from ()
    if user is None:
        value = base64url.encode(env.random_bytes(16))
        row = SingleUse(purpose="failed sign-in", value=value, expires=env.now + WINDOW)
        return Noted(changes=(failed(env.now), Create(row)))
    audit_event = event(env, "sign-in-refused", by="user", user=user.id)
    return Noted(changes=(failed(env.now),), events=(audit_event,))


def close_session(name: str, env: Env) -> Rule[Noted]:
    """Ends a session; nothing to do where it is over already."""
    query = One(Session, name)
    session = (yield (query,)).one(query)
    if session is None:
        return Noted()
    audit_event = event(env, "signed-out", by="user", user=session.user)
    return Noted(changes=(Remove(session),), events=(audit_event,))
