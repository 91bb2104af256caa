"""Sheets that users see, and grants as they might stand."""

from tests.server.oauth.forms import request
from tests.server.oauth.world import World

from valetkey.server.model.change import Create
from valetkey.server.model.grant import Grant
from valetkey.server.model.ids import owned_id
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.outcome import Consent


def asked(world: World, visit: Browser, client: str = "kite", **changed: str) -> Consent:
    """The sheet that the request comes to."""
    decision = world.visit(request(client, **changed), visit)
    assert isinstance(decision, Consent), decision
    return decision


def new(sheet: Consent) -> tuple[str, ...]:
    return tuple(one.permission.id for one in sheet.new)


def granted(world: World, *permissions: str, refused: tuple[str, ...] = ()) -> Grant:
    """A grant of Miko's to Kite, as it might stand."""
    grant = Grant(
        id=owned_id(world.env, owner=world.miko.id),
        user=world.miko.id,
        client="kite",
        permissions=world.at.offer.ordered(permissions),
        refused=world.at.offer.ordered(refused),
        created=world.now,
        changed=world.now,
    )
    world.write(Create(grant))
    return grant
