"""Grant management in an authorization request: the grant, and the action on it (Grant Management
for OAuth 2.0 5).

A user has at most one grant for an app. So `create` needs a user without one, `merge` does the same
as an ordinary request, and `replace` removes what the request doesn't ask for.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.registration import may_manage_grants
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import InvalidGrantId, InvalidRequest
from valetkey.wire.form import Form

Action: TypeAlias = Literal["", "create", "merge", "replace"]
ACTIONS: Final[tuple[Action, ...]] = ("create", "merge", "replace")
ACTION: Final = "grant_management_action"
GRANT: Final = "grant_id"


class GrantManagement(msgspec.Struct, frozen=True, kw_only=True):
    """The action and grant id of a request, "" and "" for none."""

    action: Action = ""
    grant: str = ""


NOTHING: Final = GrantManagement()


def read(form: Form, client: Client, context: Context) -> GrantManagement:
    """Parses the parameters, if the client has opted in. Raises InvalidRequest."""
    if not may_manage_grants(client, context):
        return NOTHING
    sent, grant = form.get(ACTION, ""), form.get(GRANT, "")
    action = next((one for one in ("", *ACTIONS) if one == sent), None)
    if action is None:
        raise InvalidRequest(f"{ACTION} is none of {', '.join(ACTIONS)}")
    if (action in ("merge", "replace")) != bool(grant):
        raise InvalidRequest(f"{GRANT} goes with merge and with replace, and with nothing else")
    return GrantManagement(action=action, grant=grant)


def find_grant(managed: GrantManagement, client: Client) -> Rule[Grant | None]:
    """The grant of the request, None for none. Raises InvalidGrantId if there is no such grant, or
    it is stopped or another client's (ATTACKS A77)."""
    if not managed.grant:
        return None
    query = One(Grant, managed.grant)
    grant = (yield (query,)).one(query)
    if grant is None or grant.client != client.id or grant.status == "stopped":
        raise InvalidGrantId
    return grant


def dropped(managed: GrantManagement, grant: Grant, requested: tuple[str, ...]) -> tuple[str, ...]:
    """The permissions that the grant loses with `replace`."""
    if managed.action != "replace":
        return ()
    return tuple(one for one in (*grant.permissions, *grant.withheld) if one not in requested)


def without(grant: Grant, dropped_permissions: tuple[str, ...]) -> Grant:
    """The grant without these permissions."""
    if not dropped_permissions:
        return grant
    left = tuple(one for one in grant.permissions if one not in dropped_permissions)
    withheld = tuple(one for one in grant.withheld if one not in dropped_permissions)
    return msgspec.structs.replace(grant.with_permissions(left), withheld=withheld)


def dropped_events(
    grant: Grant, permissions: tuple[str, ...], context: Context
) -> tuple[Event, ...]:
    """The event for permissions that the app has given back."""
    if not permissions:
        return ()
    return (
        event(
            context.env,
            "downgraded",
            by="app",
            user=grant.user,
            client=grant.client,
            grant=grant.id,
            permissions=permissions,
        ),
    )
