"""What only the app is told, whoever runs the server finds in the log."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks.play import AS_WEB, asking, change, find, sent_back
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.client import Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("live")) as server:
        change(server, find(server, Client, "web"), policy="default")
        yield server


DENIED: list[Any] = [
    row("6749 4.1.2.1", "no PKCE", {"code_challenge": ""}, "invalid_request", "code_challenge"),
    row("6749 4.1.2.1", "an unknown scope", {"scope": "x"}, "invalid_scope", ""),
    row("6749 4.1.2.1", "more than is registered", {"scope": "dms.read"}, "invalid_scope", "app"),
    row("OIDC 3.1.2.6", "nobody is there", {"prompt": "none"}, "login_required", "sign in"),
    row("6749 4.1.2.1", "a token", {"response_type": "token"}, "unsupported_response_type", "code"),
]


@pytest.mark.parametrize("changed,error,says", DENIED)
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_a_refusal_by_redirect_is_in_the_log(
    server: Live,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, str],
    error: str,
    says: str,
    mode: str,
) -> None:
    with caplog.at_level(logging.INFO, logger="valetkey.server"):
        parameters = asking(AS_WEB, **{"response_mode": mode, **changed}).parameters()
        answer = server.http.get("/authorize", params=parameters)
    assert error in (answer.text if mode == "form_post" else answer.headers["location"])
    (told,) = [one.details for one in caplog.records if one.message == "denied"]  # type: ignore[attr-defined]
    assert (told["client"], told["error"]) == ("web", error)
    assert told["detail"]
    assert says in told["detail"]


def test_who_sends_no_pkce_is_told_what_to_do(
    server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    """Spring Boot, oauth2-proxy and others send none in their defaults."""
    plain = asking(AS_WEB, code_challenge="", code_challenge_method="").parameters()
    with caplog.at_level(logging.INFO, logger="valetkey.server"):
        told = sent_back(server.http.get("/authorize", params=plain))
    assert told["error"] == "invalid_request"
    assert "policy oidc" in told["error_description"]
    assert 'policy = "oidc"' in caplog.records[-1].details["detail"]  # type: ignore[attr-defined]
    change(server, find(server, Client, "web"), policy="oidc")
    onward = server.http.get("/authorize", params=plain).headers["location"]
    change(server, find(server, Client, "web"), policy="default")
    assert onward.startswith("/continue/")


def test_a_public_client_is_not_sent_to_a_policy(server: Live) -> None:
    plain = asking(code_challenge="", code_challenge_method="").parameters()
    told = sent_back(server.http.get("/authorize", params=plain))["error_description"]
    assert "a public client sends PKCE" in told
    assert "oidc" not in told
