"""The kit for APIs: verify the token, check the permission, refuse as the standards say.

    chirp = ResourceServer(issuer="https://id.example", catalog=CATALOG, credentials=("chirp", …))
    needs = Needs(chirp)  # of valetkey.resource.starlette, .flask, .django, .drf, .asgi or .wsgi

    @needs("chirps.write")
    async def post(request): ...

    @open_to_all
    async def about(request): ...

It imports `wire`, `jose` and `spec`, and each framework only in the module for it.
"""

from valetkey import renamed
from valetkey.resource.binding import SenderProof
from valetkey.resource.errors import Refused, Unreachable
from valetkey.resource.limits import Limited
from valetkey.resource.marks import open_to_all, uses
from valetkey.resource.options import Options
from valetkey.resource.principal import Principal
from valetkey.resource.server import ResourceServer
from valetkey.wire.catalog import Catalog, Permission, Words

__all__ = [
    "Catalog",
    "Limited",
    "Options",
    "Permission",
    "Principal",
    "Refused",
    "ResourceServer",
    "SenderProof",
    "Unreachable",
    "Words",
    "open_to_all",
    "uses",
]

__getattr__ = renamed.names(__name__)
