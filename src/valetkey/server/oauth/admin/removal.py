"""Removal of clients, users and resource servers.

Grants are stopped, not deleted: their history stays, and a later client or user with the same name
never inherits a grant (ATTACKS A91).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.server.accounts.notices import tell
from valetkey.server.accounts.personal_data import owned_by_index
from valetkey.server.model.audit import PersonKey
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.event import By, event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User, sign_in_name
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.logout.sessions import sign_out_everywhere


class Removed(Outcome, frozen=True, kw_only=True, eq=False):
    """The record is removed, and `stopped` live grants with it."""

    record: Record
    stopped: int = 0


class NotRemoved(Outcome, frozen=True, kw_only=True, eq=False):
    """The record is not removed, for the reason `why`."""

    why: str


def client(name: str, context: Context) -> Rule[Removed | NotRemoved]:
    """Removes an app, and stops all its grants. Users who lose it are notified."""
    wanted, grants = One(Client, name), Many(Grant, "client", name)
    results = yield (wanted, grants)
    row = results.one(wanted)
    if row is None:
        return NotRemoved(why=f"there is no client {name!r}")
    live = [one for one in results.many(grants) if one.status != "stopped"]
    notices = [
        one
        for grant in live
        for one in tell(
            "access_stopped",
            user=grant.user,
            env=context.env,
            to=context.installation.notices,
            client=name,
            grant=grant.id,
            app=row.name,
        )
    ]
    removed = _removed(row, live, context=context)
    return msgspec.structs.replace(removed, changes=(*removed.changes, *notices))


def user(name: str, context: Context) -> Rule[Removed | NotRemoved]:
    """Erases the account with this username or id (see `erase`)."""
    by_name, by_id = OneByAlias(User, sign_in_name(name)), One(User, name)
    results = yield (by_name, by_id)
    row = results.one(by_name) or results.one(by_id)
    if row is None:
        return NotRemoved(why=f"there is no user {name!r}")
    return (yield from erase(row, by="administrator", context=context))


PERSONAL: Final = owned_by_index("removed")
"""Kinds of records of a user that are removed with the account. Besides, there is that of its
source."""


def erase(row: User, *, by: By, context: Context) -> Rule[Removed]:
    """Removes an account with its personal data, and stops all its grants.

    Grants, token families, receipts and events stay under the user's id, which is random: they
    prove what was allowed, and name nobody. The names of devices are removed from the families."""
    grants, families = Many(Grant, "user", row.id), Many(TokenFamily, "user", row.id)
    own = tuple(Many(kind, "user", row.id) for kind in PERSONAL)
    provisioned, requested = One(ProvisionedUser, row.id), One(Erasure, row.id)
    audit_key = One(PersonKey, row.id)
    results = yield (grants, families, *own, provisioned, requested, audit_key)
    also: list[Record] = [one for want in own for one in results.many(want)]
    # With its key, what is personal in the audit log is gone; the log itself stays whole.
    also += [one for one in (results.one(provisioned), results.one(audit_key)) if one is not None]
    erasure = _erasure(results.one(requested), row.id, by=by, context=context)
    messages = yield from sign_out_everywhere(row.id, context)
    nameless = tuple(
        Update(msgspec.structs.replace(one, device=""))
        for one in results.many(families)
        if one.device
    )
    removed = _removed(row, results.many(grants), also=also, by=by, context=context)
    return msgspec.structs.replace(
        removed,
        changes=(*removed.changes, *nameless, *messages, erasure),
        events=(*removed.events, event(context.env, "erased", by=by, user=row.id)),
    )


def _erasure(before: Erasure | None, user: str, *, by: By, context: Context) -> Change:
    """Records that the account is erased, and when its other records are purged."""
    now = context.env.now
    purge = now + context.installation.lifetimes.erased_records
    if before is None:
        return Create(Erasure(user=user, requested=now, due=now, by=by, erased=now, purge=purge))
    return Update(msgspec.structs.replace(before, code="", erased=now, purge=purge))


def resource_server(name: str, context: Context) -> Rule[Removed | NotRemoved]:
    """Removes an API, unless a client is registered for something of its catalog."""
    wanted, clients = One(ResourceServer, name), Many(Client)
    results = yield (wanted, clients)
    row = results.one(wanted)
    if row is None:
        return NotRemoved(why=f"there is no resource server {name!r}")
    names = {one.id for one in row.catalog.permissions} | set(row.catalog.scopes)
    asking = [one.id for one in results.many(clients) if names & {*one.scope, *one.required}]
    if asking:
        return NotRemoved(
            why=f"these clients may still ask for its permissions: {', '.join(asking)}"
        )
    return _removed(row, (), context=context)


def _removed(
    record: Record,
    grants: Iterable[Grant],
    *,
    context: Context,
    also: Iterable[Record] = (),
    by: By = "administrator",
) -> Removed:
    live = [grant for grant in grants if grant.status != "stopped"]
    stopped = [
        Update(msgspec.structs.replace(grant, status="stopped", changed=context.env.now))
        for grant in live
    ]
    audit_events = tuple(
        event(
            context.env,
            "stopped",
            by=by,
            user=grant.user,
            client=grant.client,
            grant=grant.id,
        )
        for grant in live
    )
    removed = tuple(Remove(one) for one in (record, *also))
    return Removed(
        record=record, stopped=len(live), changes=(*removed, *stopped), events=audit_events
    )
