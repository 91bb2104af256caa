"""Deletion of accounts: requested, cancelled within a grace, done, and purged.

From the request on, the account is disabled: nobody can sign in, and no key works. After the grace,
personal data is erased (`removal.erase`). Receipts and events stay under the user's id, which names
nobody, until `Lifetimes.erased_records` has passed.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose.seal import digest
from valetkey.server.accounts.notices import tell
from valetkey.server.accounts.personal_data import owned_by_index
from valetkey.server.model import base32hex
from valetkey.server.model.change import Change, Create, Remove, Update, put
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.erasure import DELETION, Erasure
from valetkey.server.model.event import DAILY, By, Event, event
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.removal import erase
from valetkey.server.oauth.admin.user_status import disablers, with_status
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome

PSEUDONYMOUS: Final = owned_by_index("kept")
"""Kinds of records that stay after the erasure, until they are purged."""

# Crockford's alphabet: without letters that look like digits.
_LETTERS: Final = str.maketrans(
    "0123456789abcdefghijklmnopqrstuv", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)
_ALIKE: Final = str.maketrans("OIL", "011")

DeletionResult: TypeAlias = Literal["requested", "erased", "restored", "unknown", "waiting"]
"""Requested, to be done after the grace; erased; cancelled; there is no such account or code; it
was requested before."""


class Deletion(Outcome, frozen=True, kw_only=True, eq=False):
    """What came of it. `user` is the id, "" if unknown. `due` is when the account is erased, in
    seconds since 1970."""

    result: DeletionResult
    user: str = ""
    due: int = 0


def new_code(context: Context) -> str:
    """A code of 125 bits that cancels a deletion, in groups for people."""
    raw = base32hex.encode(context.env.random_bytes(base32hex.BYTES)).translate(_LETTERS)
    return "-".join(raw[at : at + 5] for at in range(0, 25, 5))


def code_digest(typed: str) -> str:
    """The digest of a code as a person types it."""
    plain = "".join(char for char in typed.upper().translate(_ALIKE) if char.isalnum())
    return digest(f"deletion {plain}")


def request_deletion(
    user: str, *, by: By, code: str = "", at_once: bool = False, context: Context
) -> Rule[Deletion]:
    """Disables the account, and erases it after the grace; at once if there is none. `code` is one
    that can cancel it (see `new_code`), "" for none."""
    query, before = One(User, user), One(Erasure, user)
    results = yield (query, before)
    row, waiting = results.one(query), results.one(before)
    if row is None:
        return Deletion(result="unknown")
    grace = context.installation.lifetimes.erasure_grace
    if at_once or not grace:
        removed = yield from erase(row, by=by, context=context)
        return Deletion(result="erased", user=user, changes=removed.changes, events=removed.events)
    if waiting is not None and DELETION in disablers(row):
        return Deletion(result="waiting", user=user, due=waiting.due)
    now = context.env.now
    due = now + grace
    disabled = yield from with_status(row, "disabled", by=DELETION, context=context)
    request = Erasure(
        user=user, requested=now, due=due, by=by, code=code_digest(code) if code else ""
    )
    stored = put(request, waiting)
    notice = tell(
        "deletion_requested",
        user=user,
        env=context.env,
        to=context.installation.notices,
        facts={"at": str(due)},
    )
    return Deletion(
        result="requested",
        user=user,
        due=due,
        changes=(*disabled.changes, stored, *notice),
        events=(event(context.env, "deletion-requested", by=by, user=user),),
    )


def cancel_deletion(*, user: str = "", code: str = "", by: By, context: Context) -> Rule[Deletion]:
    """Cancels the deletion of the account with this id, or with this code. Others who disabled the
    account still have their word."""
    if not user and not code:
        return Deletion(result="unknown")
    query: One[Erasure] | OneByAlias[Erasure] = (
        One(Erasure, user) if user else OneByAlias(Erasure, code_digest(code))
    )
    waiting = (yield (query,)).one(query)
    if waiting is None or waiting.erased:
        return Deletion(result="unknown")
    owner = One(User, waiting.user)
    row = (yield (owner,)).one(owner)
    if row is None:
        return Deletion(result="unknown")
    enabled = yield from with_status(row, "active", by=DELETION, context=context)
    return Deletion(
        result="restored",
        user=row.id,
        changes=(*enabled.changes, Remove(waiting)),
        events=(event(context.env, "deletion-cancelled", by=by, user=row.id),),
    )


class Progress(Outcome, frozen=True, kw_only=True, eq=False):
    """A step of the work that is due. `more`: there is more to do now."""

    more: bool = False


STEP: Final = 100
"""Records that one step purges."""


def do_due(user: str, context: Context) -> Rule[Progress]:
    """Does what is due for one account: erases it, or purges some of what was kept."""
    query, owner = One(Erasure, user), One(User, user)
    results = yield (query, owner)
    row, account = results.one(query), results.one(owner)
    now = context.env.now
    if row is None:
        return Progress()
    if row.erased and not row.scrubbed:
        return (yield from _scrub(row))
    if row.erased:
        return (yield from _purge(row, now))
    if account is None or DELETION not in disablers(account):
        # An administrator let the user in again, so nothing is erased.
        return Progress(changes=(Remove(row),))
    if now < row.due:
        return (yield from _announce(row, context))
    removed = yield from erase(account, by=row.by, context=context)
    return Progress(changes=removed.changes, events=removed.events, more=True)


SOON: Final = 3 * 86400
"""Seconds before the erasure in which the user is notified once more, if they asked earlier."""


def _announce(row: Erasure, context: Context) -> Rule[Progress]:
    """Notifies the user that the account is erased soon, once for each request."""
    to = context.installation.notices
    if not is_soon(row, context.env.now) or not to.tells("deletion_soon"):
        return Progress()
    marker = SingleUse(purpose="deletion announced", value=f"{row.user} {row.due}", expires=row.due)
    query = One(SingleUse, marker.key)
    if (yield (query,)).one(query) is not None:
        return Progress()
    facts = {"at": str(row.due)}
    notice = tell("deletion_soon", user=row.user, env=context.env, to=to, facts=facts)
    return Progress(changes=(Create(marker), *notice))


def is_soon(row: Erasure, now: int) -> bool:
    """Whether the account is erased soon, and its user asked for that longer ago."""
    return not row.erased and row.due - SOON <= now < row.due and row.due - row.requested > SOON


def _scrub(row: Erasure) -> Rule[Progress]:
    """Removes from the events what people typed, such as names of passkeys and devices, and where
    they were."""
    query = Many(Event, "user", row.user)
    records = [one for one in (yield (query,)).many(query) if _has_notes(one)]
    # A version of what is counted by the day is its count, so such an event cannot be changed.
    changes: tuple[Change, ...] = tuple(
        Remove(one)
        if one.kind in DAILY
        else Update(msgspec.structs.replace(one, note="", reason=""))
        for one in records[:STEP]
    )
    if len(records) > STEP:
        return Progress(changes=changes, more=True)
    return Progress(changes=(*changes, Update(msgspec.structs.replace(row, scrubbed=True))))


def _has_notes(one: Event) -> bool:
    if one.country:
        return True
    return bool(one.note or one.reason) and (one.kind not in DAILY or one.kind == "connected")


def _purge(row: Erasure, now: int) -> Rule[Progress]:
    if now < row.purge:
        return Progress()
    queries = {kind: Many(kind, "user", row.user) for kind in PSEUDONYMOUS}
    results = yield tuple(queries.values())
    records = [one for query in queries.values() for one in results.many(query)]
    if records:
        return Progress(changes=tuple(Remove(one) for one in records[:STEP]), more=True)
    return Progress(changes=(Remove(row),))


def is_due(row: Erasure, now: int) -> bool:
    """Whether there may be something to do for the account."""
    if row.erased and not row.scrubbed:
        return True
    return now >= (row.purge if row.erased else row.due) or is_soon(row, now)
