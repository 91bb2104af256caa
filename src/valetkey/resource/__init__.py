"""The kit for APIs: check the key, check the permission, refuse in the standard words.

    chirp = ResourceServer(issuer="https://id.example", catalog=CATALOG, credentials=("chirp", …))
    needs = Needs(chirp)  # of valetkey.resource.starlette, .flask, .django, .drf, .asgi or .wsgi

    @needs("chirps.write")
    async def post(request): ...

    @open_to_all
    async def about(request): ...

It imports only `wire`, `jose` and `spec`; a framework only where it is used.
"""

from valetkey.resource.binding import Shown
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.limit_refusal import Limited
from valetkey.resource.marks import open_to_all, uses
from valetkey.resource.principal import Principal
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Catalog, Permission, Words

__all__ = [
    "Catalog",
    "Limited",
    "Permission",
    "Principal",
    "Refused",
    "ResourceServer",
    "Shown",
    "Unreachable",
    "Words",
    "open_to_all",
    "uses",
]
