"""The checks that every client registration has to pass (RFC 7591 2), however it was made."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from valetkey.jose.objects import read_value
from valetkey.server.model.client import Client, Extension
from valetkey.server.model.confusable import silhouette, why_not_one_script
from valetkey.server.model.limits import Proposal
from valetkey.server.model.policy import PROFILES
from valetkey.server.model.query import DocumentRequest, Rule, Unreachable
from valetkey.server.model.resource import IDENTITY
from valetkey.server.model.role import SCOPES as ADMINISTRATION
from valetkey.server.oauth.clients import credentials, grant_types, metadata
from valetkey.server.oauth.core import consent_limits, shard_policy
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.field_checks import (
    MAX_NAME,
    MAX_REASON,
    check_each,
    find_duplicates,
    why_not_https,
    why_not_name,
    why_not_text,
    why_not_web,
)
from valetkey.server.oauth.core.subjects import sector
from valetkey.spec import names
from valetkey.spec.names import Cite
from valetkey.wire import address, redirect

# The checks of what a registered client may ask its users for: permissions, reasons, limits.

_OF_PEOPLE: Final = frozenset(permission.id for permission in IDENTITY)


NO_SCOPE: Final = "is empty, so the app could request nothing"


def scope(client: Client, at: Installation) -> Iterator[str]:
    """Check the scope: every name is in a catalog, or is a client's own."""
    if not client.scope:
        yield NO_SCOPE
    # Without the hand-off the scope opens nothing, so its client can be registered before.
    own = {names.INTERACTIONS_ANSWER}
    own.update(*(scopes.names for scopes in at.client_scopes if scopes.registered))
    for one in client.scope:
        if one in at.offer.reserved_names:
            if one not in client.admin:
                yield f"{one!r} is for apps that an owner listed as tools of administrators"
        elif one not in at.offer.scopes and one not in own:
            yield f"{one[:60]!r} is in no catalog"
        if one in own and (client.is_public or client.origin != "declared"):
            yield f"{one!r} is for clients that authenticate, and that an administrator registers"
    yield from find_duplicates(client.scope)
    for_itself = client.grant_types == (names.CLIENT_CREDENTIALS,)
    for one in client.scope:
        if for_itself and one in _OF_PEOPLE:
            yield f"{one!r} is about a user, and client_credentials has none"


def required(client: Client, at: Installation) -> Iterator[str]:
    """Check the permissions that the app can't work without."""
    yield from _beyond(client.required, client, at)
    yield from find_duplicates(client.required)


def reasons(client: Client, at: Installation) -> Iterator[str]:
    """Check the reasons that the user reads."""
    yield from _beyond(client.reasons, client, at)
    for one, text in client.reasons.items():
        why = why_not_text(text, MAX_REASON)
        yield f"the one for {one[:60]!r} {why}" if why else ""


def limits(client: Client, at: Installation) -> Iterator[str]:
    """Check the limits that the app proposes."""
    asked = of_scope(client, at)
    yield from _beyond(client.limits.permissions, client, at)
    rest = {name: one for name, one in client.limits.permissions.items() if name in asked}
    yield from consent_limits.mistakes(Proposal(permissions=rest), offer=at.offer)


def admin(client: Client, at: Installation) -> Iterator[str]:
    """Check the permissions of the administration API that an owner listed for the app."""
    if client.admin and client.origin != "declared":
        yield "is for apps that an administrator registers"
    for one in client.admin:
        if one not in ADMINISTRATION:
            yield f"{one[:60]!r} is no permission of the administration API"
    yield from find_duplicates(client.admin)


def types(client: Client, at: Installation) -> Iterator[str]:
    """Check the types of authorization details."""
    for one in client.authorization_details_types:
        if one not in at.offer.resources[1:]:
            yield f"{one[:100]!r} is no resource server"
    yield from find_duplicates(client.authorization_details_types)


def of_scope(client: Client, at: Installation) -> tuple[str, ...]:
    """The permissions of the client's scope."""
    known = {*at.offer.scopes, *at.offer.reserved_names}
    return at.offer.expand(one for one in client.scope if one in known)


def _beyond(ids: Iterable[str], client: Client, at: Installation) -> Iterator[str]:
    asked = of_scope(client, at)
    for one in ids:
        if one not in asked:
            yield f"{one[:60]!r} is not among the permissions of its scope"


# Clients that manage their own grants: which clients may, and with which scopes.

NAME: Final = "grant management"
"""The name of the feature in settings."""

EXTENSION: Final[Extension] = "grant_management"

QUERY: Final = "grant_management_query"
REVOKE: Final = "grant_management_revoke"

SCOPES: Final = (QUERY, REVOKE)
"""Scopes that a client has for itself. They are not permissions: no user gives them, and no page
displays them."""


def may_manage_grants(client: Client, context: Context) -> bool:
    """Whether the client has opted in and is confidential (Grant Management for OAuth 2.0 5.1)."""
    if EXTENSION not in client.understands or client.is_public:
        return False
    return NAME in context.installation.enabled_features


# The addresses of a registered client: where its users return to, and where it gets
# notifications.

MAX_URIS: Final = 20


def redirect_uris(client: Client, at: Installation) -> Iterator[str]:
    """Check where users return to. Only clients that get codes need this (RFC 6749 3.1.2)."""
    codes = names.AUTHORIZATION_CODE in client.grant_types
    if codes and not client.redirect_uris:
        yield "authorization_code needs at least one"
    if client.redirect_uris and not codes:
        yield "of no use without the grant type authorization_code"
    yield from check_each(client.redirect_uris, redirect.why_not)
    yield from find_duplicates(client.redirect_uris)


def request_uris(client: Client, at: Installation) -> Iterator[str]:
    """Check where request objects may be fetched from (OpenID Connect Registration 2)."""
    yield from check_each(client.request_uris, lambda uri: address.why_not(uri.partition("#")[0]))
    if len(client.request_uris) > MAX_URIS:
        yield f"are more than {MAX_URIS}"
    yield from find_duplicates(client.request_uris)


def client_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's home page."""
    yield why_not_web(client.uri) if client.uri else ""


def logo_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's logo."""
    yield why_not_https(client.logo_uri)


def policy_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's privacy policy."""
    yield why_not_https(client.policy_uri)


def tos_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's terms of service."""
    yield why_not_https(client.tos_uri)


def initiate_login_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check where others may send users to start a sign-in (OpenID Connect Core 4)."""
    yield why_not_https(client.initiate_login_uri)


def post_logout_redirect_uris(client: Client, at: Installation) -> Iterator[str]:
    """Check where users return to after they sign out."""
    yield from check_each(client.post_logout_redirect_uris, redirect.why_not)
    yield from find_duplicates(client.post_logout_redirect_uris)


def frontchannel_logout_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check where the browser tells the client that a session has ended."""
    uri = client.frontchannel_logout_uri
    if not uri:
        return
    yield why_not_https(uri)
    # OpenID Connect Front-Channel Logout 2: of the same origin as a redirect URI.
    if address.origin(uri) not in {address.origin(one) for one in client.redirect_uris}:
        yield "is not on the host and port of a redirect URI"
    if {"iss", "sid"} & {name for name, _ in parse_qsl(uri.partition("?")[2])}:
        yield "may not hold iss or sid in its query"


def backchannel_logout_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check where the server tells the client that a session has ended."""
    yield why_not_https(client.backchannel_logout_uri)


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


# Pairwise subjects, and sector identifiers: a document that says which redirect URIs belong
# together (OpenID Connect Core 8.1; Registration 5).


def check_sector_document(client: Client) -> Rule[None]:
    """Raise InvalidClientMetadata unless the client's sector document lists each of its redirect
    URIs. The author of the document vouches for them."""
    if not client.sector_identifier_uri:
        return
    wanted = DocumentRequest(url=client.sector_identifier_uri, kind="sector", party=client.party)
    document = (yield (wanted,)).document(wanted)
    if isinstance(document, Unreachable):
        raise metadata.metadata_error(
            "sector_identifier_uri", "cannot be fetched", detail=document.why
        )
    named: Any = read_value(document.body)
    if not isinstance(named, list) or not set(client.redirect_uris) <= {
        one for one in named if isinstance(one, str)
    }:
        raise metadata.metadata_error("sector_identifier_uri", "does not name every redirect URI")


def subject_type(client: Client, at: Installation) -> Iterator[str]:
    """Check the subject type: pairwise gives each sector another name for a user (OpenID Connect
    Core 8.1)."""
    if client.subject_type == "public":
        return
    if not sector(client):
        # OpenID Connect Core 8.1.
        yield "pairwise needs redirect_uris on one host, or a sector_identifier_uri"
    api = [one for one in of_scope(client, at) if at.offer.resource_of[one] != at.issuer]
    if api:
        # The app can read the tokens for an API, and the API has to know the user.
        yield f"pairwise is only for apps that request claims alone, not {', '.join(api[:3])}"


def sector_identifier_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the address of the document that lists the redirect URIs (`check`)."""
    yield why_not_https(client.sector_identifier_uri)


CHECKS: Final[dict[str, Check]] = {
    "id": _id,
    "name": _name,
    "auth_method": credentials.auth_method,
    "auth_algorithm": credentials.auth_algorithm,
    "secrets": credentials.secrets,
    "jwks": credentials.jwks,
    "jwks_uri": credentials.jwks_uri,
    "request_object_algorithm": credentials.request_object_algorithm,
    "request_uris": request_uris,
    "certificate": credentials.certificate,
    "bound": credentials.token_binding,
    "redirect_uris": redirect_uris,
    "grant_types": grant_types.grant_types,
    "scope": scope,
    "admin": admin,
    "required": required,
    "reasons": reasons,
    "limits": limits,
    "authorization_details_types": types,
    "uri": client_uri,
    "logo_uri": logo_uri,
    "policy_uri": policy_uri,
    "tos_uri": tos_uri,
    "software": _software,
    "backchannel_token_delivery_mode": grant_types.ping_delivery,
    "exchange": grant_types.exchange,
    "scim": grant_types.scim,
    "key_shards": shard_policy.key_shards,
    "key_shard_backend": shard_policy.key_shard_backend,
    "subject_type": subject_type,
    "sector_identifier_uri": sector_identifier_uri,
    "initiate_login_uri": initiate_login_uri,
    "post_logout_redirect_uris": post_logout_redirect_uris,
    "frontchannel_logout_uri": frontchannel_logout_uri,
    "backchannel_logout_uri": backchannel_logout_uri,
    "policy": _policy,
}
"""The check of each field, in the order of the report."""
