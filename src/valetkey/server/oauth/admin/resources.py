"""The rules for the registration of a resource server."""

from collections.abc import Iterator, Sequence
from typing import Final

from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.core.field_checks import (
    MAX_NAME,
    MAX_REASON,
    why_not_name,
    why_not_text,
    why_not_web,
)
from valetkey.spec.cite import Cite
from valetkey.wire import catalog
from valetkey.wire.address import same

CITE: Final = Cite("RFC 8707", "2")


def mistakes(server: ResourceServer, *, others: Sequence[ResourceServer], issuer: str) -> list[str]:
    """All mistakes, each as `field: why`. `others` are the other resource servers: names of
    permissions are unique over all of them."""
    checks = (
        ("id", _as_list(why_not_name(server.id))),
        ("catalog.resource", _resource(server, others, issuer)),
        ("catalog.name", _as_list(why_not_text(server.catalog.name, MAX_NAME))),
        ("catalog", catalog.mistakes(server.catalog)),
        ("catalog.permissions", _permissions(server)),
        ("catalog", _clashes(server, others)),
    )
    return [f"{field}: {why}" for field, whys in checks for why in whys]


def _as_list(why: str) -> list[str]:
    return [why] if why else []


def _resource(server: ResourceServer, others: Sequence[ResourceServer], issuer: str) -> list[str]:
    resource = server.catalog.resource
    if same(resource, issuer):
        return ["is this server's own issuer"]
    for other in others:
        if same(other.catalog.resource, resource):
            return [f"is that of {other.id} already"]
    return _as_list(why_not_web(resource))


def _permissions(server: ResourceServer) -> Iterator[str]:
    if not server.catalog.permissions:
        yield "are none, so there is nothing to open"
    for one in server.catalog.permissions:
        for text in (one.can, one.cannot, one.group):
            why = why_not_text(text, MAX_REASON) if text else ""
            if why:
                yield f"a text of {one.id!r} {why}"


def _clashes(server: ResourceServer, others: Sequence[ResourceServer]) -> Iterator[str]:
    for other in others:
        for name in sorted(_names(server) & _names(other)):
            yield (
                f"{name!r} is a name in the catalog of {other.id} already, and {server.id} has it "
                "too: permissions and scopes are unique over all APIs"
            )


def _names(server: ResourceServer) -> set[str]:
    return {one.id for one in server.catalog.permissions} | set(server.catalog.scopes)
