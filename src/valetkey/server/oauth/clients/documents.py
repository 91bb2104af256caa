"""Clients that nobody registered: the `client_id` is the address of a document in which the app
describes itself (draft-ietf-oauth-client-id-metadata-document).

The host of the address vouches for the app, so the user sees the host. The server fetches the
document each time the app appears, within its caching headers. A row is stored from the first
consent on, for the pages and for the grants that name it.
"""

import re
from collections.abc import Collection
from typing import Any, Final

import msgspec

from valetkey.jose.objects import read_object
from valetkey.jose.seal import digest
from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.picture import JPEG, PNG, Picture, read_raster
from valetkey.server.model.query import (
    Document,
    DocumentRequest,
    One,
    Party,
    RecentOne,
    Rule,
    Unreachable,
)
from valetkey.server.oauth.clients import metadata, registration
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.field_checks import why_not_https
from valetkey.server.oauth.core.offer import Offer
from valetkey.spec import names
from valetkey.spec.errors import InvalidClient, InvalidRequest, OAuthError, TemporarilyUnavailable
from valetkey.spec.names import Cite
from valetkey.wire import redirect
from valetkey.wire.address import BadAddress, target

# The scope of self-registered clients, and the `resource` that a policy requires.


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
    return tuple(name for name in offer.open_permissions if not _is_risky(name, offer))


def _is_risky(permission: str, offer: Offer) -> bool:
    reached = offer.with_implied((permission,))
    return any(offer.permissions[one].risk == "high" for one in reached)


def check_resources(client: Client, resources: Collection[str], context: Context) -> None:
    """Raises InvalidRequest where the client's policy requires `resource` (RFC 8707 2) and the
    request has none. A refresh needs none: it is for what was named before."""
    if context.installation.all_policies[client.policy].resource == "required" and not resources:
        raise InvalidRequest("resource is missing")


CITE: Final = Cite("draft-ietf-oauth-client-id-metadata-document", "4")

METHODS: Final = ("none", "private_key_jwt")
"""How such a client may authenticate: it has no shared secret."""

GRANT_TYPES: Final = (names.AUTHORIZATION_CODE, names.REFRESH_TOKEN)
"""The grant types that it may have: those that need a user's consent."""

_DOTS: Final = re.compile(r"/\.{1,2}(/|$)|%2e", re.IGNORECASE)


def find_client(name: str, context: Context, *, address: str = "") -> Rule[Client | None]:
    """The client of that name, or None. A client with a document is as its document describes it
    now. `address` is where the call comes from. Raises InvalidClient for a bad document,
    TemporarilyUnavailable if the document can't be fetched at the moment."""
    query = RecentOne(Client, name)
    if not name.startswith("https://"):
        return (yield (query,)).one(query)
    if CLIENT_DOCUMENTS not in context.installation.features:
        return None
    why = why_not_address(name) or _why_not_host(name, context)
    if why:
        raise InvalidClient(_SAYS, detail=f"{name[:200]!r} {why}", status=400)
    stored = (yield (query,)).one(query)
    party: Party = "stranger" if stored is None else stored.party
    published = DocumentRequest(url=name, kind="client", party=party, address=address)
    document = (yield (published,)).document(published)
    if isinstance(document, Document):
        return read(name, document.body, stored, context=context)
    if stored is not None:
        # The grants of its users stay valid while the app's host is down.
        return stored
    detail = f"{name[:200]!r}: {document.why}"
    if document.temporary:
        raise TemporarilyUnavailable(_LATER, detail=detail)
    raise InvalidClient(_SAYS, detail=detail, status=400)


_SAYS: Final = "the document that describes this app cannot be fetched or is not valid"
_LATER: Final = (
    "the document that describes this app cannot be fetched at the moment: try again soon"
)


def why_not_address(url: str) -> str:
    """Why this address can't name a client, or "" (3)."""
    try:
        path = target(url).path.partition("?")[0]
    except BadAddress as error:
        return str(error)
    if path == "/":
        return "has no path"
    return "has a dot segment in its path" if _DOTS.search(path) else ""


def _why_not_host(url: str, context: Context) -> str:
    rules, host = context.installation.registration, target(url).host
    if _listed(host, rules.documents_deny):
        return "is at a host that is denied here"
    if rules.documents_allow and not _listed(host, rules.documents_allow):
        return "is at a host that is not allowed here"
    return ""


def _listed(host: str, hosts: Collection[str]) -> bool:
    """Whether these hosts include `host`. `example.org` includes every host under it."""
    return any(host == one or host.endswith(f".{one}") for one in hosts)


def read(url: str, body: bytes, stored: Client | None, *, context: Context) -> Client:
    """The client that the document describes, with what the operator has decided about it. Raises
    InvalidClient."""
    try:
        document = read_object(body)
        client = _client(url, document, context)
    except (ValueError, OAuthError) as error:
        said = error.detail or error.description if isinstance(error, OAuthError) else str(error)
        raise InvalidClient(_SAYS, detail=f"{url[:200]!r}: {said}", status=400) from error
    wrong = registration.mistakes(client, context.installation)
    if stored is None or stored.name != client.name:
        why = registration.why_not_this_name(client, context.installation)
        wrong += [f"name: {why}"] if why else []
    if wrong:
        raise InvalidClient(_SAYS, detail=f"{url[:200]!r}: {wrong[0]}", status=400)
    if stored is None:
        return client
    return msgspec.structs.replace(
        client,
        version=stored.version,
        policy=stored.policy,
        # The verification is for what was checked. It ends when the app changes its appearance.
        verified=stored.verified and appearance(client) == appearance(stored),
        status=stored.status,
        limits=stored.limits,
        created=stored.created,
    )


def _client(url: str, document: dict[str, Any], context: Context) -> Client:
    if document.get("client_id") != url:
        # 4.1: by simple string comparison.
        raise ValueError("its client_id is not its address")
    for name in ("client_name", "redirect_uris"):
        if not document.get(name):
            raise ValueError(f"{name} is missing")
    if "client_secret" in document or "client_secret_expires_at" in document:
        raise ValueError("it contains a secret")
    document = {"token_endpoint_auth_method": "none"} | document
    if document["token_endpoint_auth_method"] not in METHODS:
        raise ValueError("its token_endpoint_auth_method needs a shared secret")
    host = redirect.host(url)
    fields = _usable(metadata.read(document), host)
    home = fields["uri"]
    client = Client(
        **{
            **fields,
            # The host that vouches for it, whatever the document gives as its home page.
            "uri": home if home and redirect.host(home) == host else f"https://{host}",
            "grant_types": tuple(one for one in fields["grant_types"] if one in GRANT_TYPES),
        },
        id=url,
        policy=context.installation.registration.policy,
        verified=False,
        origin="document",
        created=context.env.now,
    )
    return restrict_scope(
        client, context.installation.registration.scope, context.installation.offer
    )


def _usable(fields: dict[str, Any], host: str) -> dict[str, Any]:
    """The fields without the addresses that this server refuses. The document is for other servers
    too, so one bad address does not make the others unusable. Raises ValueError if no redirect URI
    is left."""
    usable = dict(fields)
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        usable[name] = tuple(uri for uri in fields[name] if not _why_not_redirect(uri, host))
    if not usable["redirect_uris"]:
        uri = fields["redirect_uris"][0]
        raise ValueError(f"redirect_uris: {uri[:100]!r} {_why_not_redirect(uri, host)}")
    shown = {name: "" for name in _DISPLAYED if why_not_https(fields[name])}
    return usable | shown


_DISPLAYED: Final = ("uri", "logo_uri", "policy_uri", "tos_uri")
"""Addresses that are only displayed to people."""


def _why_not_redirect(uri: str, host: str) -> str:
    """Why a redirect URI is refused, or "": it has to be on the app's own host or on the user's
    device. Another host would speak for it (ATTACKS A54)."""
    own = uri.startswith("https:") and redirect.host(uri) == host
    if not own and not redirect.is_loopback(uri):
        return "is neither on its own host nor on loopback"
    return redirect.why_not(uri)


def appearance(client: Client) -> tuple[str, str, str, frozenset[str]]:
    """What people recognize an app by, and where its answers go."""
    return client.name, client.uri, client.logo_uri, frozenset(client.redirect_uris)


def consent_digest(client: Client) -> str:
    """A digest of what a user relied on when they allowed an app that describes itself. "" for a
    declared app: the operator is responsible for its changes."""
    if client.origin == "declared":
        return ""
    relied_on = (
        client.name,
        redirect.host(client.uri) if client.uri else "",
        sorted(client.redirect_uris),
        client.jwks,
        client.jwks_uri,
        sorted(client.scope),
    )
    return digest(msgspec.json.encode(relied_on, order="deterministic").decode())[:32]


def store_client(client: Client) -> Rule[tuple[Change, ...]]:
    """The changes that store a document's client as its user saw it."""
    if client.origin != "document":
        return ()
    query = One(Client, client.id)
    stored = (yield (query,)).one(query)
    if stored is None:
        return (Create(msgspec.structs.replace(client, version=0)),)
    seen = msgspec.structs.replace(client, version=stored.version, created=stored.created)
    return () if seen == stored else (Update(seen),)


CLIENT_DOCUMENTS: Final = Feature(
    name="client id metadata documents",
    cites=(CITE,),
    on_by_default=False,
    requires=("authorization code",),
    metadata=lambda _: {"client_id_metadata_document_supported": True},
)


# The logos of apps (RFC 7591 2, `logo_uri`). This server fetches and serves them itself, so the
# app's host does not learn who looks at a page. Only verified apps have one: a picture says more
# than a name, and anyone can copy it.


def has_logo(client: Client) -> bool:
    """Whether the app's logo may be displayed."""
    return client.verified and bool(client.logo_uri)


def logo(name: str) -> Rule[Picture | None]:
    """The logo of an app, or None if it has none that may be displayed."""
    wanted = One(Client, name)
    client = (yield (wanted,)).one(wanted)
    if client is None or not has_logo(client):
        return None
    picture = DocumentRequest(url=client.logo_uri, kind="logo", party=client.party)
    found = (yield (picture,)).document(picture)
    return None if isinstance(found, Unreachable) else read_raster(found.body, (PNG, JPEG))
