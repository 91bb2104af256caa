"""The client credentials grant (RFC 6749 4.4): a client acts for itself. Nothing is stored."""

from typing import Final

from valetkey.server.model.query import Rule
from valetkey.server.model.resource import IDENTITY
from valetkey.server.oauth.clients import grant_management
from valetkey.server.oauth.core import profile
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, Refuse
from valetkey.server.oauth.core.feature import Authenticated, Feature, GrantType
from valetkey.server.oauth.grant_types import narrowing
from valetkey.server.oauth.grant_types.narrowing import Narrowing
from valetkey.server.oauth.signals import app_receivers
from valetkey.spec import names
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidScope, InvalidTarget, UnauthorizedClient

CITE: Final = Cite("RFC 6749", "4.4")

_OWN: Final = (
    (grant_management.may_manage_grants, frozenset(grant_management.SCOPES)),
    (app_receivers.receives, frozenset(app_receivers.SCOPES)),
)
"""Who has something here for itself, and in which scopes."""

_OF_PEOPLE: Final = frozenset(permission.id for permission in IDENTITY)


def decide(wish: Narrowing, by: Authenticated, context: Context) -> Rule[Issue | Refuse]:
    """A token for the client's own use, with what it is registered for."""
    yield from ()
    if by.client.is_public:
        # RFC 6749 4.4: only confidential clients.
        raise UnauthorizedClient("a client without a secret cannot act for itself")
    for may, scopes in _OWN:
        if not scopes.isdisjoint(wish.scope) and may(by.client, context):
            return _own(wish, by, context, scopes=scopes)
    profile.check_resources(by.client, wish.resources, context)
    registered = [
        one for one in context.installation.offer.expand(by.client.scope) if one not in _OF_PEOPLE
    ]
    permissions, resources = narrowing.narrow(
        wish, permissions=registered, resources=(), offer=context.installation.offer
    )
    return Issue(
        client=by.client,
        standing=None,
        permissions=permissions,
        scope=wish.scope or by.client.scope,
        resources=resources,
        details=wish.types,
    )


def _own(wish: Narrowing, by: Authenticated, context: Context, *, scopes: frozenset[str]) -> Issue:
    """A token for what the client has here for itself, such as the grants that it holds. It opens
    nothing else, so that no API to which it is shown could use it."""
    if not frozenset(wish.scope) <= scopes:
        raise InvalidScope("a client's own scopes are asked for alone")
    if not context.installation.offer.find_resources(wish.resources) <= {
        context.installation.issuer
    }:
        raise InvalidTarget("a client's own scopes are for here and nowhere else")
    return Issue(client=by.client, standing=None, permissions=(), scope=(), own=wish.scope)


CLIENT_CREDENTIALS: Final = Feature(
    name="client credentials",
    cites=(CITE,),
    grant_types=(
        GrantType(name=names.CLIENT_CREDENTIALS, cite=CITE, parse=narrowing.parse, decide=decide),
    ),
)
