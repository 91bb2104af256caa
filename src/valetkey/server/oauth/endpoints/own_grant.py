"""The own-grant endpoint: an app with a refresh token narrows or stops its own grant.

The refresh token authorizes the request, with the same checks as at the token endpoint, but it is
not rotated. An access token is not enough, as every API that got it has it. The endpoint can only
remove access, and the user's page says that the app did it.
"""

from typing import Final

from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse, with_changes
from valetkey.server.oauth.core.feature import Authenticated, Call, Endpoint, Feature
from valetkey.server.oauth.grant_types.refresh_token import check_presented
from valetkey.server.oauth.grants.changes import GrantOutcome, NotFound, change_status, narrow
from valetkey.server.oauth.senders.binding import bind
from valetkey.server.oauth.tokens import refresh_token
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidGrant, InvalidRequest
from valetkey.wire.form import Form
from valetkey.wire.own_grant import ACTION, NARROW, REFRESH_TOKEN, SCOPE, STOP, OwnGrant

CITE: Final = Cite("Grant Management for OAuth 2.0", "6")
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
        document=_document(outcome.grant, family, context),
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


def _document(grant: Grant, family: TokenFamily, context: Context) -> OwnGrant:
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
    cites=(CITE,),
    requires=("refresh token",),
    endpoints=(Endpoint(path="/grant", metadata="grant_endpoint", cite=CITE, rule=manage_own),),
)
