"""Disabled users: refused everywhere at once, and back with all grants when they are enabled.

Grants, token families and receipts stay as they are. Every endpoint asks for the user's status, and
the change log tells the APIs (see `model.change_log`). Sessions end, so that nobody is signed in
again by enabling the user.

Administrators and sources disable users independently: a user is active again when nobody disables
them any more. The server itself disables users whose account nobody uses (UNUSED); an administrator
who enables them takes that back too.
"""

from typing import Final

import msgspec

from valetkey.server.model.change import Change, Remove, Update
from valetkey.server.model.erasure import DELETION
from valetkey.server.model.event import event
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import ADMINISTRATOR, UNUSED, Session, Status, User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.logout.sessions import sign_out_everywhere

EVERYBODY: Final = "*"
"""Stands for all who have disabled a user."""

MAX_REASON: Final = 200
"""Characters of a reason."""


class UserStatus(Outcome, frozen=True, kw_only=True, eq=False):
    """The user as now stored, None if there is none. `sessions` have ended."""

    user: User | None
    sessions: int = 0


def change_user_status(
    name: str,
    status: Status,
    *,
    by: str = ADMINISTRATOR,
    reason: str = "",
    context: Context,
) -> Rule[UserStatus]:
    """Disables or enables the user with this id, as `with_status` does."""
    query = One(User, name)
    user = (yield (query,)).one(query)
    if user is None:
        return UserStatus(user=None)
    return (yield from with_status(user, status, by=by, reason=reason, context=context))


def with_status(
    user: User, status: Status, *, by: str, reason: str = "", context: Context
) -> Rule[UserStatus]:
    """Disables or enables a user, whose record may have other changes too: the outcome has one
    update of it, or no change at all if `by` has said so before.

    `by` is ADMINISTRATOR, UNUSED or a source. It lifts its own word; ADMINISTRATOR also lifts
    UNUSED, and EVERYBODY lifts all. `reason` goes into the history, cut to MAX_REASON
    characters."""
    before = disablers(user)
    lifted = {by, UNUSED} if by == ADMINISTRATOR else {by}
    after = before | {by} if status == "disabled" else before - lifted
    if by == EVERYBODY:
        after = frozenset()
    if after == before:
        return UserStatus(user=user)
    changed = msgspec.structs.replace(
        user,
        status="disabled" if after else "active",
        disabled_by=tuple(sorted(after)),
        changed=context.env.now,
    )
    ended = (yield from end_sessions(user.id, context)) if after and not before else ()
    audit_event = event(
        context.env,
        "disabled" if status == "disabled" else "enabled",
        by="administrator" if by in (ADMINISTRATOR, EVERYBODY) else "server",
        user=user.id,
        note="" if by in (ADMINISTRATOR, EVERYBODY) else by,
        reason=reason[:MAX_REASON],
    )
    return UserStatus(
        user=changed,
        sessions=sum(isinstance(one.record, Session) for one in ended),
        changes=(Update(changed), *ended),
        events=(audit_event,),
    )


def disablers(user: User) -> frozenset[str]:
    """Who has disabled the user: ADMINISTRATOR, DELETION, UNUSED and sources."""
    if user.status == "active":
        return frozenset()
    return frozenset(user.disabled_by or (ADMINISTRATOR,))


_WORDS: Final = {
    ADMINISTRATOR: "an administrator disabled it",
    DELETION: "its deletion was requested",
    UNUSED: "nobody used it",
}


def why_disabled(user: User) -> str:
    """Why the account is disabled, in plain words; "" if it is active."""
    words = (_WORDS.get(one, f"{one} disabled it") for one in sorted(disablers(user)))
    return "; ".join(words)


def end_sessions(user: str, context: Context) -> Rule[tuple[Change, ...]]:
    """The end of the user's sessions, and the logout messages to all their apps."""
    query = Many(Session, "user", user)
    sessions = (yield (query,)).many(query)
    messages = yield from sign_out_everywhere(user, context)
    return (*(Remove(one) for one in sessions), *messages)
