"""Removal of clients, users and resource servers.

Grants are stopped, not deleted: their history stays, and a later client or user with the same name
never inherits a grant (ATTACKS A91).
"""

from collections.abc import Iterable

import msgspec

from valetkey.server.model.change import Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import Identity, Session, User, sign_in_name
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
    """Removes an app, and stops all its grants."""
    wanted, grants = One(Client, name), Many(Grant, "client", name)
    results = yield (wanted, grants)
    row = results.one(wanted)
    if row is None:
        return NotRemoved(why=f"there is no client {name!r}")
    return _removed(row, results.many(grants), context=context)


def user(username: str, context: Context) -> Rule[Removed | NotRemoved]:
    """Removes an account and its sessions, and stops all its grants."""
    query = OneByAlias(User, sign_in_name(username))
    row = (yield (query,)).one(query)
    if row is None:
        return NotRemoved(why=f"there is no user {username!r}")
    grants, sessions = Many(Grant, "user", row.id), Many(Session, "user", row.id)
    identities = Many(Identity, "user", row.id)
    results = yield (grants, sessions, identities)
    signed_in = (*results.many(sessions), *results.many(identities))
    messages = yield from sign_out_everywhere(row.id, context)
    removed = _removed(row, results.many(grants), also=signed_in, context=context)
    return msgspec.structs.replace(removed, changes=(*removed.changes, *messages))


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
    record: Record, grants: Iterable[Grant], *, context: Context, also: Iterable[Record] = ()
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
            by="administrator",
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
