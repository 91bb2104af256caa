"""The documents of an API: its metadata (RFC 9728), its catalog, and the metadata of its
authorization details type."""

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
"""Headers of the 204 answer to a CORS preflight request."""


def documents(server: ResourceServer) -> dict[str, tuple[str, Callable[[], Any]]]:
    """Each document's address, and a function that makes it: a permission may be declared later."""
    return {
        "metadata": (server.metadata_address, lambda: server.metadata),
        "catalog": (server.catalog_address, server.published),
        "types": (server.types_address, lambda: server.types),
    }
