"""A31: redirect URIs without TLS (OAuth 2.1 1.5).

Attack: A network attacker reads a code on its way to a plain http address.
Defense: The server registers plain http only for loopback addresses.
"""

import pytest
from tests.attacks.play import AS_WEB, asking, change, find, planned, stayed
from tests.live import Live
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.server.oauth.admin.apply_plan import DesiredRecord

REFUSED = [
    row("OAuth 2.1 1.5", "a host", "http://web.example/callback"),
    row("OAuth 2.1 1.5", "a host by its number", "http://192.0.2.1/callback"),
    row("OAuth 2.1 1.5", "a host in the house", "http://192.168.0.1/callback"),
    row("OAuth 2.1 1.5", "a host and a port", "http://web.example:8080/callback"),
    row("8252 8.3", "a name that begins like localhost", "http://localhost.evil.example/callback"),
    row("8252 8.3", "a name under localhost", "http://app.localhost/callback"),
    row("8252 8.3", "a name that begins like loopback", "http://127.0.0.1.evil.example/callback"),
    row("8252 8.3", "loopback as a user name", "http://127.0.0.1@evil.example/callback"),
    row("OAuth 2.1 1.5", "no host", "http:///callback"),
    row("OAuth 2.1 1.5", "http in capitals", "HTTP://web.example/callback"),
    row("OAuth 2.1 1.5", "a web socket", "ws://web.example/callback"),
    row("OAuth 2.1 1.5", "ftp", "ftp://web.example/callback"),
    row("8252 8.4", "a scheme without a dot", "stefapp:/callback"),
    row("8252 8.4", "javascript", "javascript:alert(1)"),
    row("8252 8.4", "data", "data:text/html,x"),
    row("6749 3.1.2", "a fragment", "https://web.example/callback#x"),
    row("9700 4.1.1", "a wildcard", "https://*.web.example/callback"),
    row("6749 3.1.2", "a path alone", "/callback"),
    row("6749 3.1.2", "nothing", ""),
]


@pytest.mark.parametrize("uri", REFUSED)
def test_it_cannot_be_registered(uri: str, server: Live) -> None:
    made = planned(server, _wish("spa", uri))
    assert any("redirect_uris" in mistake for mistake in made.mistakes), made.mistakes


@pytest.mark.parametrize(
    "uri",
    [
        "https://spa.example/other",
        "http://127.0.0.1/x",
        "http://[::1]/x",
        "http://localhost/x",
        "com.example.x:/x",
    ],
)
def test_what_can(uri: str, server: Live) -> None:
    assert not planned(server, _wish("spa", uri)).mistakes


def test_the_web_address_without_its_s_is_another_one(server: Live) -> None:
    plain = AS_WEB.redirect_uri.replace("https", "http")
    stayed(server.http.get("/authorize", params=asking(AS_WEB, redirect_uri=plain).parameters()))


def test_only_a_loopback_port_may_vary_whatever_was_written_into_the_database(
    server: Live,
) -> None:
    client = find(server, Client, "spa")
    uris = "http://spa.example/callback", "http://localhost.evil.example/x"
    change(server, client, redirect_uris=uris)
    base = asking(client_id="spa", scope="openid")
    for uri in ("http://spa.example:81/callback", "http://localhost.evil.example:81/x"):
        stayed(server.http.get("/authorize", params=asking(base, redirect_uri=uri).parameters()))


def _wish(name: str, uri: str) -> DesiredRecord:
    return DesiredRecord(place="here", kind="client", key=name, fields={"redirect_uris": (uri,)})
