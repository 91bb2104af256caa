"""What follows from a change of second factors: the user's other sessions end (ATTACKS A74)."""

from typing import TypeVar

import msgspec

from valetkey.server.accounts.factors import (
    PROVED,
    AuthenticatorAdded,
    FactorContext,
    FactorRemoved,
    NotAdded,
    add_authenticator,
    remove_factor,
)
from valetkey.server.accounts.notices import tell
from valetkey.server.accounts.passkeys import VERIFIED, Added, Refused
from valetkey.server.model.assurance import TWO_FACTORS, level, strongest
from valetkey.server.model.change import Change, Remove, Update
from valetkey.server.model.event import event
from valetkey.server.model.factor import Factor
from valetkey.server.model.query import Many, Rule
from valetkey.server.model.user import Session
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.logout.sessions import end_all, everywhere

C = TypeVar("C", AuthenticatorAdded, Added, FactorRemoved)


def enrol(
    session: Session,
    secret: bytes,
    code: str,
    *,
    name: str,
    rules: FactorContext,
    context: Context,
) -> Rule[AuthenticatorAdded | NotAdded]:
    """Adds an authenticator to the session's user. The session has proved it, and the others
    end."""
    added = yield from add_authenticator(session.user, secret, code, name=name, context=rules)
    if isinstance(added, NotAdded):
        return added
    follows = yield from _follow_up(session, context, PROVED)
    return _with(added, follows)


def enrol_passkey(
    session: Session, adding: Rule[Added | Refused], *, context: Context
) -> Rule[Added | Refused]:
    """Adds a passkey to the session's user, by the rule of `accounts.passkeys`. The session has
    proved it, and the others end. One that the browser made by itself changes nothing else."""
    added = yield from adding
    if isinstance(added, Refused) or added.factor.optional:
        return added
    follows = yield from _follow_up(session, context, VERIFIED)
    return _with(added, follows)


def unenrol(
    name: str, session: Session, *, rules: FactorContext, context: Context
) -> Rule[FactorRemoved]:
    """Removes a factor of the session's user, and ends the other sessions. The caller has a fresh
    proof at the level of the factor."""
    removed = yield from remove_factor(name, session.user, rules)
    if removed.factor is None:
        return removed
    follows = yield from _follow_up(session, context)
    return _with(removed, follows)


def _with(outcome: C, follows: Outcome) -> C:
    return msgspec.structs.replace(
        outcome,
        changes=(*outcome.changes, *follows.changes),
        events=(*outcome.events, *follows.events),
    )


def _follow_up(session: Session, context: Context, methods: tuple[str, ...] = ()) -> Rule[Outcome]:
    """The end of the user's other sessions. `methods` are those by which this session has proved a
    new factor."""
    query = Many(Session, "user", session.user)
    every = (yield (query,)).many(query)
    others = [one for one in every if one.id != session.id]
    ended = yield from end_all(others, by="user", note="factors", context=context)
    raised: tuple[Change, ...] = tuple(
        Update(_raised(one, methods)) for one in every if methods and one.id == session.id
    )
    return Outcome(changes=(*ended.changes, *raised), events=ended.events)


def _raised(session: Session, methods: tuple[str, ...]) -> Session:
    """The session, after a proof by these methods as well. They make two factors beside a
    password."""
    if "pwd" not in session.amr:
        return session
    amr = (*session.amr, *(one for one in methods if one not in session.amr))
    acr = strongest(level(session.amr, session.acr), TWO_FACTORS)
    return msgspec.structs.replace(session, amr=amr, acr=acr)


class FactorsReset(Outcome, frozen=True, kw_only=True, eq=False):
    """The factors that are removed, and the number of sessions that ended."""

    factors: tuple[Factor, ...] = ()
    sessions: int = 0


def reset_factors(
    user: str, *, reason: str, rules: FactorContext, context: Context
) -> Rule[FactorsReset]:
    """Removes all second factors of a user who lost them, and ends their sessions. An administrator
    does this, who knows that it is the user who asks."""
    query = Many(Factor, "user", user)
    factors = (yield (query,)).many(query)
    if not factors:
        return FactorsReset()
    ended = yield from everywhere(user, by="administrator", context=context)
    audit_event = event(context.env, "factors-reset", by="administrator", user=user, reason=reason)
    notices = tell(
        "factors_reset", user=user, env=context.env, to=rules.notices, facts={"reason": reason}
    )
    return FactorsReset(
        factors=tuple(factors),
        sessions=sum(isinstance(one.record, Session) for one in ended.changes),
        changes=(*(Remove(one) for one in factors), *ended.changes, *notices),
        events=(audit_event, *ended.events),
    )
