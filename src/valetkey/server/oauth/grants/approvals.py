"""Approvals: questions of apps that wait for a user's answer.

    approval, changes, events = new_approval(user, client, words="…", context=context)

The page `/approvals` lists them. `answer` stores a plain yes or no; `begin` starts the consent for
a question that needs one.
"""

from typing import Final, TypeAlias

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, event
from valetkey.server.model.pending import Approval, Pending
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.message_delivery import notify_of_app

APPROVALS: Final = "/approvals"
"""The page that lists them."""

ANSWERED: Final = 900
"""Seconds for which an answer to one use is valid."""

MOST: Final = 5
"""Open questions that one app may have for one user, so that it can't wear the user down."""


class Question(msgspec.Struct, frozen=True):
    """An open approval, its app, and its authorization request, if there is one."""

    approval: Approval
    client: Client
    request: Pending | None


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One use that needs the user's approval: of `units` in the smallest unit, which are `amount`
    in words."""

    grant: str
    permission: str
    units: int
    amount: str


class ApprovalAnswered(Outcome, frozen=True, kw_only=True, eq=False):
    """The question is answered, as in `approval`."""

    approval: Approval


class ConsentBegun(Outcome, frozen=True, kw_only=True, eq=False):
    """The consent for the question has started, as `pending`."""

    pending: Pending


class NoQuestion(Outcome, frozen=True, kw_only=True, eq=False):
    """This user has no such open question; it may be another user's (ATTACKS A77)."""


NewApproval: TypeAlias = tuple[Approval, tuple[Change, ...], tuple[Event, ...]]


def new_approval(
    user: str,
    client: str,
    *,
    words: str,
    context: Context,
    request: str = "",
    use: Use | None = None,
    seconds: int = 0,
) -> NewApproval:
    """A new question, with its changes and events. `words` are displayed as the app's own text;
    `use` is a use of an existing grant."""
    approval = Approval(
        id=ids.owned_id(context.env, owner=user),
        user=user,
        client=client,
        grant="" if use is None else use.grant,
        words=words,
        amount="" if use is None else use.amount,
        permission="" if use is None else use.permission,
        units=0 if use is None else use.units,
        request=request,
        created=context.env.now,
        expires=context.env.now + (seconds or context.installation.lifetimes.elsewhere),
    )
    audit_event = event(
        context.env, "asked", by="app", user=user, client=client, grant=approval.grant
    )
    changes = notify_of_app(
        "approval_waiting",
        user=user,
        client=client,
        grant=approval.grant,
        facts={"approval": approval.id, "ends": str(approval.expires)},
        context=context,
    )
    return approval, (Create(approval), *changes), (audit_event,)


def questions(user: str, context: Context) -> Rule[tuple[Question, ...]]:
    """The open questions for the user, newest first."""
    query = Many(Approval, "user", user)
    found = (yield (query,)).many(query)
    live = [one for one in found if not one.answer and context.env.now < one.expires]
    return tuple(reversed((yield from _joined(live))))


def question(name: str, user: str, context: Context) -> Rule[Question | None]:
    """An open question for the user; None if there is none, or it is another user's."""
    query = One(Approval, name)
    one = (yield (query,)).one(query)
    if one is None or one.user != user or one.answer or context.env.now >= one.expires:
        return None
    joined = yield from _joined([one])
    return joined[0] if joined else None


def find_for_use(use: Use, user: str, context: Context) -> Rule[Approval | None]:
    """The question about exactly this use, open or answered, until it expires."""
    query = Many(Approval, "user", user)
    found = (yield (query,)).many(query)
    same = (use.grant, use.permission, use.units)
    for one in reversed(found):
        if (one.grant, one.permission, one.units) == same and context.env.now < one.expires:
            return one
    return None


def too_many(user: str, client: str, context: Context) -> Rule[bool]:
    """Whether the app has too many open questions for this user."""
    waiting = yield from questions(user, context)
    return sum(one.client.id == client for one in waiting) >= MOST


def answer(
    name: str, *, yes: bool, user: str, context: Context
) -> Rule[ApprovalAnswered | NoQuestion]:
    """Stores the user's yes or no. A no to a request that needs consent declines the request."""
    one = yield from question(name, user, context)
    if one is None or (yes and one.request is not None):
        return NoQuestion()
    # A plain answer is valid for a while; a request has its own expiry.
    ends = one.approval.expires if one.request else context.env.now + ANSWERED
    answered = msgspec.structs.replace(one.approval, answer="yes" if yes else "no", expires=ends)
    audit_event = event(
        context.env,
        "approved" if yes else "declined",
        by="user",
        user=user,
        client=one.client.id,
        grant=one.approval.grant,
        permissions=(one.approval.permission,) if one.approval.permission else (),
    )
    changes: tuple[Change, ...] = (Update(answered),)
    if one.request is not None and one.request.decoupled is not None:
        refused = msgspec.structs.replace(one.request.decoupled, answer="no")
        changes += (Update(msgspec.structs.replace(one.request, decoupled=refused)),)
        changes += message_delivery.notify(one.request, one.client, context)
    return ApprovalAnswered(approval=answered, changes=changes, events=(audit_event,))


def begin(
    name: str, browser: Browser, *, user: str, context: Context
) -> Rule[ConsentBegun | NoQuestion]:
    """Starts the consent for the question, in this browser."""
    one = yield from question(name, user, context)
    if one is None or one.request is None:
        return NoQuestion()
    pending = Pending(
        id=ids.free_id(context.env),
        kind="interaction",
        client=one.client.id,
        browser=browser.id,
        answers=one.request.id,
        confirmed=True,
        created=context.env.now,
        expires=one.request.expires,
    )
    return ConsentBegun(pending=pending, changes=(Create(pending),))


def _joined(approvals: list[Approval]) -> Rule[list[Question]]:
    """The questions with their apps and requests, without those that have expired."""
    clients = {one.id: One(Client, one.client) for one in approvals}
    requests = {one.id: One(Pending, one.request) for one in approvals if one.request}
    if not approvals:
        return []
    results = yield (*clients.values(), *requests.values())
    joined = []
    for one in approvals:
        client = results.one(clients[one.id])
        request = results.one(requests[one.id]) if one.request else None
        if client is None or client.status != "active" or (one.request and _over(request)):
            continue
        joined.append(Question(one, client, request))
    return joined


def _over(request: Pending | None) -> bool:
    return request is None or request.decoupled is None or bool(request.decoupled.answer)
