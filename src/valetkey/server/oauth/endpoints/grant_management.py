"""Grant management: an app that has opted in reads and revokes its grants
(oauth-v2-grant-management-03 of the OpenID Foundation).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.grant_management import ACTIONS
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.clients.registration import (
    NAME,
    QUERY,
    REVOKE,
    SCOPES,
    may_manage_grants,
)
from valetkey.server.oauth.core import claims, rar
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issue, Issued, Refuse, with_changes
from valetkey.server.oauth.core.feature import Authenticated, Call, ClientScopes, Endpoint, Feature
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.server.oauth.core.liveness import still_allowed
from valetkey.server.oauth.grant_types.refresh_token import check_presented
from valetkey.server.oauth.grants.changes import (
    GrantChanged,
    GrantOutcome,
    NotFound,
    change_status,
    grant_of_client,
    narrow,
)
from valetkey.server.oauth.senders.binding import bind
from valetkey.server.oauth.tokens import refresh_token
from valetkey.server.oauth.tokens.state import Dead, Live, token_state
from valetkey.spec.errors import (
    InsufficientScope,
    InvalidGrant,
    InvalidGrantId,
    InvalidRequest,
    InvalidToken,
)
from valetkey.spec.names import Cite
from valetkey.wire.form import Form
from valetkey.wire.token_response import ACTION, NARROW, REFRESH_TOKEN, SCOPE, STOP, OwnGrant

PATH: Final = "/grants"
CITE: Final = Cite("Grant Management for OAuth 2.0", "6")

_SCOPES: Final = {"GET": QUERY, "DELETE": REVOKE}


def manage(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Reads or stops a grant, for its client. Raises InvalidToken, InsufficientScope, and
    InvalidGrantId for an ended, another client's or unknown grant: the client can't tell which
    (ATTACKS A77)."""
    live = yield from _own(call.token, context)
    if _SCOPES[call.method] not in live.token.scopes:
        raise InsufficientScope
    grant = yield from grant_of_client(call.item, live.client.id)
    if grant is None:
        raise InvalidGrantId(status=404)
    if call.method == "GET":
        return Answer(document=(yield from _document(grant, live, context)))
    outcome = yield from change_status(grant.id, "stop", user=grant.user, by="app", context=context)
    if not isinstance(outcome, GrantChanged):
        raise InvalidGrantId(status=404)
    return Answer(document=None, changes=outcome.changes, events=outcome.events)


def _own(text: str, context: Context) -> Rule[Live]:
    """The token, where a client that manages its grants got it for itself, for this server alone.
    What a user gave opens nothing here, whatever it is called."""
    live = yield from token_state(text, context)
    if isinstance(live, Dead):
        raise InvalidToken(detail=live.why)
    if live.standing is not None or live.token.aud != (context.installation.issuer,):
        raise InvalidToken(detail="not a client's own token for this server")
    if not may_manage_grants(live.client, context):
        raise InsufficientScope(detail="the client has not opted into grant management")
    return live


def _document(grant: Grant, live: Live, context: Context) -> Rule[dict[str, Any]]:
    """The current state of the grant (6.4). Times are in seconds since 1970."""
    query = One(User, grant.user)
    user = (yield (query,)).one(query)
    if user is None or user.status != "active" or grant.epoch != context.installation.epoch:
        raise InvalidGrantId(status=404)
    allowed = still_allowed(
        grant.permissions, client=live.client, grant=grant, offer=context.installation.offer
    )
    document: dict[str, Any] = {
        "grant_id": grant.id,
        "status": grant.status,
        "scopes": _scopes(allowed, context),
        "claims": [one for one, opener in claims.PERMISSION_BY_CLAIM.items() if opener in allowed],
        "created_at": grant.created,
        "last_updated_at": grant.changed,
    }
    if rar.is_enabled(context):
        details = rar.granted_details(
            context.installation.offer.resources[1:],
            allowed,
            within=grant.limits,
            offer=context.installation.offer,
        )
        document["authorization_details"] = msgspec.to_builtins(details)
    return document | ({"expires_at": grant.limits.until} if grant.limits.until else {})


def _scopes(allowed: tuple[str, ...], context: Context) -> list[dict[str, Any]]:
    """A member for each resource server with allowed permissions."""
    return [
        {"scope": " ".join(mine), "resource": [resource]}
        for resource in context.installation.offer.resources
        if (
            mine := [
                one for one in allowed if context.installation.offer.resource_of[one] == resource
            ]
        )
    ]


def _members(decision: Issue, context: Context) -> Mapping[str, str]:
    """The grant's name, for a client that manages its own grants."""
    standing = decision.standing
    if standing is None or decision.delegation is not None:
        return {}
    if not may_manage_grants(decision.client, context):
        return {}
    return {"grant_id": standing.grant.id}


GRANT_MANAGEMENT: Final = Feature(
    name=NAME,
    issuing=IssuingStep(owners=("user",), members=_members),
    client_scopes=(ClientScopes(names=SCOPES, may_use=may_manage_grants),),
    cites=(CITE,),
    requires=("client credentials",),
    endpoints=(
        Endpoint(
            path=PATH,
            metadata="grant_management_endpoint",
            cite=CITE,
            methods=("GET", "DELETE"),
            who="bearer",
            reads="nothing",
            rule=manage,
            items=True,
        ),
    ),
    metadata=lambda _: {"grant_management_actions_supported": ("query", "revoke", *ACTIONS)},
)


# The own-grant endpoint: an app with a refresh token narrows or stops its own grant.
#
# The refresh token authorizes the request, with the same checks as at the token endpoint, but it is
# not rotated. An access token is not enough, as every API that got it has it. The endpoint can only
# remove access, and the user's page says that the app did it.

OWN_GRANT_CITE: Final = Cite("Grant Management for OAuth 2.0", "6")
"""Of which this is what an app can do that has no credentials of its own."""


def manage_own(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Narrows or stops the grant of the refresh token. Raises InvalidRequest, InvalidScope,
    InvalidGrant."""
    text = call.form.need(REFRESH_TOKEN)
    if call.form.need(ACTION) not in (NARROW, STOP):
        raise InvalidRequest("action is neither narrow nor stop")
    by = yield from authenticate(call, context)
    by, proof = yield from bind(by, call.request, context)
    family = yield from _family(text, by, context)
    if isinstance(family, Refuse):
        return with_changes(family, proof)
    outcome = yield from _changed(family, call.form, context)
    if isinstance(outcome, NotFound):
        raise InvalidGrant("the grant is over")
    answer = Answer(
        document=_own_grant_document(outcome.grant, family, context),
        changes=outcome.changes,
        events=outcome.events,
    )
    return with_changes(answer, proof)


def _family(text: str, by: Authenticated, context: Context) -> Rule[TokenFamily | Refuse]:
    token = refresh_token.read(text, context.installation.keyring)
    query = One(TokenFamily, token.family)
    family = (yield (query,)).one(query)
    if family is None or family.client != by.client.id:
        raise InvalidGrant(detail="the family is gone, or another client's")
    if family.shards is not None:
        # One shard gives no access, so it can't end access on other devices either.
        raise InvalidRequest("a key in shards is stopped by its user")
    return check_presented(token, family, caller=by, context=context) or family


def _changed(family: TokenFamily, form: Form, context: Context) -> Rule[GrantOutcome]:
    query = One(Grant, family.grant)
    grant = (yield (query,)).one(query)
    if grant is None or grant.epoch != context.installation.epoch:
        return NotFound()
    if form.need(ACTION) == STOP:
        return (
            yield from change_status(grant.id, "stop", user=family.user, by="app", context=context)
        )
    keep = context.installation.offer.expand(tuple(form.need(SCOPE).split()))
    return (yield from narrow(grant.id, keep, user=family.user, by="app", context=context))


def _own_grant_document(grant: Grant, family: TokenFamily, context: Context) -> OwnGrant:
    if grant.status == "stopped":
        return OwnGrant(status=grant.status)
    permissions = grant.allows(family.permissions)
    return OwnGrant(
        status=grant.status,
        scope=context.installation.offer.names(permissions, requested=family.scope),
        grant_expires_at=grant.limits.until,
    )


OWN_GRANT: Final = Feature(
    name="own grant",
    cites=(OWN_GRANT_CITE,),
    requires=("refresh token",),
    endpoints=(
        Endpoint(path="/grant", metadata="grant_endpoint", cite=OWN_GRANT_CITE, rule=manage_own),
    ),
)
