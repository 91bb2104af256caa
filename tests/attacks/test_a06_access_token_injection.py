"""A06: access token injection (RFC 9700 4.6).

Attack: An attacker puts a stolen access token into an app's response.
Defense: The server never returns a token in a redirect, and an ID Token names its access token.
"""

import pytest
from tests.attacks.play import STEFAPP, asking, claims, sent_back, tokens
from tests.browser import forms
from tests.live import Live

from valetkey.wire.id_token import at_hash

TYPES = (
    "token",
    "id_token",
    "id_token token",
    "code token",
    "code id_token",
    "code id_token token",
    "none",
    "CODE",
    "code code",
    "code ",
)


@pytest.mark.parametrize("response_type", TYPES)
@pytest.mark.parametrize("mode", ["", "fragment", "web_message"])
def test_only_codes_are_given_to_a_browser(response_type: str, mode: str, server: Live) -> None:
    browser = server.browser()
    answer = browser.open(asking(STEFAPP, response_type=response_type, response_mode=mode).path())
    assert sent_back(answer)["error"] == "unsupported_response_type"
    assert "#" not in answer.headers["location"]


@pytest.mark.parametrize("response_type", TYPES)
def test_only_codes_are_posted_to_an_app(response_type: str, server: Live) -> None:
    sent = asking(STEFAPP, response_type=response_type, response_mode="form_post")
    answer = server.browser().open(sent.path())
    (form,) = forms(answer.text)
    assert form.fields["error"] == "unsupported_response_type"
    assert set(form.fields) == {"error", "error_description", "state", "iss"}


@pytest.mark.parametrize("mode", ["fragment", "web_message", "query fragment"])
def test_a_code_comes_in_a_query_or_a_form_only(mode: str, server: Live) -> None:
    answer = server.browser().open(asking(STEFAPP, response_mode=mode).path())
    assert sent_back(answer)["error"] == "invalid_request"


def test_the_id_token_names_the_access_token_beside_it(server: Live) -> None:
    one, two = tokens(server), tokens(server)
    assert claims(one["id_token"])["at_hash"] == at_hash(one["access_token"])
    assert claims(one["id_token"])["at_hash"] != at_hash(two["access_token"])


def test_discovery_offers_nothing_else(server: Live) -> None:
    document = server.http.get("/.well-known/openid-configuration").json()
    assert document["response_types_supported"] == ["code"]
    assert document["response_modes_supported"] == [
        "query",
        "form_post",
        "jwt",
        "query.jwt",
        "form_post.jwt",
    ]
    assert "implicit" not in document["grant_types_supported"]
