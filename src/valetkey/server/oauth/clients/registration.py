"""The checks that every client registration has to pass (RFC 7591 2), however it was made."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from valetkey.server.model.client import Client
from valetkey.server.model.confusable import silhouette, why_not_one_script
from valetkey.server.model.policy import PROFILES
from valetkey.server.oauth.clients import addresses, credentials, grant_types, permissions, sector
from valetkey.server.oauth.core import shard_policy
from valetkey.server.oauth.core.context import Installation
from valetkey.server.oauth.core.field_checks import MAX_NAME, why_not_name, why_not_text
from valetkey.spec.cite import Cite

CITE: Final = Cite("RFC 7591", "2")

Check: TypeAlias = Callable[[Client, Installation], Iterator[str]]
"""Yields what is wrong with a field, "" for nothing."""


def mistakes(client: Client, at: Installation) -> list[str]:
    """Find everything that is wrong, each as `field: why`."""
    found = ((field, why) for field, check in CHECKS.items() for why in check(client, at))
    return [f"{field}: {why}" for field, why in found if why]


def why_not_this_name(client: Client, at: Installation) -> str:
    """Why an unverified app may not have this name, or "": the name looks like that of a verified
    app (ATTACKS A52). Checked only when an app takes a name, since users may have allowed it
    later."""
    if client.verified or client.origin == "declared":
        return ""
    owner = at.verified_names.get(silhouette(client.name), client.id)
    return "" if owner == client.id else "looks like the name of a verified app"


def _id(client: Client, at: Installation) -> Iterator[str]:
    # A document's client is named by the address of the document (`clients.documents`).
    yield "" if client.origin == "document" else why_not_name(client.id)


def _name(client: Client, at: Installation) -> Iterator[str]:
    yield why_not_text(client.name, MAX_NAME)
    if client.origin != "declared":
        # Nobody has checked the name (ATTACKS A52).
        yield why_not_one_script(client.name)


def _software(client: Client, at: Installation) -> Iterator[str]:
    for text in (client.software_id, client.software_version):
        yield why_not_text(text, MAX_NAME) if text else ""


def _policy(client: Client, at: Installation) -> Iterator[str]:
    if client.policy not in {"default", *at.policies, *PROFILES}:
        yield f"there is no policy {client.policy[:60]!r}"
    methods = at.all_policies[client.policy].auth_methods
    if methods and client.auth_method not in methods:
        yield f"{client.policy} allows only {', '.join(methods)}, not {client.auth_method}"


CHECKS: Final[dict[str, Check]] = {
    "id": _id,
    "name": _name,
    "auth_method": credentials.auth_method,
    "auth_algorithm": credentials.auth_algorithm,
    "secrets": credentials.secrets,
    "jwks": credentials.jwks,
    "jwks_uri": credentials.jwks_uri,
    "request_object_algorithm": credentials.request_object_algorithm,
    "request_uris": addresses.request_uris,
    "certificate": credentials.certificate,
    "bound": credentials.token_binding,
    "redirect_uris": addresses.redirect_uris,
    "grant_types": grant_types.grant_types,
    "scope": permissions.scope,
    "required": permissions.required,
    "reasons": permissions.reasons,
    "limits": permissions.limits,
    "authorization_details_types": permissions.types,
    "uri": addresses.client_uri,
    "logo_uri": addresses.logo_uri,
    "policy_uri": addresses.policy_uri,
    "tos_uri": addresses.tos_uri,
    "software": _software,
    "backchannel_token_delivery_mode": grant_types.ping_delivery,
    "exchange": grant_types.exchange,
    "key_shards": shard_policy.key_shards,
    "key_shard_backend": shard_policy.key_shard_backend,
    "subject_type": sector.subject_type,
    "sector_identifier_uri": sector.sector_identifier_uri,
    "initiate_login_uri": addresses.initiate_login_uri,
    "post_logout_redirect_uris": addresses.post_logout_redirect_uris,
    "frontchannel_logout_uri": addresses.frontchannel_logout_uri,
    "backchannel_logout_uri": addresses.backchannel_logout_uri,
    "policy": _policy,
}
"""The check of each field, in the order of the report."""
