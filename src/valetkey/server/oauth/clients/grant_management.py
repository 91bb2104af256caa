"""Clients that manage their own grants: who may, and in which scopes."""

from typing import Final

from valetkey.server.model.client import Client, Extension
from valetkey.server.oauth.core.context import Context

NAME: Final = "grant management"
"""The feature, which is called so in settings."""

EXTENSION: Final[Extension] = "grant_management"

QUERY: Final = "grant_management_query"
REVOKE: Final = "grant_management_revoke"

SCOPES: Final = (QUERY, REVOKE)
"""What a client has for itself. They are no permissions: no user gives them, no page shows them."""


def may_manage_grants(client: Client, context: Context) -> bool:
    """Whether the client has opted in, and may: it has to be able to prove who it is (Grant
    Management for OAuth 2.0 5.1)."""
    if EXTENSION not in client.understands or client.is_public:
        return False
    return NAME in context.installation.enabled_features
