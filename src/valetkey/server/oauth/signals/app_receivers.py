"""Apps as receivers of shared signals: the opt-in, and the scopes."""

from typing import Final

from valetkey.server.model.client import Client, Extension
from valetkey.server.oauth.core.context import Context

NAME: Final = "shared signals"
"""The name of the feature in settings, and the kind of its messages."""

EXTENSION: Final[Extension] = "shared_signals"

READ: Final = "ssf.read"
MANAGE: Final = "ssf.manage"

SCOPES: Final = (READ, MANAGE)
"""Scopes of an app's own token (CAEP Interoperability Profile). They are no permissions."""


def receives(client: Client, context: Context) -> bool:
    """Whether the app has opted in, and is allowed to: it has to be a confidential client."""
    if EXTENSION not in client.understands or client.is_public:
        return False
    return NAME in context.installation.enabled_features
