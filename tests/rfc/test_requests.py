"""PKCE, security practice, pushed requests, `iss`, and resources."""

import pytest
from tests.installation import CHIRP, PHOTOS
from tests.rfc.musts import NOBODY, Must, answered, must, refuses, told
from tests.server.oauth.forms import VERIFIER, call, pushed, request
from tests.server.oauth.world import ISSUER, World

from valetkey.server.oauth.authorize.par import push
from valetkey.wire import pkce


def verifier_needed(world: World) -> bool:
    code = world.agree(request("kite")).code
    return refuses("invalid_grant", lambda: world.redeem("kite", code, code_verifier=None))


def verifier_fits(world: World) -> bool:
    code = world.agree(request("kite")).code
    return refuses("invalid_grant", lambda: world.redeem("kite", code, code_verifier="x" * 43))


def no_stray_verifier(world: World) -> bool:
    plain = request("web", code_challenge=None, code_challenge_method=None)
    code = world.agree(plain).code
    return refuses(
        "invalid_grant", lambda: world.redeem("web", code, redirect_uri=plain["redirect_uri"])
    )


RFC_7636: list[Must] = [
    must(
        "7636 4.2", "S256 is understood", lambda _: pkce.proves(VERIFIER, pkce.challenge(VERIFIER))
    ),
    must(
        "7636 4.4.1",
        "a challenge that is needed and missing is an error",
        lambda w: told(w, request("kite", code_challenge=None)) == "invalid_request",
    ),
    must(
        "7636 4.4.1",
        "a method that is not offered is an error",
        lambda w: told(w, request("kite", code_challenge_method="plain")) == "invalid_request",
    ),
    must("7636 4.6", "a verifier that does not fit is an error", verifier_fits),
    must("9700 2.1.1", "a challenge needs its verifier", verifier_needed),
    must("9700 2.1.1", "a verifier needs its challenge: no downgrade", no_stray_verifier),
]


def refresh_rotates(world: World) -> bool:
    first = world.connect()
    world.refresh("kite", first["refresh_token"])
    world.later(31)
    return refuses("invalid_grant", lambda: world.refresh("kite", first["refresh_token"]))


RFC_9700: list[Must] = [
    must(
        "9700 2.1",
        "redirect URIs are compared character for character",
        lambda w: refuses(
            "invalid_request",
            lambda: told(w, request("kite", redirect_uri="https://kite.example/cb/")),
        ),
    ),
    must(
        "9700 2.1",
        "but for the port on loopback",
        lambda w: told(w, request("stefapp", redirect_uri="http://127.0.0.1:51004/callback")) == "",
    ),
    must(
        "9700 2.1.2",
        "no token comes by redirect",
        lambda w: told(w, request("kite", response_type="token")) == "unsupported_response_type",
    ),
    must("9700 2.2.2", "refresh tokens of public clients rotate", refresh_rotates),
    must(
        "9700 2.3",
        "an access token is for the APIs it speaks of",
        lambda w: (
            w.introspect(w.connect(scope="chirps.read")["access_token"], by="photos").active
            is False
        ),
    ),
    must(
        "9700 2.4",
        "no password grant",
        lambda w: refuses("unsupported_grant_type", lambda: w.token("web", grant_type="password")),
    ),
]


def par(world: World, client: str = "kite", by: str = "kite", seconds: int = 0) -> bool:
    uri = world.push(client)
    world.later(seconds)
    return refuses(
        "invalid_request_uri", lambda: told(world, {"client_id": by, "request_uri": uri})
    )


def par_counts_alone(world: World) -> bool:
    uri = world.push("kite")
    visit = world.sign_in()
    mixed = {"client_id": "kite", "request_uri": uri, "scope": "dms.send", "state": "other"}
    return world.agree(mixed, visit).reply_to.state == "s t/ä&="


RFC_9126: list[Must] = [
    must(
        "9126 2.1",
        "no request_uri inside",
        lambda w: refuses("invalid_request", lambda: w.push("kite", request_uri="urn:x")),
    ),
    must(
        "9126 2.1",
        "the client proves who it is",
        lambda w: refuses(
            "invalid_client",
            lambda: w.post(push, call("kite", **{**pushed("web"), "client_id": "web"})),
        ),
    ),
    must(
        "9126 2.1",
        "what is pushed is checked as at the authorization endpoint",
        lambda w: refuses("invalid_scope", lambda: w.push("kite", scope="nonsense")),
    ),
    must("9126 2.2", "a request_uri is its client's", lambda w: par(w, by="stefapp")),
    must("9126 2.2", "a request_uri expires", lambda w: par(w, seconds=601)),
    must("9126 4", "what was pushed counts, and nothing beside it", par_counts_alone),
    must(
        "9126 2.3",
        "a redirect URI that is not registered is an error",
        lambda w: refuses(
            "invalid_request", lambda: w.push("kite", redirect_uri="https://x.example")
        ),
    ),
]


def iss_with_code(world: World) -> bool:
    visit = world.sign_in()
    world.agree(request("kite"), visit)
    return answered(world, request("kite"), visit)["iss"] == ISSUER


RFC_9207: list[Must] = [
    must("9207 2", "iss comes with a code", iss_with_code),
    must(
        "9207 2",
        "iss comes with an error",
        lambda w: answered(w, request("kite", scope="x"))["iss"] == ISSUER,
    ),
    must(
        "9207 2",
        "iss comes where nobody was asked",
        lambda w: answered(w, request("kite", prompt="none"))["iss"] == ISSUER,
    ),
]


def audience(world: World, **shown: object) -> object:
    code = world.agree(request("kite", scope="chirps.read photos.read")).code
    return world.introspect(world.redeem("kite", code, **shown)["access_token"], by="chirp").aud


RFC_8707: list[Must] = [
    must(
        "8707 2",
        "an unknown resource is an error",
        lambda w: told(w, request("kite", resource=("https://x.example",))) == "invalid_target",
    ),
    must(
        "8707 2",
        "another path is another resource",
        lambda w: told(w, request("kite", resource=(f"{CHIRP}/x",))) == "invalid_target",
    ),
    must(
        "8707 2",
        "a resource is the same in any spelling (RFC 3986 6.2.3), and answered in that",
        lambda w: audience(w, resource=(f"{CHIRP}/",)) == (f"{CHIRP}/",),
    ),
    must(
        "8707 2.2",
        "the audience is what was asked for",
        lambda w: audience(w, resource=(CHIRP,)) == (CHIRP,),
    ),
    must(
        "8707 2.2",
        "no resource beyond those granted",
        lambda w: refuses(
            "invalid_target",
            lambda: w.redeem("kite", w.agree(request("kite")).code, resource=(PHOTOS,)),
        ),
    ),
]


@pytest.mark.parametrize("holds", [*RFC_7636, *RFC_9700, *RFC_9126, *RFC_9207, *RFC_8707])
def test_must(holds: Must) -> None:
    assert holds(World())


def test_nothing_of_this_needs_a_user_who_is_signed_in() -> None:
    """The rows above that send NOBODY are refused for what they say, not for who is missing."""
    assert told(World(), request("kite"), NOBODY) == ""
