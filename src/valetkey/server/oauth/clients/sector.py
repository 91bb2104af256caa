"""Pairwise subjects, and sector identifiers: a document that says which redirect URIs belong
together (OpenID Connect Core 8.1; Registration 5)."""

from collections.abc import Iterator
from typing import Any

from valetkey.jose.objects import read_value
from valetkey.server.model.client import Client
from valetkey.server.model.query import DocumentRequest, Rule, Unreachable
from valetkey.server.oauth.clients import metadata, permissions
from valetkey.server.oauth.core.context import Installation
from valetkey.server.oauth.core.field_checks import why_not_https
from valetkey.server.oauth.core.subjects import sector


def check(client: Client) -> Rule[None]:
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
    api = [
        one for one in permissions.of_scope(client, at) if at.offer.resource_of[one] != at.issuer
    ]
    if api:
        # The app can read the tokens for an API, and the API has to know the user.
        yield f"pairwise is only for apps that request claims alone, not {', '.join(api[:3])}"


def sector_identifier_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the address of the document that lists the redirect URIs (`check`)."""
    yield why_not_https(client.sector_identifier_uri)
