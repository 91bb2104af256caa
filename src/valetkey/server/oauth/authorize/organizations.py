"""What the organizations of a user let an app ask for."""

from typing import Final

import msgspec

from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import AppRequest, Membership, Organization
from valetkey.server.model.query import One, Rule, existing
from valetkey.server.oauth.authorize.interaction import required
from valetkey.server.oauth.authorize.request import AuthorizationRequest
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.organizations import WHY, ceiling_by, ceiling_of, context_of
from valetkey.spec.errors import AccessDenied

NEEDS: Final = "your organization does not allow what this app needs"
ANOTHER: Final = "the app is connected for another organization, or for none"


class AppNotAllowed(AccessDenied):
    """These organizations of the user don't allow the app."""

    def __init__(self, organizations: tuple[Organization, ...]) -> None:
        super().__init__(WHY)
        self.organizations = organizations


class AppRequested(Outcome, frozen=True, kw_only=True, eq=False):
    """The organizations that were asked, and the app; no organization if none has to be asked."""

    organizations: tuple[Organization, ...] = ()
    client: Client | None = None


def ask_for(
    user: str, app: str, *, permissions: tuple[str, ...], context: Context
) -> Rule[AppRequested]:
    """Asks the organizations of the user that don't allow this app to allow it, each once."""
    query = One(Client, app)
    client = (yield (query,)).one(query)
    if client is None:
        return AppRequested()
    ceiling = yield from ceiling_of(user)
    reached = tuple(one for one in ceiling.refusing(client) if one.rule.ask)
    requests = [
        AppRequest(
            organization=one.id,
            user=user,
            client=app,
            permissions=permissions,
            created=context.env.now,
        )
        for one in reached
    ]
    if not requests:
        return AppRequested()
    there = yield from existing({one.key: One(AppRequest, one.key) for one in requests})
    new = tuple(Create(one) for one in requests if one.key not in there)
    return AppRequested(organizations=reached, client=client, changes=new)


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
    if refusing := ceiling.refusing(request.client):
        raise AppNotAllowed(refusing)
    offer = context.installation.offer
    allowed = ceiling.allowed(request.permissions, request.client, offer)
    if (request.permissions and not allowed) or not required(request) <= allowed:
        raise AccessDenied(NEEDS)
    left = tuple(one for one in request.permissions if one in allowed)
    return msgspec.structs.replace(request, permissions=left)
