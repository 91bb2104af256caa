"""How long a refresh token lasts, for clients that ask for it
(draft-ietf-oauth-refresh-token-expiration)."""

from collections.abc import Mapping
from typing import Final

from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.issuing import IssuingStep
from valetkey.spec.names import Cite

CITE: Final = Cite("draft-ietf-oauth-refresh-token-expiration", "4")
EXTENSION: Final = "authorization_expiration"


def _members(decision: Issue, context: Context) -> Mapping[str, int]:
    """In seconds: how long the refresh token may stay unused, and how long tokens can be refreshed.
    Empty for a client that did not opt in, or that gets no refresh token of its own."""
    standing, client = decision.standing, decision.client
    if standing is None or decision.delegation is not None:
        return {}
    if decision.refresh_token is None or EXTENSION not in client.understands:
        return {}
    installation, now = context.installation, context.env.now
    policy = installation.all_policies[client.policy]
    longest = policy.refresh_token or installation.lifetimes.refresh_token
    ends = standing.family.created + longest
    if standing.grant.limits.until:
        ends = min(ends, standing.grant.limits.until)
    idle = min(standing.family.expires, ends)
    return {
        "refresh_token_timeout": max(0, idle - now),
        "authorization_expires_in": max(0, ends - now),
    }


EXPIRATION: Final = Feature(
    name="authorization expiration",
    cites=(CITE,),
    issuing=IssuingStep(owners=("user",), members=_members),
    metadata=lambda _: {
        "refresh_token_expiration_types_supported": ("authorization", "token_timeout")
    },
)
