"""Catalogs as they were registered: each is kept, and numbered."""

from msgspec.structs import replace
from tests.installation import CHIRP_CATALOG
from tests.server.oauth.admin.desk import context
from tests.server.oauth.world import World

from valetkey.server.model.change import Remove
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, plan

NOW = 1_800_000_000


def test_each_catalog_is_kept_and_numbered() -> None:
    """What a user agreed to stays readable, whatever the API publishes since."""
    world = World()
    world.write(*(Remove(one) for one in world.all(ResourceServer)))
    first = replace(CHIRP_CATALOG, permissions=CHIRP_CATALOG.permissions[:4], scopes={})
    for catalog in (first, first, CHIRP_CATALOG):
        wish = DesiredRecord(
            place="", kind="resource_server", key="chirp", fields={"catalog": catalog}, by="miko"
        )
        outcome = world.settle(lambda wish=wish: plan([wish], context(NOW)))  # type: ignore[misc]
        assert outcome.mistakes == ()
    kept = world.all(CatalogRevision)
    assert [(one.number, one.by, one.at) for one in kept] == [(1, "miko", NOW), (2, "miko", NOW)]
    assert [one.catalog for one in kept] == [first, CHIRP_CATALOG]
    assert world.need(ResourceServer, "chirp").revision == 2


def test_an_api_that_comes_back_goes_on_counting() -> None:
    world = World()
    world.write(*(Remove(one) for one in world.all(ResourceServer)))
    wish = DesiredRecord(
        place="", kind="resource_server", key="chirp", fields={"catalog": CHIRP_CATALOG}
    )
    world.settle(lambda: plan([wish], context(NOW)))
    world.write(Remove(world.need(ResourceServer, "chirp")))
    world.settle(lambda: plan([wish], context(NOW)))
    assert world.need(ResourceServer, "chirp").revision == 2
    assert len(world.all(CatalogRevision)) == 2
