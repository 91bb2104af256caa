"""A24: outdated grants (OAuth 2.1 10).

Attack: A client uses the password grant or the implicit grant.
Defense: Neither exists.
"""

import pytest
from tests.attacks.play import AS_WEB, STEFAPP, asking, call, sent_back
from tests.browser import Asking
from tests.installation import PASSWORDS
from tests.live import Live

GRANT_TYPES = (
    "password",
    "implicit",
    "Password",
    "authorization_code ",
    "AUTHORIZATION_CODE",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "none",
    "x" * 4096,
)


@pytest.mark.parametrize("by", [STEFAPP, AS_WEB], ids=["public", "confidential"])
@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_a_grant_type_that_is_not_offered(grant_type: str, by: Asking, server: Live) -> None:
    form = {
        "grant_type": grant_type,
        "username": "miko",
        "password": PASSWORDS["miko"],
        "scope": "openid",
    }
    answer = call(server, "/token", form, by)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert "access_token" not in answer.text


@pytest.mark.parametrize(
    "name",
    [
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:openid:params:grant-type:ciba",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ],
)
def test_an_extension_grant_is_for_those_who_are_registered_for_it(name: str, server: Live) -> None:
    for by in (STEFAPP, AS_WEB):
        answer = call(server, "/token", {"grant_type": name}, by)
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_a_grant_type_that_the_client_is_not_registered_for(server: Live) -> None:
    answer = call(server, "/token", {"grant_type": "client_credentials"}, AS_WEB)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    answer = call(server, "/token", {"grant_type": "client_credentials"}, STEFAPP)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_no_grant_type(server: Live) -> None:
    answer = call(server, "/token", {"scope": "openid"}, STEFAPP)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_the_implicit_grant(server: Live) -> None:
    answer = server.browser().open(asking(STEFAPP, response_type="token").path())
    assert sent_back(answer)["error"] == "unsupported_response_type"


def test_discovery_offers_neither(server: Live) -> None:
    document = server.http.get("/.well-known/openid-configuration").json()
    assert not {"password", "implicit"} & set(document["grant_types_supported"])
