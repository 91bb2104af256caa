"""Support cases: staff look at one person's account for half an hour, with a reason.

The person sees in their own activity that support looked, and why. A case belongs to the browser
session, or the access token, in which it was opened.
"""

from typing import Final

from valetkey.server.model.change import put
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.event import event
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome

PURPOSE: Final = "support case"
SECONDS: Final = 1800
"""For which a case is open."""


class CaseOpened(Outcome, frozen=True, kw_only=True, eq=False):
    """The case is open until then, in seconds since 1970. `user` is None if there is none."""

    user: User | None
    until: int = 0


def open_case(name: str, *, session: str, reason: str, context: Context) -> Rule[CaseOpened]:
    """Opens the case of the user with this id, or opens it for longer."""
    of_user, of_case = One(User, name), One(SingleUse, _case(name, session).key)
    results = yield (of_user, of_case)
    user, before = results.one(of_user), results.one(of_case)
    if user is None:
        return CaseOpened(user=None)
    until = context.env.now + SECONDS
    case = _case(name, session, until=until)
    opened = event(context.env, "support-opened", by="administrator", user=user.id, reason=reason)
    return CaseOpened(user=user, until=until, changes=(put(case, before),), events=(opened,))


def open_until(name: str, *, session: str, context: Context) -> Rule[int]:
    """Until when the case is open, in seconds since 1970; 0 if it is not."""
    query = One(SingleUse, _case(name, session).key)
    case = (yield (query,)).one(query)
    return case.expires if case is not None and context.env.now < case.expires else 0


def _case(user: str, session: str, *, until: int = 0) -> SingleUse:
    return SingleUse(purpose=PURPOSE, value=f"{session} {user}", expires=until)
