"""Sign-in and sign-out."""

from typing import Final, TypeAlias

import msgspec

from valetkey.jose import base64url
from valetkey.jose.seal import digest
from valetkey.server.accounts.notices import NOBODY, NoticeTargets, tell
from valetkey.server.accounts.proof_of_work import spend
from valetkey.server.accounts.throttle import (
    IN_A_ROW,
    WINDOW,
    Allowed,
    Caller,
    Throttled,
    attempt,
    failed,
    forgive,
    is_closed,
    reopen,
    take_back,
)
from valetkey.server.accounts.whereabouts import (
    NOWHERE,
    Whereabouts,
    announce_sign_in,
    is_new_country,
    remember_country,
)
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env
from valetkey.server.model.event import By, Event, event
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import One, OneByAlias, Rule
from valetkey.server.model.user import (
    SEEN_STEP,
    Session,
    User,
    password_mark,
    sign_in_name,
    with_rehashed_password,
)


class Candidate(msgspec.Struct, frozen=True):
    """The user whose password to check, after `wait` seconds. `user` is None if there is no such
    user: check anyway, so that the time reveals nothing."""

    user: User | None
    wait: float = 0.0
    is_known: bool = True
    """Whether there is a user with this name, who may sign in or not."""
    imported: bool = False
    """Whether some stored hashes take another time to check than `UNUSED_HASH`."""
    is_closed: bool = False
    """Whether too many attempts failed in a row: no password is right now."""
    closes: bool = False
    """Whether this attempt closes the password to others like the caller, if it fails too."""
    tried: int = 0
    """The attempts of the caller in this window."""
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def password_hash(self) -> str:
        """The stored hash to check against, "" for no user."""
        return self.user.password if self.user is not None else ""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How a user proved who they are.

    `way` names the way to sign in, "" for a password of this server. `auth_time` is when they did,
    in seconds since 1970; `amr` are the methods (RFC 8176); `acr` is the level that the way vouches
    for, "" if `amr` tells it. `source_sid` is the way's own id of its session, "" for none.
    `seconds` is how long the session here may last, None for as long as this server's own.
    `per_request` is as in `Session`.
    """

    way: str = ""
    auth_time: int
    amr: tuple[str, ...] = ()
    acr: str = ""
    source_sid: str = ""
    seconds: int | None = None
    per_request: bool = False


class SignedIn(msgspec.Struct, frozen=True):
    """A new session, and the secret for its cookie. `known_browser` is the new value of the cookie
    that makes the browser known to its accounts."""

    session: Session
    secret: Secret
    changes: tuple[Change, ...]
    events: tuple[Event, ...]
    known_browser: Secret = Secret("")


MARKER: Final = SingleUse(purpose="imported passwords", value="", expires=0)
"""Exists from the first import of a password hash on."""

IMPORTED: Final = One(SingleUse, MARKER.key)


class Renewed(msgspec.Struct, frozen=True):
    """The user as now stored. Their password may have changed meanwhile."""

    user: User | None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


Attempted: TypeAlias = Candidate | Throttled


def candidate(
    username: str, *, caller: Caller | None, now: int, solved: SingleUse | None = None
) -> Rule[Attempted]:
    """The user whose password to check, or `Throttled`. `caller` is None for an address that is
    not throttled. `solved` marks a proof of work that the caller brings."""
    query = OneByAlias(User, sign_in_name(username))
    results = yield (query, IMPORTED)
    row = user = results.one(query)
    if user is not None and (user.status != "active" or not user.password):
        user = None
    allowed = Allowed()
    if caller is not None:
        if (yield from spend(solved)):
            caller = msgspec.structs.replace(caller, paid=True)
        judged = yield from attempt(username, caller, now, user="" if user is None else user.id)
        if isinstance(judged, Throttled):
            return judged
        allowed = judged
    return Candidate(
        None if allowed.is_closed else user,
        allowed.wait,
        is_known=row is not None,
        imported=results.one(IMPORTED) is not None,
        is_closed=allowed.is_closed,
        closes=allowed.in_a_row == IN_A_ROW.attempts,
        tried=allowed.tried,
    )


def renew(user: User, password_hash: str) -> Rule[Renewed]:
    """Stores a new hash of a password that was just checked, unless the password has changed
    meanwhile. Sessions stay valid."""
    query = One(User, user.id)
    row = (yield (query,)).one(query)
    if row is None or row.password != user.password:
        return Renewed(row)
    after = with_rehashed_password(row, password_hash)
    return Renewed(after, (Update(after),))


def open_session(
    user: User,
    *,
    proof: Proof | None = None,
    username: str,
    caller: Caller | None,
    replaces: str,
    seconds: int,
    epoch: int,
    where: Whereabouts = NOWHERE,
    notices: NoticeTargets = NOBODY,
    env: Env,
) -> Rule[SignedIn]:
    """A new session for a user who has just signed in (ATTACKS A65). `replaces` is the id of the
    previous session of this browser, "" for none. `proof` is None for a password of this server.
    """
    proof = proof or Proof(auth_time=env.now, amr=("pwd",))
    if caller is None:
        forgiven = reopen(user.id, env.now)
    else:
        forgiven = forgive(username, caller, env.now, user=user.id)
    secret = base64url.encode(env.random_bytes(32))
    session = _new_session(user, proof, secret, seconds=seconds, epoch=epoch, where=where, env=env)
    old = yield from _sessions_before(session, replaces)
    own = next((one for one in old if one.user == user.id), None)
    if own is not None:
        # Apps keep the `sid` that they know.
        session = msgspec.structs.replace(session, name=own.sid)
    # A sign-in elsewhere is for the other place to announce.
    announced = () if proof.way else announce_sign_in(user, where, env=env, to=notices)
    remembered = yield from remember_country(user.id, where.country, env.now)
    opened = Noted()
    if user.password and (yield from is_closed(user.id, env.now)):
        opened = password_opened(user.id, by="user", device=where.device, to=notices, env=env)
    changes: tuple[Change, ...] = (*forgiven, *map(Remove, old), Create(session), *announced)
    audit_event = event(
        env,
        "signed-in",
        by="user",
        user=user.id,
        device=where.device,
        unknown=not where.is_known,
        country=where.country,
        new_country=is_new_country(user, where.country),
    )
    return SignedIn(
        session,
        Secret(secret),
        (*changes, *remembered, *opened.changes),
        (audit_event, *opened.events),
    )


def _new_session(
    user: User,
    proof: Proof,
    secret: str,
    *,
    seconds: int,
    epoch: int,
    where: Whereabouts,
    env: Env,
) -> Session:
    lasts = seconds if proof.seconds is None else min(seconds, proof.seconds)
    return Session(
        id=ids.owned_id(env, owner=user.id),
        digest=digest(secret),
        user=user.id,
        auth_time=proof.auth_time,
        amr=proof.amr,
        epoch=epoch,
        # What ends with the password is what it opened.
        proved="" if proof.way else password_mark(user),
        expires=env.now + lasts,
        way=proof.way,
        acr=proof.acr,
        source_sid=proof.source_sid,
        per_request=proof.per_request,
        device=where.device,
        network=where.network,
    )


def _sessions_before(session: Session, replaces: str) -> Rule[tuple[Session, ...]]:
    """The sessions that this one replaces: the one with the id `replaces`, and the one that began
    with the same session of its way."""
    queries: list[One[Session] | OneByAlias[Session]] = []
    if replaces:
        queries.append(One(Session, replaces))
    if session.alias:
        queries.append(OneByAlias(Session, session.alias))
    if not queries:
        return ()
    results = yield tuple(queries)
    rows = [results.one(query) for query in queries]
    return tuple({one.id: one for one in rows if one is not None}.values())


class Noted(msgspec.Struct, frozen=True):
    """An outcome that has only changes."""

    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()


def password_opened(user: str, *, by: By, device: str = "", to: NoticeTargets, env: Env) -> Noted:
    """Records that a closed password works for strangers again, and notifies the user. `device` is
    the browser, in words."""
    facts = {"device": device}
    return Noted(
        changes=tell("password_opened", user=user, env=env, to=to, facts=facts),
        events=(event(env, "password-opened", by=by, user=user),),
    )


def refused(
    user: User | None, env: Env, *, closes: bool = False, notices: NoticeTargets = NOBODY
) -> Rule[Noted]:
    """Records a wrong password, for the user to see. For an unknown username it writes as much, but
    only a value that expires: otherwise the time would reveal which usernames exist (ATTACKS
    A70). `closes` is as in `Candidate`."""
    yield from ()
    if user is None:
        value = base64url.encode(env.random_bytes(16))
        row = SingleUse(purpose="failed sign-in", value=value, expires=env.now + WINDOW)
        unknown = event(env, "sign-in-refused", by="user")  # for the audit log alone
        return Noted(changes=(failed(env.now), Create(row)), events=(unknown,))
    audit_event = event(env, "sign-in-refused", by="user", user=user.id)
    if not closes:
        return Noted(changes=(failed(env.now),), events=(audit_event,))
    facts = {"failures": str(IN_A_ROW.attempts)}
    notice = tell("account_attacked", user=user.id, env=env, to=notices, facts=facts)
    closed = event(env, "password-closed", by="server", user=user.id)
    return Noted(changes=(failed(env.now), *notice), events=(audit_event, closed))


def unjudged(username: str, caller: Caller, env: Env) -> Rule[Noted]:
    """Takes an attempt back that nobody could judge."""
    yield from ()
    return Noted(changes=take_back(username, caller, env.now))


def see_session(name: str, where: Whereabouts, env: Env) -> Rule[Noted]:
    """Records that a person has just used the session, unless that was recorded a moment ago."""
    query = One(Session, name)
    session = (yield (query,)).one(query)
    if session is None or env.now - session.last_seen < SEEN_STEP:
        return Noted()
    used = msgspec.structs.replace(
        session, last_active=env.now, device=where.device, network=where.network
    )
    return Noted(changes=(Update(used),))


def close_session(name: str, env: Env) -> Rule[Noted]:
    """Ends a session. Does nothing if there is no such session."""
    query = One(Session, name)
    session = (yield (query,)).one(query)
    if session is None:
        return Noted()
    audit_event = event(env, "signed-out", by="user", user=session.user)
    return Noted(changes=(Remove(session),), events=(audit_event,))
