"""What a token response says beyond ordinary OAuth: when the grant ends, and whatever the client
has opted into."""

from typing import Final

from valetkey.server.oauth.clients.grant_management import may_manage_grants
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, Standing
from valetkey.server.oauth.core.feature import Feature
from valetkey.spec.cite import Cite
from valetkey.wire.token_response import GRANT_EXPIRES_AT

CITE: Final = Cite("draft-ietf-oauth-refresh-token-expiration", "4")


def extensions(decision: Issue, context: Context) -> dict[str, str | int]:
    """The members that are added. None for a key that was passed on: it is another's."""
    told: dict[str, str | int] = {}
    standing = decision.standing
    if standing is None or decision.delegation is not None:
        return told
    if standing.grant.limits.until:
        told[GRANT_EXPIRES_AT] = standing.grant.limits.until
    if may_manage_grants(decision.client, context):
        told["grant_id"] = standing.grant.id
    if decision.with_refresh_token and "authorization_expiration" in decision.client.understands:
        told |= _expiration(decision, standing, context)
    return told


def _expiration(decision: Issue, standing: Standing, context: Context) -> dict[str, int]:
    """How long the refresh token may lie, and how long there will be another; in seconds."""
    longest = (
        context.installation.all_policies[decision.client.policy].refresh_token
        or context.installation.lifetimes.refresh_token
    )
    ends = standing.family.created + longest
    if standing.grant.limits.until:
        ends = min(ends, standing.grant.limits.until)
    idle = min(standing.family.expires, ends)
    return {
        "refresh_token_timeout": max(0, idle - context.env.now),
        "authorization_expires_in": max(0, ends - context.env.now),
    }


EXPIRATION: Final = Feature(
    name="authorization expiration",
    cites=(CITE,),
    metadata=lambda _: {
        "refresh_token_expiration_types_supported": ("authorization", "token_timeout")
    },
)
