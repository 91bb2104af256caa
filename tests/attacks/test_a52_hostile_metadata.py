"""A52: hostile client metadata.

Attack: A self-registered app uses addresses or texts that deceive a browser, a person or the
server.
Defense: The server refuses such metadata.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.live import Live, live
from tests.rows import row
from tests.server.oauth.clients.registering import APP, CB, every, post


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(
        tmp_path_factory.mktemp("open"),
        enable=("registration",),
        registration="open",
        # Each call comes from a network of its own.
        trusted_proxies=("127.0.0.1",),
    ) as server:
        yield server


HOSTILE: list[Any] = [
    row("A52", "javascript", {"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    row("A52", "data", {"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
    row("A52", "a fragment", {"redirect_uris": [CB + "#a"]}, "invalid_redirect_uri"),
    row("A52", "http", {"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
    row("A52", "a wildcard", {"redirect_uris": ["https://*.example/cb"]}, "invalid_redirect_uri"),
    row("A52", "no list", {"redirect_uris": CB}, "invalid_redirect_uri"),
    row("A52", "none at all", {"redirect_uris": []}, "invalid_redirect_uri"),
    row("A52", "a home page of script", {"client_uri": "javascript:alert(1)"}, ""),
    row("A52", "a policy of script", {"policy_uri": "javascript:alert(1)"}, ""),
    row("A52", "terms in the clear", {"tos_uri": "http://app.example/terms"}, ""),
    row("A52", "a picture as data", {"logo_uri": "data:image/svg+xml,x"}, ""),
    row("A52", "a control character", {"client_name": "a\x1b[31m"}, ""),
    row("A52", "two lines", {"client_name": "a\nb"}, ""),
    row("A52", "bidi", {"client_name": "a\u202egpj"}, ""),
    row("A52", "zero width", {"client_name": "Goo\u200bgle"}, ""),
    row("A52", "mixed scripts", {"client_name": "G\u043e\u043egle"}, ""),
    row("A52", "a name without end", {"client_name": "a" * 101}, ""),
    row("A52", "a name that is a number", {"client_name": 7}, ""),
    row("A52", "an unknown scope", {"scope": "openid root"}, ""),
    row("A52", "nothing but high risk", {"scope": "dms.send"}, ""),
    row("A24", "the password grant", {"grant_types": ["password"], "redirect_uris": []}, ""),
    row("A24", "implicit", {"grant_types": ["authorization_code", "implicit"]}, ""),
    row("A24", "implicit answers", {"response_types": ["token"]}, ""),
    row("A24", "hybrid answers", {"response_types": ["code id_token"]}, ""),
    row("7591 2", "an unknown method", {"token_endpoint_auth_method": "magic"}, ""),
    row("7591 2", "keys missing", {"token_endpoint_auth_method": "private_key_jwt"}, ""),
    row("7591 2", "private keys", {"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}, ""),
    row("A51", "keys inside", {"jwks_uri": "http://127.0.0.1/keys"}, ""),
    row(
        "6749 4.4",
        "a public client for itself",
        {"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]},
        "invalid_redirect_uri",
    ),
    row(
        "7591 2.3",
        "a statement of nobody",
        {"software_statement": "x"},
        "unapproved_software_statement",
    ),
    row(
        "7591 2.3",
        "a statement that is a number",
        {"software_statement": 7},
        "unapproved_software_statement",
    ),
]


@pytest.mark.parametrize("changed,code", HOSTILE)
def test_hostile_metadata(open_server: Live, changed: dict[str, Any], code: str) -> None:
    before = every(open_server)
    answer = post(open_server, APP | changed)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == (code or "invalid_client_metadata")
    assert every(open_server) == before
