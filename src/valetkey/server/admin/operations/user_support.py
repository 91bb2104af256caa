"""What support does for people: sessions, sign-out, a link for a new password, lost factors."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from valetkey.server.accounts.factors import FactorContext
from valetkey.server.accounts.fresh_proof import session_level
from valetkey.server.admin.lists import page_of
from valetkey.server.admin.operation import (
    AnyOperation,
    Call,
    ItemPage,
    ListQuery,
    Nothing,
    Operation,
    Reason,
)
from valetkey.server.admin.operations.users import Time, find_reachable
from valetkey.server.admin.problems import Problem, not_found
from valetkey.server.model.factor import FactorKind
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import Session
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.grants.recovery import link_for_support
from valetkey.server.oauth.grants.sent_codes import RecoveryRequest
from valetkey.server.oauth.logout.factor_changes import FactorsReset, reset_factors
from valetkey.server.oauth.logout.sessions import end_all, everywhere


class UserSession(msgspec.Struct, frozen=True, kw_only=True):
    """A browser in which the user is signed in. `network` is a coarse address, `way` how they
    signed in ("" for a password of this server), `level` how strong that was."""

    id: str
    device: str
    network: str
    way: str
    level: str
    began: Time
    last_seen: Time
    expires: Time


class UserSessionPage(ItemPage, frozen=True, kw_only=True):
    """Sessions, newest first."""

    items: tuple[UserSession, ...]


class SessionsEnded(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions have ended."""

    sessions: int


class LinkOrder(Reason, frozen=True, kw_only=True):
    """How long the link is good, and why it is made."""

    minutes: Annotated[int, Meta(ge=1, le=1440, description="For which it is good.")] = 60


class PasswordLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link with which the user chooses a new password, once, in whatever browser."""

    link: str
    expires: Time


class FactorsRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """The factors that are removed, and how many sessions have ended."""

    factors: tuple[FactorKind, ...]
    sessions: int


class LinkMade(Outcome, frozen=True, kw_only=True, eq=False):
    """The whole link."""

    link: str
    expires: int


async def list_sessions(call: Call[ListQuery, Nothing]) -> UserSessionPage:
    """The user's browsers."""
    items, following = await page_of(call, Session, _session, index="user", value=call.path["user"])
    return UserSessionPage(items=items, next=following)


def _session(one: Session) -> UserSession:
    return UserSession(
        id=one.id,
        device=one.device,
        network=one.network,
        way=one.way,
        level=session_level(one),
        began=one.began,
        last_seen=one.last_seen,
        expires=one.expires,
    )


def _ended(outcome: Outcome) -> SessionsEnded:
    return SessionsEnded(sessions=sum(isinstance(one.record, Session) for one in outcome.changes))


async def end_session(call: Call[Nothing, Nothing]) -> SessionsEnded:
    """Ends one session."""

    def rule(context: Context) -> Rule[Outcome]:
        user = yield from find_reachable(call)
        query = One(Session, call.path["session"])
        session = (yield (query,)).one(query)
        if session is None or session.user != user.id:
            raise not_found("session", call.path["session"])
        return (yield from end_all((session,), by="administrator", note="support", context=context))

    return await call.settle(rule, _ended)


async def sign_out(call: Call[Nothing, Reason]) -> SessionsEnded:
    """Ends all sessions."""

    def rule(context: Context) -> Rule[Outcome]:
        user = yield from find_reachable(call)
        return (
            yield from everywhere(
                user.id, by="administrator", context=context, reason=call.body.reason
            )
        )

    return await call.settle(rule, _ended)


async def make_link(call: Call[Nothing, LinkOrder]) -> PasswordLink:
    """A link for a new password."""

    def rule(context: Context) -> Rule[LinkMade]:
        user = yield from find_reachable(call)
        if user.status != "active":
            raise Problem("conflict", "the user is disabled")
        seconds = call.body.minutes * 60
        recovery: RecoveryRequest = yield from link_for_support(
            user, seconds=seconds, context=context, reason=call.body.reason
        )
        return LinkMade(
            link=context.installation.issuer + recovery.secret,
            expires=context.env.now + seconds,
            changes=recovery.changes,
            events=recovery.events,
        )

    return await call.settle(
        rule, lambda outcome: PasswordLink(link=outcome.link, expires=outcome.expires)
    )


async def remove_factors(call: Call[Nothing, Reason]) -> FactorsRemoved:
    """Removes all second factors."""

    def rule(context: Context) -> Rule[FactorsReset]:
        user = yield from find_reachable(call)
        rules = FactorContext(
            env=context.env,
            keyring=context.installation.keyring,
            notices=context.installation.notices,
        )
        return (
            yield from reset_factors(user.id, reason=call.body.reason, rules=rules, context=context)
        )

    return await call.settle(
        rule,
        lambda outcome: FactorsRemoved(
            factors=tuple(one.kind for one in outcome.factors), sessions=outcome.sessions
        ),
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="users.sessions",
        method="GET",
        path="/users/{user}/sessions",
        permission="users.read",
        query=ListQuery,
        body=Nothing,
        response=UserSessionPage,
        run=list_sessions,
        summary="List the sessions of a user",
    ),
    Operation(
        name="users.end-session",
        method="DELETE",
        path="/users/{user}/sessions/{session}",
        permission="users.support",
        query=Nothing,
        body=Nothing,
        response=SessionsEnded,
        run=end_session,
        summary="End a session",
        narrows=True,
    ),
    Operation(
        name="users.sign-out",
        method="POST",
        path="/users/{user}/sign-out",
        permission="users.support",
        query=Nothing,
        body=Reason,
        response=SessionsEnded,
        run=sign_out,
        summary="Sign a user out everywhere",
        description="All sessions end, and apps that take part get a message. What the user "
        "allowed apps stays.",
        narrows=True,
    ),
    Operation(
        name="users.password-link",
        method="POST",
        path="/users/{user}/password-link",
        permission="users.support",
        query=Nothing,
        body=LinkOrder,
        response=PasswordLink,
        run=make_link,
        summary="Make a link for a new password",
        description="Give it only to the person whose account it is. Second factors stay.",
        sensitive=True,
        secret=("link",),
    ),
    Operation(
        name="users.reset-factors",
        method="POST",
        path="/users/{user}/reset-factors",
        permission="users.support",
        query=Nothing,
        body=Reason,
        response=FactorsRemoved,
        run=remove_factors,
        summary="Remove all second factors of a user",
        description="Afterwards a password is enough to sign in: be sure who asks you. The user "
        "gets a notice, and sessions end.",
        sensitive=True,
    ),
)
