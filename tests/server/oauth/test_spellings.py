"""`https://api.example` and `https://api.example/` are one resource (RFC 3986 6.2.3), which is
answered in the spelling that was asked."""

from typing import Any

import msgspec
import pytest
from tests.attacks.play import claims
from tests.installation import CHIRP, PHOTOS, PHOTOS_CATALOG, RESOURCE_SERVERS
from tests.rows import row
from tests.server.oauth.forms import request
from tests.server.oauth.world import ISSUER, World

from valetkey.jose import jwt
from valetkey.resource import ResourceServer
from valetkey.server.oauth.admin.catalogs import mistakes
from valetkey.server.oauth.endpoints.userinfo import userinfo
from valetkey.spec import names
from valetkey.spec.errors import InvalidTarget
from valetkey.wire import access_token, address

SPELLINGS = [
    row("3986 6.2.3", "as registered", CHIRP),
    row("3986 6.2.3", "an empty path as a slash", f"{CHIRP}/"),
    row("3986 6.2.3", "the port of its scheme", f"{CHIRP}:443"),
    row("3986 6.2.3", "the port and a slash", f"{CHIRP}:443/"),
    row("3986 6.2.2.1", "the host in capitals", "https://CHIRP.example"),
    row("3986 6.2.2.1", "the scheme in capitals", "HTTPS://chirp.example/"),
]

OTHERS = [
    row("8707 2", "a path", f"{CHIRP}/x"),
    row("8707 2", "two slashes", f"{CHIRP}//"),
    row("8707 2", "a query", f"{CHIRP}/?"),
    row("8707 2", "another scheme", "http://chirp.example"),
    row("8707 2", "another port", f"{CHIRP}:8443"),
    row("8707 2", "a user", "https://x@chirp.example"),
    row("8707 2", "a dot after the host", "https://chirp.example."),
    row("8707 2", "a host that goes on", f"{CHIRP}.evil.example"),
    row("8707 2", "a fragment", f"{CHIRP}/#"),
    row("8707 2", "no address", "https://["),
]


def aud(tokens: dict[str, Any]) -> object:
    (only,) = claims(tokens["access_token"])["aud"]
    return only


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_token_says_it_as_it_was_asked(spelling: str) -> None:
    world = World()
    asked: dict[str, Any] = {"scope": "chirps.read offline_access", "resource": (spelling,)}
    tokens = world.connect("kite", **asked)
    assert aud(tokens) == spelling
    for later in (tokens, world.refresh("kite", tokens["refresh_token"])):
        told = world.introspect(later["access_token"])
        assert (told.active, told.aud, told.scope) == (True, (spelling,), "chirps.read")
        assert not world.introspect(later["access_token"], by="photos").active
        # Its API takes it, however it spells itself.
        for audience in (CHIRP, f"{CHIRP}/", spelling):
            access_token.verify(
                later["access_token"],
                keys=world.at.keyring.published,
                issuer=ISSUER,
                audience=audience,
                now=world.now,
            )
        with pytest.raises(jwt.BadToken):
            access_token.verify(
                later["access_token"],
                keys=world.at.keyring.published,
                issuer=ISSUER,
                audience=PHOTOS,
                now=world.now,
            )


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_token_is_narrowed_in_any_spelling(spelling: str) -> None:
    world = World()
    tokens = world.connect("kite", scope="chirps.read photos.read offline_access")
    narrow = world.refresh("kite", tokens["refresh_token"], resource=(spelling,))
    assert (aud(narrow), narrow["scope"]) == (spelling, "offline_access chirps.read")
    machine = world.token("machine", grant_type="client_credentials", resource=(spelling,))
    assert (aud(machine), machine["scope"]) == (spelling, "chirps.read chirps.write chirps")
    given = {"grant_type": names.TOKEN_EXCHANGE, "subject_token_type": names.TYPE_ACCESS_TOKEN}
    brought = world.connect("kite", scope="chirps.read", resource=(f"{CHIRP}/",))
    passed = world.token(
        "agent", subject_token=brought["access_token"], resource=(spelling,), **given
    )
    assert (aud(passed), passed["scope"]) == (spelling, "chirps.read")


@pytest.mark.parametrize("other", OTHERS)
def test_what_names_another_resource(other: str) -> None:
    world = World()
    assert not address.same(other, CHIRP)
    with pytest.raises(InvalidTarget):
        world.token("machine", grant_type="client_credentials", resource=(other,))
    answer = world.visit(request("kite", resource=(other,)), world.sign_in())
    assert getattr(answer, "error", None) is not None


def test_here_it_is_the_same() -> None:
    """UserInfo takes a token for the issuer in any spelling."""
    world = World()
    tokens = world.connect("kite", scope="openid profile", resource=(f"{ISSUER}/",))
    assert aud(tokens) == f"{ISSUER}/"
    world.ask(userinfo(tokens["access_token"], world.context))


def test_an_api_that_takes_halves_gets_them_in_any_spelling() -> None:
    """ATTACKS A11: a token for it is split, whoever spells it how."""
    offer = World().at.offer
    assert offer.find_resources((f"{CHIRP}/", "https://nobody.example")) == {CHIRP, ""}
    assert offer.is_for((f"{CHIRP}/",), CHIRP)
    assert not offer.is_for((f"{CHIRP}/",), PHOTOS)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_two_apis_are_one_resource(spelling: str) -> None:
    chirp, photos = RESOURCE_SERVERS
    catalog = msgspec.structs.replace(photos.catalog, resource=spelling)
    other = msgspec.structs.replace(photos, catalog=catalog)
    wrong = mistakes(other, others=[chirp], issuer=ISSUER)
    assert "catalog.resource: is that of chirp already" in wrong
    own = msgspec.structs.replace(
        photos, catalog=msgspec.structs.replace(catalog, resource=f"{ISSUER}/")
    )
    assert "catalog.resource: is this server's own issuer" in mistakes(
        own, others=[chirp], issuer=ISSUER
    )


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_api_says_it_as_it_spells_itself(spelling: str) -> None:
    """RFC 9728 3.3: an app compares it with what it asked for, and asks for what it reads."""
    catalog = msgspec.structs.replace(PHOTOS_CATALOG, resource=spelling)
    kit = ResourceServer(issuer=ISSUER, catalog=catalog)
    assert kit.metadata.resource == spelling
    assert address.same(kit.metadata_address.partition("/.well-known/")[0], CHIRP)
