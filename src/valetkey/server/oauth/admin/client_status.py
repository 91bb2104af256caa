"""Suspended apps: refused everywhere at once, and back with all grants when they are restored.

Grants, token families and receipts stay as they are. Every endpoint asks for the app's status, and
the change log tells the APIs (see `model.change_log`). The pages tell its users, with the reason.
"""

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.client import Client, Status, Suspension
from valetkey.server.model.event import event
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome


class ClientStatus(Outcome, frozen=True, kw_only=True, eq=False):
    """The app as now stored, None if there is none."""

    client: Client | None


def change_client_status(
    name: str, status: Status, *, reason: str = "", context: Context
) -> Rule[ClientStatus]:
    """Suspends or restores the app with this id, and records it with the reason. A suspended app
    gets a new reason if one is given; else there is nothing to change."""
    query = One(Client, name)
    client = (yield (query,)).one(query)
    if client is None or (client.status == status and not (reason and status == "suspended")):
        return ClientStatus(client=client)
    suspended = status == "suspended"
    changed = msgspec.structs.replace(
        client,
        status=status,
        suspension=Suspension(since=context.env.now, reason=reason) if suspended else None,
    )
    audit_event = event(
        context.env,
        "app-suspended" if suspended else "app-restored",
        by="administrator",
        client=name,
        reason=reason,
    )
    return ClientStatus(client=changed, changes=(Update(changed),), events=(audit_event,))
