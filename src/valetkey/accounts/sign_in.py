"""Sign-in and sign-out: facts about a password become a session."""

from typing import TypeAlias

import msgspec

from valetkey.accounts.throttle import Throttled, attempt, forgive
from valetkey.jose import base64url
from valetkey.jose.seal import digest
from valetkey.model import ids
from valetkey.model.change import Change, Create, Remove
from valetkey.model.env import Env
from valetkey.model.event import Event, event
from valetkey.model.secret import Secret
from valetkey.model.user import Session, User, password_mark, sign_in_name
from valetkey.model.want import Alias, One, Rule


class Candidate(msgspec.Struct, frozen=True):
    """Whose password has to be checked. `user` is None for a name that nobody has: check all the
    same, so that the time tells nothing. `changes` count the attempt and are written first."""

    user: User | None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def kept(self) -> str:
        """The stored hash to check against, "" for nobody."""
        return self.user.password if self.user is not None else ""


class SignedIn(msgspec.Struct, frozen=True):
    """A new session, and the secret for its cookie."""

    session: Session
    secret: Secret
    changes: tuple[Change, ...]
    events: tuple[Event, ...]


Attempted: TypeAlias = Candidate | Throttled


def candidate(username: str, *, network: str, now: int) -> Rule[Attempted]:
    """Whose password to check, or not now. `network` is "" for an address that is not throttled."""
    counted: tuple[Change, ...] = ()
    if network:
        judged = yield from attempt(username, network, now)
        if isinstance(judged, Throttled):
            return judged
        counted = judged.changes
    wanted = Alias(User, sign_in_name(username))
    user = (yield (wanted,)).one(wanted)
    if user is not None and (user.status != "active" or not user.password):
        user = None
    return Candidate(user, counted)


def open_session(
    user: User,
    *,
    username: str,
    network: str,
    replaces: str,
    seconds: int,
    epoch: int,
    env: Env,
) -> Rule[SignedIn]:
    """A session for a user who has just proved who they are: always a new one (ATTACKS A65).
    `replaces` is the id of the session that this browser had, "" for none."""
    forgiven = forgive(username, network, env.now) if network else ()
    secret = base64url.encode(env.draw(32))
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
        wanted = One(Session, replaces)
        old = (yield (wanted,)).one(wanted)
        if old is not None:
            changes += (Remove(old),)
            if old.user == user.id:
                # Apps go on in the session that they know.
                session = msgspec.structs.replace(session, name=old.sid)
    changes += (Create(session),)
    told = event(env, "signed-in", by="user", user=user.id)
    return SignedIn(session, Secret(secret), changes, (told,))


class Noted(msgspec.Struct, frozen=True):
    """What has to be written, and nothing more."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def refused(user: User | None, env: Env) -> Rule[Noted]:
    """What is told of a wrong password. Of a name that nobody has the same is told, without the
    name: else the time that writing takes would say which of the two it was (ATTACKS A70)."""
    yield from ()
    name = "" if user is None else user.id
    return Noted(events=(event(env, "sign-in-refused", by="user", user=name),))


def close_session(name: str, env: Env) -> Rule[Noted]:
    """Ends a session; nothing to do where it is over already."""
    wanted = One(Session, name)
    session = (yield (wanted,)).one(wanted)
    if session is None:
        return Noted()
    told = event(env, "signed-out", by="user", user=session.user)
    return Noted(changes=(Remove(session),), events=(told,))
