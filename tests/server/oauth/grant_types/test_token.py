"""The token endpoint: which grant types there are, and who may use them (RFC 6749 3.2, 5.2)."""

from typing import Any

import pytest
from tests.installation import SECRETS
from tests.rows import row
from tests.server.oauth.forms import basic, call, form
from tests.server.oauth.world import World

from valetkey.server.oauth.core.feature import Call
from valetkey.server.oauth.features import FEATURES
from valetkey.server.oauth.grant_types.token import token
from valetkey.spec.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    OAuthError,
    UnauthorizedClient,
    UnsupportedGrantType,
)


def web(**parameters: Any) -> Call:
    return call("web", **parameters)


SAML = "urn:ietf:params:oauth:grant-type:saml2-bearer"
REFUSED: list[tuple[str, str, Call, type[OAuthError]]] = [
    ("5.2", "no grant type", web(), InvalidRequest),
    (
        "A24",
        "the password grant",
        web(grant_type="password", username="miko", password="x"),
        UnsupportedGrantType,
    ),
    ("A24", "implicit", web(grant_type="implicit"), UnsupportedGrantType),
    ("5.2", "a grant type that is not switched on", web(grant_type=SAML), UnsupportedGrantType),
    ("5.2", "in capitals", web(grant_type="Authorization_Code"), UnsupportedGrantType),
    (
        "5.2",
        "the grant type it may not use",
        web(grant_type="client_credentials"),
        UnauthorizedClient,
    ),
    (
        "5.2",
        "the other way round",
        call("machine", grant_type="authorization_code", code="x"),
        UnauthorizedClient,
    ),
    (
        "5.2",
        "no client",
        Call(form=form({"grant_type": "authorization_code", "code": "x"})),
        InvalidClient,
    ),
    (
        "5.2",
        "a wrong secret comes before a wrong code",
        Call(form=form({"grant_type": "authorization_code"}), authorization=basic("web", "x")),
        InvalidClient,
    ),
    ("4.1.3", "no code", web(grant_type="authorization_code"), InvalidRequest),
    ("4.1.3", "a code that is none", web(grant_type="authorization_code", code="x"), InvalidGrant),
    ("6", "no refresh token", web(grant_type="refresh_token"), InvalidRequest),
    (
        "6",
        "a refresh token that is none",
        web(grant_type="refresh_token", refresh_token="x"),
        InvalidGrant,
    ),
]


@pytest.mark.parametrize("given,error", [row(a, b, *rest) for a, b, *rest in REFUSED])
def test_what_is_refused(given: Call, error: type[OAuthError]) -> None:
    world = World()
    before = world.digest()
    with pytest.raises(error) as refused:
        world.post(token, given)
    assert type(refused.value) is error
    assert world.digest() == before
    assert SECRETS["web"] not in f"{refused.value} {refused.value.detail}"


@pytest.mark.parametrize("name", ["authorization_code", "refresh_token", "client_credentials"])
def test_what_is_switched_off_is_not_there(name: str) -> None:
    """A feature is one line: without it the endpoint knows nothing of it."""
    without = tuple(
        feature
        for feature in FEATURES
        if name not in {grant_type.name for grant_type in feature.grant_types}
    )
    world = World(without)
    assert name not in world.context.installation.grant_types
    assert len(without) == len(FEATURES) - 1
    with pytest.raises(UnsupportedGrantType):
        world.token("web", grant_type=name)


def test_without_refresh_there_are_no_refresh_tokens() -> None:
    """A token that nothing can be done with is not handed out."""
    without = tuple(feature for feature in FEATURES if feature.name != "refresh token")
    assert "refresh_token" not in World(without).connect()
