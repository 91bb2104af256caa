"""Sector identifiers: a document that says which redirect URIs belong together (OpenID Connect
Registration 5)."""

from typing import Any

from valetkey.jose.objects import read_value
from valetkey.model.client import Client
from valetkey.model.want import Outside, Rule, Unreachable
from valetkey.oauth.clients import metadata


def check(client: Client) -> Rule[None]:
    """Raises InvalidClientMetadata unless the client's sector document names each of its redirect
    URIs: whoever wrote it vouches for them."""
    if not client.sector_identifier_uri:
        return
    wanted = Outside(url=client.sector_identifier_uri, kind="sector")
    found = (yield (wanted,)).outside(wanted)
    if isinstance(found, Unreachable):
        raise metadata.wrong("sector_identifier_uri", "cannot be fetched", detail=found.why)
    named: Any = read_value(found.body)
    if not isinstance(named, list) or not set(client.redirect_uris) <= {
        one for one in named if isinstance(one, str)
    }:
        raise metadata.wrong("sector_identifier_uri", "does not name every redirect URI")
