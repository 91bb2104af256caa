"""The scope of self-registered clients, and the `resource` that a policy requires."""

from collections.abc import Collection

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.oauth.clients import metadata
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.offer import Offer
from valetkey.spec.errors import InvalidRequest


def restrict_scope(client: Client, scope: tuple[str, ...], offer: Offer) -> Client:
    """Restrict a client's scope to what self-registered clients may have. A client without a scope
    gets all of that (RFC 7591 2). Raises InvalidClientMetadata."""
    allowed = allowed_scope(scope, offer)
    if client.subject_type == "pairwise":
        allowed = tuple(one for one in allowed if offer.resource_of.get(one) == offer.issuer)
    if not client.scope:
        return msgspec.structs.replace(client, scope=allowed)
    unknown = [one for one in client.scope if one not in offer.scopes]
    if unknown:
        raise metadata.metadata_error(
            "scope", "names something unknown", detail=f"{unknown[0][:80]!r}"
        )
    reach = frozenset(offer.expand(allowed))
    fits = tuple(one for one in client.scope if reach >= frozenset(offer.expand((one,))))
    if not fits:
        raise metadata.metadata_error("scope", "holds nothing that a client of this kind may have")
    return msgspec.structs.replace(client, scope=fits)


def allowed_scope(scope: tuple[str, ...], offer: Offer) -> tuple[str, ...]:
    """The scope that self-registered clients may have: the setting, or else every permission that
    is not of high risk and implies none that is."""
    if scope:
        return tuple(one for one in scope if one in offer.scopes)
    return tuple(name for name in offer.permissions if not _is_risky(name, offer))


def _is_risky(permission: str, offer: Offer) -> bool:
    reached = offer.with_implied((permission,))
    return any(offer.permissions[one].risk == "high" for one in reached)


def check_resources(client: Client, resources: Collection[str], context: Context) -> None:
    """Raises InvalidRequest where the client's policy requires `resource` (RFC 8707 2) and the
    request has none. A refresh needs none: it is for what was named before."""
    if context.installation.all_policies[client.policy].resource == "required" and not resources:
        raise InvalidRequest("resource is missing")
