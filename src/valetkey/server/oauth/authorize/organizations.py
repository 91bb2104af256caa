"""What the organizations of a user let an app ask for."""

from typing import Final

import msgspec

from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership
from valetkey.server.model.query import Rule
from valetkey.server.oauth.authorize.interaction import required
from valetkey.server.oauth.authorize.request import AuthorizationRequest
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.organizations import WHY, ceiling_by, context_of
from valetkey.spec.errors import AccessDenied

NEEDS: Final = "your organization does not allow what this app needs"
ANOTHER: Final = "the app is connected for another organization, or for none"


def as_allowed(
    request: AuthorizationRequest,
    grant: Grant | None,
    memberships: tuple[Membership, ...],
    *,
    context: Context,
) -> Rule[AuthorizationRequest]:
    """The request, for what the organizations of the user allow of it. A grant keeps the
    organization that it was given in. Raises AccessDenied if they don't allow the app, or not what
    it requires."""
    if grant is not None and request.organization not in ("", grant.organization):
        raise AccessDenied(ANOTHER)
    every = yield from ceiling_by(memberships)
    name = request.organization if grant is None else grant.organization
    ceiling = context_of(every, name)
    if ceiling.refusing(request.client):
        raise AccessDenied(WHY)
    offer = context.installation.offer
    allowed = ceiling.allowed(request.permissions, request.client, offer)
    if (request.permissions and not allowed) or not required(request) <= allowed:
        raise AccessDenied(NEEDS)
    left = tuple(one for one in request.permissions if one in allowed)
    return msgspec.structs.replace(request, permissions=left)
