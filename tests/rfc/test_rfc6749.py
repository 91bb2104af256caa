"""RFC 6749, as OAuth 2.1 has it."""

import pytest
from tests.rfc.musts import Must, answered, must, refuses, told
from tests.server.oauth.forms import call, pushed, request
from tests.server.oauth.world import World

from valetkey.server.oauth.authorize.par import push
from valetkey.server.oauth.grant_types.token import token


def once(world: World) -> bool:
    code = world.agree(request("kite")).code
    world.redeem("kite", code)
    return refuses("invalid_grant", lambda: world.redeem("kite", code))


def revoked_after_replay(world: World) -> bool:
    code = world.agree(request("kite")).code
    tokens = world.redeem("kite", code)
    refuses("invalid_grant", lambda: world.redeem("kite", code))
    return not world.introspect(tokens["access_token"]).active


def bound_to_client(world: World) -> bool:
    code = world.agree(request("kite")).code
    return refuses("invalid_grant", lambda: world.redeem("stefapp", code))


def bound_to_redirect(world: World) -> bool:
    code = world.agree(request("kite")).code
    return refuses(
        "invalid_grant", lambda: world.redeem("kite", code, redirect_uri="https://kite.example/x")
    )


def expires(world: World) -> bool:
    code = world.agree(request("kite")).code
    world.later(600)
    return refuses("invalid_grant", lambda: world.redeem("kite", code))


def refresh_bound_to_client(world: World) -> bool:
    text = world.connect()["refresh_token"]
    return refuses("invalid_grant", lambda: world.refresh("stefapp", text))


def refresh_not_wider(world: World) -> bool:
    text = world.connect(scope="chirps.read")["refresh_token"]
    return refuses("invalid_scope", lambda: world.refresh("kite", text, scope="chirps"))


def refresh_needs_authentication(world: World) -> bool:
    text = world.connect("web")["refresh_token"]
    given = call("kite", grant_type="refresh_token", refresh_token=text, client_id="web")
    return refuses("invalid_client", lambda: world.post(token, given))


def scope_is_told(world: World) -> bool:
    tokens = world.connect(scope="chirps.read profile.write", ticked=("chirps.read",))
    return str(tokens["scope"]) == "chirps.read"


RFC_6749: list[Must] = [
    must(
        "6749 3.1",
        "unknown parameters are passed over",
        lambda w: told(w, request("kite", unheard_of="x")) == "",
    ),
    must(
        "6749 3.1",
        "a parameter without a value counts as left out",
        lambda w: told(w, request("kite", response_type="")) == "invalid_request",
    ),
    must(
        "6749 3.1.1",
        "an unknown response type is an error",
        lambda w: told(w, request("kite", response_type="x")) == "unsupported_response_type",
    ),
    must(
        "6749 3.1.2.3",
        "with several redirect URIs, the request names one",
        lambda w: refuses("invalid_request", lambda: told(w, request("web", redirect_uri=None))),
    ),
    must(
        "6749 3.1.2.4",
        "nobody is sent to an address that is not registered",
        lambda w: refuses(
            "invalid_request", lambda: told(w, request("kite", redirect_uri="https://evil.example"))
        ),
    ),
    must(
        "6749 3.2.1",
        "a confidential client proves who it is",
        lambda w: refuses(
            "invalid_client",
            lambda: w.post(push, call("kite", **{**pushed("web"), "client_id": "web"})),
        ),
    ),
    must("6749 3.3", "what was granted is told where it is not what was asked", scope_is_told),
    must("6749 4.1.2", "a code expires soon after it was issued", expires),
    must("6749 4.1.2", "a code is used once", once),
    must("6749 4.1.2", "what came of a code that is used twice is revoked", revoked_after_replay),
    must(
        "6749 4.1.2",
        "the state comes back as it was sent",
        lambda w: answered(w, request("kite", scope="x"))["state"] == "s t/ä&=",
    ),
    must("6749 4.1.3", "a code is the client's to whom it was issued", bound_to_client),
    must("6749 4.1.3", "the redirect URI is the one of the request", bound_to_redirect),
    must(
        "6749 4.4",
        "only confidential clients act for themselves",
        lambda w: refuses(
            "unauthorized_client", lambda: w.token("kite", grant_type="client_credentials")
        ),
    ),
    must(
        "6749 4.4.3",
        "who acts for itself gets no refresh token",
        lambda w: "refresh_token" not in w.token("machine", grant_type="client_credentials"),
    ),
    must(
        "6749 5.1",
        "the answer holds the token and its type",
        lambda w: {"access_token", "token_type"} <= w.connect().keys(),
    ),
    must(
        "6749 5.2",
        "an unknown grant type is an error",
        lambda w: refuses("unsupported_grant_type", lambda: w.token("web", grant_type="x")),
    ),
    must("6749 6", "a refresh token is its client's", refresh_bound_to_client),
    must("6749 6", "a confidential client proves who it is", refresh_needs_authentication),
    must("6749 6", "no scope beyond what was granted", refresh_not_wider),
]


@pytest.mark.parametrize("holds", [*RFC_6749])
def test_must(holds: Must) -> None:
    assert holds(World())
