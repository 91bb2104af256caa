"""What an API publishes of itself: its metadata (RFC 9728), and its catalog, by itself and as the
metadata of its type of authorization details."""

from collections.abc import Callable
from typing import Any, Final

from valetkey.resource.server import ResourceServer

MEDIA: Final = "application/json"
HEADERS: Final = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
PREFLIGHT: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "600",
}
"""With 204, for a browser that asks by OPTIONS whether a page may read them."""


def documents(server: ResourceServer) -> dict[str, tuple[str, Callable[[], Any]]]:
    """Each document's address, and how it is when asked: a permission may be declared later than
    this."""
    return {
        "metadata": (server.metadata_address, lambda: server.metadata),
        "catalog": (server.catalog_address, server.published),
        "types": (server.types_address, lambda: server.types),
    }
