"""Accounts that nobody uses: their users are notified, and the accounts disabled two weeks later.

A use is a sign-in, a page, an app's token, or any act of the user or of support. What strangers do
is none: their failed attempts neither keep an account open nor hide that somebody uses it.

Accounts that a source owns, such as a directory or the platform, are the source's to disable.
"""

from collections.abc import Iterable
from typing import Final

from valetkey.server.accounts.notices import tell
from valetkey.server.accounts.profile import owner
from valetkey.server.model import ids
from valetkey.server.model.change import Remove, put
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.event import Event, Kind
from valetkey.server.model.hours import utc_text
from valetkey.server.model.last_use import DAY, LastUse, user_use_id
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import UNUSED, Identity, Session, User
from valetkey.server.oauth.admin.user_status import with_status
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome

WARNING: Final = 14 * DAY
"""Seconds between the notice and the end, at least."""

MARKED: Final = WARNING + 30 * DAY
"""Seconds for which a notice counts: if no server looked for so long, the user is notified again.
It is over before the account can be unused once more: `accounts.unused_days` is 60 or more."""

ATTEMPTS: Final[frozenset[Kind]] = frozenset({"sign-in-refused", "code-refused", "passkey-suspect"})
"""Events that are recorded as the user's, and that somebody else may have caused."""


def stored_use(user: User, use: LastUse | None) -> int:
    """When the account was last used or changed, as far as these two rows tell, in seconds since
    1970: the end of the day on which an app used it."""
    day = 0 if use is None or not use.day else (use.day + 1) * DAY
    return max(user.created, user.changed, day)


def newest_use(events: Iterable[Event]) -> int:
    """When the user did the last of these events, 0 if they did none. Of an event that is stored
    once a day, the end of the day."""
    acts = (one for one in events if one.by == "user" and one.kind not in ATTEMPTS)
    return max((ids.created_at(one.id) for one in acts), default=0)


def is_idle(user: User, use: LastUse | None, *, days: int, now: int) -> bool:
    """Whether the account may be unused for so long that its user has to be notified."""
    return user.status == "active" and now >= stored_use(user, use) + days * DAY - WARNING


def notify_or_disable(name: str, context: Context, *, last_act: int, days: int) -> Rule[Outcome]:
    """Notifies the user of an account that nobody uses, or disables it if nobody used it for `days`
    and the notice is two weeks old. `last_act` is the last use that the events tell."""
    user, use, marker = One(User, name), One(LastUse, user_use_id(name)), _marker(name, context)
    identities, provisioned = Many(Identity, "user", name), One(ProvisionedUser, name)
    sessions, notified = Many(Session, "user", name), One(SingleUse, marker.key)
    results = yield (user, use, identities, provisioned, sessions, notified)
    row, before, now = results.one(user), results.one(notified), context.env.now
    if row is None or not is_idle(row, results.one(use), days=days, now=now):
        return Outcome()
    if owner(results.many(identities), results.one(provisioned)):
        return Outcome()
    browsers = (one.last_seen for one in results.many(sessions))
    last = max(stored_use(row, results.one(use)), last_act, *browsers)
    end = last + days * DAY
    if now < end - WARNING:
        return Outcome()
    if before is None or now >= before.expires:
        notice = tell(
            "account_unused",
            user=name,
            env=context.env,
            to=context.installation.notices,
            facts={"at": str(max(end, now + WARNING))},
        )
        return Outcome(changes=(put(marker, before), *notice))
    if now < max(end, before.expires - MARKED + WARNING):
        return Outcome()
    day = utc_text(last).partition("T")[0]
    reason = f"nobody used it since {day}" if last else "nobody used it"
    disabled = yield from with_status(row, "disabled", by=UNUSED, reason=reason, context=context)
    return Outcome(changes=(*disabled.changes, Remove(before)), events=disabled.events)


def _marker(user: str, context: Context) -> SingleUse:
    """Says that the user was notified now."""
    expires = context.env.now + MARKED
    return SingleUse(purpose="unused account", value=user, expires=expires)
