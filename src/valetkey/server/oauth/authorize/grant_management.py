"""Grant management in an authorization request: which grant it speaks of, and what is to become of
it (Grant Management for OAuth 2.0 5).

A user has at most one grant for an app. So `create` is for a user who has none, `merge` is what an
ordinary request does, and `replace` leaves the grant what this request asks for.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.grant_management import may_manage_grants
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import InvalidGrantId, InvalidRequest
from valetkey.wire.form import Form

Action: TypeAlias = Literal["", "create", "merge", "replace"]
ACTIONS: Final[tuple[Action, ...]] = ("create", "merge", "replace")
ACTION: Final = "grant_management_action"
GRANT: Final = "grant_id"


class GrantManagement(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of it: "" and "" where it says nothing."""

    action: Action = ""
    grant: str = ""


NOTHING: Final = GrantManagement()


def read(form: Form, client: Client, context: Context) -> GrantManagement:
    """What the request says; nothing, where the client has not opted in. Raises InvalidRequest."""
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
    """The grant that the request speaks of, None for none. Raises InvalidGrantId for one that is
    over, another client's or nothing (ATTACKS A77)."""
    if not managed.grant:
        return None
    query = One(Grant, managed.grant)
    grant = (yield (query,)).one(query)
    if grant is None or grant.client != client.id or grant.status == "stopped":
        raise InvalidGrantId
    return grant


def dropped(managed: GrantManagement, grant: Grant, requested: tuple[str, ...]) -> tuple[str, ...]:
    """What the grant loses because the app replaces it by what it asks for now."""
    if managed.action != "replace":
        return ()
    return tuple(one for one in grant.permissions if one not in requested)


def without(grant: Grant, dropped_permissions: tuple[str, ...]) -> Grant:
    """The grant as it stands once these are gone."""
    if not dropped_permissions:
        return grant
    left = tuple(one for one in grant.permissions if one not in dropped_permissions)
    return grant.with_permissions(left)


def dropped_events(
    grant: Grant, permissions: tuple[str, ...], context: Context
) -> tuple[Event, ...]:
    """What the history says of it: the app has given these back."""
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
