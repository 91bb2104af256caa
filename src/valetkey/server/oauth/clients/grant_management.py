"""Clients that manage their own grants: which clients may, and with which scopes."""

from typing import Final

from valetkey.server.model.client import Client, Extension
from valetkey.server.oauth.core.context import Context

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
