"""The client credentials grant (RFC 6749 4.4): a client acts for itself. Nothing is stored."""

from typing import Final

import msgspec

from valetkey.server.model.query import Rule
from valetkey.server.model.resource import IDENTITY
from valetkey.server.oauth.clients.documents import check_resources
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, Refuse, StepState, state_of
from valetkey.server.oauth.core.feature import Authenticated, ClientScopes, Feature, GrantType
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.server.oauth.grant_types import narrowing
from valetkey.server.oauth.grant_types.narrowing import Narrowing
from valetkey.spec import names
from valetkey.spec.errors import InvalidScope, InvalidTarget
from valetkey.spec.names import Cite
from valetkey.wire.access_token import AccessToken

CITE: Final = Cite("RFC 6749", "4.4")

_OF_PEOPLE: Final = frozenset(permission.id for permission in IDENTITY)


class OwnScope(StepState, frozen=True, eq=False):
    """Scopes for what the client has at this server for itself (see `ClientScopes`)."""

    names: tuple[str, ...]


def decide(requested: Narrowing, caller: Authenticated, context: Context) -> Rule[Issue | Refuse]:
    """Issue a token for the client's own use, within its registration."""
    yield from ()
    named = requested.scope or caller.client.scope
    if not context.installation.own_scopes.isdisjoint(named):
        for own in context.installation.client_scopes:
            wanted = requested.scope or _all_of(own, caller)
            if not set(own.names).isdisjoint(wanted) and own.may_use(caller.client, context):
                requested = msgspec.structs.replace(requested, scope=wanted)
                return _own(requested, caller, context, scopes=frozenset(own.names))
    check_resources(caller.client, requested.resources, context)
    registered = [
        one
        for one in context.installation.offer.expand_known(caller.client.scope)
        if one not in _OF_PEOPLE
    ]
    permissions, resources = narrowing.narrow(
        requested, permissions=registered, resources=(), offer=context.installation.offer
    )
    return Issue(
        client=caller.client,
        standing=None,
        permissions=permissions,
        scope=requested.scope or caller.client.scope,
        resources=resources,
        state=requested.state,
    )


def _all_of(own: ClientScopes, caller: Authenticated) -> tuple[str, ...]:
    """What a request without a scope is for: the registered scopes, if these are all of them."""
    registered = caller.client.scope
    return registered if own.registered and set(registered) <= set(own.names) else ()


def _own(
    requested: Narrowing, caller: Authenticated, context: Context, *, scopes: frozenset[str]
) -> Issue:
    """Issue a token for what the client has at this server for itself, such as its grants. The
    token opens nothing else, so an API that receives it can't use it."""
    if not frozenset(requested.scope) <= scopes:
        raise InvalidScope("a client's own scopes cannot be combined with others")
    if not context.installation.offer.find_resources(requested.resources) <= {
        context.installation.issuer
    }:
        raise InvalidTarget("a client's own scopes are for this server alone")
    state = (OwnScope(requested.scope),)
    return Issue(client=caller.client, standing=None, permissions=(), scope=(), state=state)


def _set_own_scope(token: AccessToken, decision: Issue, context: Context) -> AccessToken:
    own = state_of(decision, OwnScope)
    return token if own is None else msgspec.structs.replace(token, scope=" ".join(own.names))


CLIENT_CREDENTIALS: Final = Feature(
    name="client credentials",
    issuing=IssuingStep(owners=("client",), complete=_set_own_scope),
    cites=(CITE,),
    grant_types=(
        GrantType(
            name=names.CLIENT_CREDENTIALS,
            cite=CITE,
            confidential_only=True,
            declared_only=True,
            parse=narrowing.parse,
            decide=decide,
        ),
    ),
)
