"""What a resource server's registration has to hold to."""

from typing import Any

import msgspec
import pytest
from tests.installation import CHIRP, CHIRP_CATALOG, PHOTOS_CATALOG
from tests.rows import row

from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.admin.catalogs import mistakes
from valetkey.wire.catalog import Permission

ISSUER = "https://id.example"
CHIRPS = ResourceServer(id="chirp", catalog=CHIRP_CATALOG)
PHOTOS = ResourceServer(id="photos", catalog=PHOTOS_CATALOG)


def found(**catalog: Any) -> list[str]:
    changed = msgspec.structs.replace(PHOTOS.catalog, **catalog)
    server = msgspec.structs.replace(PHOTOS, catalog=changed)
    return mistakes(server, others=[CHIRPS], issuer=ISSUER)


def test_a_proper_one_has_no_mistake() -> None:
    assert found() == []
    assert found(resource="http://127.0.0.1:9000") == []


def test_its_name() -> None:
    server = msgspec.structs.replace(PHOTOS, id="a/b")
    (mistake,) = mistakes(server, others=[], issuer=ISSUER)
    assert mistake.startswith("id: must be letters, digits")


SEEN = Permission(id="chirps.read", can="look")
MUTE = Permission(id="a.b", can="")
BIDI = Permission(id="a.b", can="a\u202eb")

WRONG = [
    row("RFC 8707 2", "no URI", {"resource": "photos"}, "catalog.resource: must begin with https"),
    row("RFC 8707 2", "fragment", {"resource": "https://a.b/#c"}, "catalog.resource: is not a URI"),
    row("resource", "plain http", {"resource": "http://a.b"}, "catalog.resource: must use https"),
    row("resource", "the issuer", {"resource": ISSUER}, "catalog.resource: is this server's own"),
    row("resource", "taken", {"resource": CHIRP}, "catalog.resource: is that of chirp already"),
    row("name", "blank", {"name": ""}, "catalog.name: is empty"),
    row("permissions", "none", {"permissions": ()}, "catalog.permissions: are none"),
    row("permissions", "mute", {"permissions": (MUTE,)}, "catalog: 'a.b' says nothing to the user"),
    row("A52", "bidi", {"permissions": (BIDI,)}, "catalog.permissions: a text of 'a.b' holds U+2"),
    row("names", "clash", {"permissions": (SEEN,)}, "catalog: 'chirps.read' is a name in the cat"),
    row(
        "names",
        "a scope that clashes",
        {"scopes": {"chirps": ("photos.read",)}},
        "catalog: 'chirps' is a name in the catalog of chirp already, and photos has it too: permi",
    ),
    row("scopes", "unknown", {"scopes": {"all": ("x",)}}, "catalog: 'all' names 'x', which is unk"),
]


@pytest.mark.parametrize("catalog,said", WRONG)
def test_one_mistake(catalog: dict[str, Any], said: str) -> None:
    (mistake,) = found(**catalog)
    assert mistake.startswith(said)
