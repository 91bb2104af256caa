"""The story that all others vary: ask, agree, redeem, refresh, look."""

from tests.installation import CHIRP
from tests.server.oauth.forms import request
from tests.server.oauth.world import ISSUER, World

from valetkey.server.oauth.authorize.outcome import Consent, Permit


def test_the_first_key() -> None:
    world = World()
    visit = world.sign_in()
    sheet = world.visit(request("stefapp"), visit)
    assert isinstance(sheet, Consent)
    permit = world.say(sheet, visit)
    assert isinstance(permit, Permit)
    tokens = world.redeem("stefapp", permit.code)
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "openid chirps.read"
    again = world.refresh("stefapp", tokens["refresh_token"])
    assert again["refresh_token"] != tokens["refresh_token"]
    told = world.introspect(again["access_token"])
    assert told.active
    assert (told.iss, told.sub, told.aud) == (ISSUER, world.miko.id, (ISSUER, CHIRP))
    assert world.kinds() == ["signed-in", "granted", "connected"]
