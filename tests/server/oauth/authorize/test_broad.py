"""An app that asks for everything: the user can narrow it, and nothing risky is ticked."""

import pytest
from msgspec.structs import replace
from tests.installation import CHIRP_CATALOG
from tests.rows import row
from tests.server.oauth.authorize.sheets import asked
from tests.server.oauth.world import ISSUER, World

from valetkey.server.model.client import Client
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.authorize.consent import BROAD, is_broad
from valetkey.server.oauth.core.offer import Offer
from valetkey.wire.catalog import Catalog, Permission

WIDE = Catalog(
    resource="https://wide.example",
    name="Wide",
    permissions=tuple(
        Permission(id=f"thing.n{n}", can=f"do thing {n}", risk="high" if n % 3 else "low")
        for n in range(BROAD + 5)
    ),
)
SMALL = Catalog(
    resource="https://small.example",
    name="Small",
    permissions=tuple(Permission(id=f"small.n{n}", can=f"do {n}") for n in range(3)),
)
CHIRPS = tuple(one.id for one in CHIRP_CATALOG.permissions)
WIDES = tuple(one.id for one in WIDE.permissions)

ASKED = [
    row("broad", "as many as are no bother", WIDES[:BROAD], False),
    row("broad", "one more", WIDES[: BROAD + 1], True),
    row("broad", "all of an API", CHIRPS, True),
    row("broad", "all of an API but one", CHIRPS[1:], False),
    row("broad", "all of a small API", tuple(one.id for one in SMALL.permissions), False),
    row("broad", "nothing", (), False),
]


@pytest.mark.parametrize("permissions,broad", ASKED)
def test_what_is_broad(permissions: tuple[str, ...], broad: bool) -> None:
    catalogs = (CHIRP_CATALOG, WIDE, SMALL)
    offer = Offer(ISSUER, [ResourceServer(id=one.name, catalog=one) for one in catalogs])
    assert is_broad(permissions, offer) is broad


def test_of_a_broad_request_nothing_risky_is_ticked() -> None:
    world = World()
    world.change(Client, "kite", scope=("openid", *CHIRPS))
    sheet = asked(world, world.sign_in(), scope=" ".join(("openid", *CHIRPS)))
    assert sheet.broad
    ticked = [one.permission.id for one in sheet.new if one.ticked]
    assert ticked == ["openid", "chirps.read"]


def test_what_is_required_is_ticked_all_the_same() -> None:
    world = World()
    world.change(Client, "kite", scope=("openid", *CHIRPS), required=("chirps.write",))
    sheet = asked(world, world.sign_in(), scope=" ".join(("openid", *CHIRPS)))
    (must,) = [one for one in sheet.new if one.permission.id == "chirps.write"]
    assert (must.required, must.ticked) == (True, True)


def test_a_harmless_one_that_brings_a_risky_one_is_not_ticked() -> None:
    world = World()
    sneaky = replace(CHIRP_CATALOG.permissions[0], implies=("account.delete",))
    catalog = replace(CHIRP_CATALOG, permissions=(sneaky, *CHIRP_CATALOG.permissions[1:]))
    world.at = replace(world.at, offer=Offer(ISSUER, [ResourceServer(id="chirp", catalog=catalog)]))
    world.change(Client, "kite", scope=("openid", *CHIRPS))
    sheet = asked(world, world.sign_in(), scope=" ".join(("openid", *CHIRPS)))
    assert [one.permission.id for one in sheet.new if one.ticked] == ["openid"]


def test_of_a_modest_request_only_what_is_of_high_risk_is_not_ticked() -> None:
    world = World()
    sheet = asked(world, world.sign_in(), scope="openid chirps dms.send")
    assert not sheet.broad
    unticked = [one.permission.id for one in sheet.new if not one.ticked]
    assert unticked == [one.permission.id for one in sheet.new if one.permission.risk == "high"]
    assert unticked == ["dms.read", "dms.send"]
    (send,) = [one for one in sheet.new if one.permission.id == "dms.send"]
    assert [one.id for one in send.implied] == ["dms.read"]
