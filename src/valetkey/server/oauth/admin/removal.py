"""What goes when a client, a user or a resource server goes.

Grants are stopped, not forgotten: their history stays, and a later client or user of the same name
never inherits a yes that was given to another (ATTACKS A91).
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
from valetkey.server.model.user import Session, User, sign_in_name
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.logout.sessions import sign_out_everywhere


class Removed(Outcome, frozen=True, kw_only=True, eq=False):
    """It goes, and with it the access of so many live grants."""

    record: Record
    stopped: int = 0


class NotRemoved(Outcome, frozen=True, kw_only=True, eq=False):
    """It stays; `why` says what is in the way."""

    why: str


def client(name: str, context: Context) -> Rule[Removed | NotRemoved]:
    """The app goes; every user's yes to it is over."""
    wanted, grants = One(Client, name), Many(Grant, "client", name)
    found = yield (wanted, grants)
    gone = found.one(wanted)
    if gone is None:
        return NotRemoved(why=f"there is no client {name!r}")
    return _removed(gone, found.many(grants), context=context)


def user(username: str, context: Context) -> Rule[Removed | NotRemoved]:
    """The account goes, with its sessions; every yes that the user gave is over."""
    wanted = OneByAlias(User, sign_in_name(username))
    gone = (yield (wanted,)).one(wanted)
    if gone is None:
        return NotRemoved(why=f"there is no user {username!r}")
    grants, sessions = Many(Grant, "user", gone.id), Many(Session, "user", gone.id)
    found = yield (grants, sessions)
    signed_in = found.many(sessions)
    told = yield from sign_out_everywhere(gone.id, context)
    removed = _removed(gone, found.many(grants), also=signed_in, context=context)
    return msgspec.structs.replace(removed, changes=(*removed.changes, *told))


def resource_server(name: str, context: Context) -> Rule[Removed | NotRemoved]:
    """The API goes, unless a client is still registered for something of its catalog."""
    wanted, clients = One(ResourceServer, name), Many(Client)
    found = yield (wanted, clients)
    gone = found.one(wanted)
    if gone is None:
        return NotRemoved(why=f"there is no resource server {name!r}")
    names = {one.id for one in gone.catalog.permissions} | set(gone.catalog.scopes)
    asking = [one.id for one in found.many(clients) if names & {*one.scope, *one.required}]
    if asking:
        return NotRemoved(
            why=f"these clients may still ask for its permissions: {', '.join(asking)}"
        )
    return _removed(gone, (), context=context)


def _removed(
    record: Record, grants: Iterable[Grant], *, context: Context, also: Iterable[Record] = ()
) -> Removed:
    live = [grant for grant in grants if grant.status != "stopped"]
    stopped = [
        Update(msgspec.structs.replace(grant, status="stopped", changed=context.env.now))
        for grant in live
    ]
    told = tuple(
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
    return Removed(record=record, stopped=len(live), changes=(*removed, *stopped), events=told)
