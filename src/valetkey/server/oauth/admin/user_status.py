"""Disabled users: refused everywhere at once, and back with all grants when they are enabled.

Grants, token families and receipts stay as they are. Every endpoint asks for the user's status, and
the change log tells the APIs (see `model.change_log`). Sessions end, so that nobody is signed in
again by enabling the user.
"""

from typing import Final

import msgspec

from valetkey.server.model.change import Change, Remove, Update
from valetkey.server.model.event import By, event
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import Session, Status, User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.logout.sessions import sign_out_everywhere

ADMINISTRATOR: Final = ""
"""The source that stands for administrators (see `User.disabled_by`)."""

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
    source: str = ADMINISTRATOR,
    reason: str = "",
    context: Context,
) -> Rule[UserStatus]:
    """Disables or enables the user with this id. A source enables only users that it disabled
    itself; administrators enable everybody. Does nothing if the status is already right.

    `reason` goes into the history, cut to MAX_REASON characters."""
    query = One(User, name)
    user = (yield (query,)).one(query)
    if user is None or not _may_change(user, status, source):
        return UserStatus(user=user)
    by: By = "administrator" if source == ADMINISTRATOR else "server"
    after = msgspec.structs.replace(
        user,
        status=status,
        disabled_by=source if status == "disabled" else "",
        changed=context.env.now,
    )
    ended = () if status == "active" else (yield from end_sessions(name, context))
    audit_event = event(
        context.env,
        "enabled" if status == "active" else "disabled",
        by=by,
        user=name,
        note=source,
        reason=reason[:MAX_REASON],
    )
    return UserStatus(
        user=after,
        sessions=sum(isinstance(one.record, Session) for one in ended),
        changes=(Update(after), *ended),
        events=(audit_event,),
    )


def _may_change(user: User, status: Status, source: str) -> bool:
    if status == "disabled":
        # Administrators may take over, so that the source can't enable the user.
        return user.status == "active" or (source == ADMINISTRATOR != user.disabled_by)
    return user.status == "disabled" and source in (ADMINISTRATOR, user.disabled_by)


def end_sessions(user: str, context: Context) -> Rule[tuple[Change, ...]]:
    """The end of the user's sessions, and the logout messages to all their apps."""
    query = Many(Session, "user", user)
    sessions = (yield (query,)).many(query)
    messages = yield from sign_out_everywhere(user, context)
    return (*(Remove(one) for one in sessions), *messages)
