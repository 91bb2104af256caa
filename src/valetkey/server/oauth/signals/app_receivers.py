"""Apps that are told what happens to the keys of their users: who may, and in which scopes."""

from typing import Final

from valetkey.server.model.client import Client, Extension
from valetkey.server.oauth.core.context import Context

NAME: Final = "shared signals"
"""The feature, which is called so in settings, and the messages that it sends."""

EXTENSION: Final[Extension] = "shared_signals"

READ: Final = "ssf.read"
MANAGE: Final = "ssf.manage"

SCOPES: Final = (READ, MANAGE)
"""What an app has for itself (CAEP Interoperability Profile). They are no permissions."""


def receives(client: Client, context: Context) -> bool:
    """Whether the app has opted in, and may: it has to be able to prove who it is."""
    if EXTENSION not in client.understands or client.is_public:
        return False
    return NAME in context.installation.enabled_features
