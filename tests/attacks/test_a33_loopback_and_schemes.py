"""A33: loopback addresses and private schemes (RFC 8252 7.3, 8.3).

Attack: An attacker uses an unusual spelling of a loopback address, or another app's scheme.
Defense: The port is free only for registered `127.0.0.1`, `[::1]` and `localhost`. A private scheme
needs a dot.
"""

import pytest
from tests.attacks.play import asking, change, find, planned, sent_back, stayed
from tests.live import Live
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.server.oauth.admin.apply_plan import DesiredRecord

FREE = [
    row("8252 7.3", "the first port", "http://127.0.0.1:1/callback"),
    row("8252 7.3", "an ephemeral port", "http://127.0.0.1:49152/callback"),
    row("8252 7.3", "the last port", "http://127.0.0.1:65535/callback"),
    row("8252 7.3", "version 6", "http://[::1]:49152/callback"),
    row("8252 7.3", "version 6, no port", "http://[::1]/callback"),
    row("8252 8.3", "localhost", "http://localhost:49152/callback"),
    row("8252 8.3", "localhost, no port", "http://localhost/callback"),
]

FIXED = [
    row("8252 8.3", "localhost in capitals", "http://LOCALHOST:49152/callback"),
    row("8252 8.3", "localhost over https", "https://localhost:49152/callback"),
    row("8252 8.3", "localhost, another path", "http://localhost:49152/evil"),
    row("8252 8.3", "localhost, a longer name", "http://localhosts:49152/callback"),
    row("8252 8.3", "localhost, a name under it", "http://a.localhost:49152/callback"),
    row("8252 8.3", "localhost as a word", "http://localhost.evil.example:49152/callback"),
    row("8252 8.3", "localhost as a user", "http://localhost@evil.example:49152/callback"),
    row("8252 8.3", "localhost as a user, a port", "http://localhost:1@evil.example/callback"),
    row("8252 8.3", "a user at localhost", "http://evil@localhost:49152/callback"),
    row("8252 8.3", "localhost and a backslash", "http://localhost\\.evil.example/callback"),
    row("8252 8.3", "localhost, escaped", "http://localhost%2e:49152/callback"),
    row("8252 8.3", "localhost, a port of letters", "http://localhost:evil/callback"),
    row("8252 8.3", "localhost, port 0", "http://localhost:0/callback"),
    row("8252 8.3", "localhost, a port too high", "http://localhost:65536/callback"),
    row("8252 8.3", "localhost, an empty port", "http://localhost:/callback"),
    row("8252 8.3", "localhost with a dot", "http://localhost.:49152/callback"),
    row("8252 8.3", "two octets", "http://127.1:49152/callback"),
    row("8252 8.3", "three octets", "http://127.0.1:49152/callback"),
    row("8252 8.3", "an octet in hex", "http://0x7f.1:49152/callback"),
    row("8252 8.3", "all in hex", "http://0x7f000001:49152/callback"),
    row("8252 8.3", "an octet in octal", "http://0177.0.0.1:49152/callback"),
    row("8252 8.3", "zeros before", "http://127.000.000.001:49152/callback"),
    row("8252 8.3", "one number", "http://2130706433:49152/callback"),
    row("8252 8.3", "the neighbour", "http://127.0.0.2:49152/callback"),
    row("8252 8.3", "every address", "http://0.0.0.0:49152/callback"),
    row("8252 8.3", "zero", "http://0:49152/callback"),
    row("8252 8.3", "mapped", "http://[::ffff:127.0.0.1]:49152/callback"),
    row("8252 8.3", "mapped, in hex", "http://[::ffff:7f00:1]:49152/callback"),
    row("8252 8.3", "the long form", "http://[0:0:0:0:0:0:0:1]:49152/callback"),
    row("8252 8.3", "with a zone", "http://[::1%25lo]:49152/callback"),
    row("8252 8.3", "no brackets", "http://::1:49152/callback"),
    row("8252 8.3", "circled digits", "http://①②⑦.0.0.1:49152/callback"),
    row("8252 8.3", "a name that resolves there", "http://localtest.me:49152/callback"),
    row("8252 8.3", "https", "https://127.0.0.1:49152/callback"),
    row("8252 7.3", "a port in other digits", "http://127.0.0.1:\u0661\u0662/callback"),
    row("8252 7.3", "a port with a sign", "http://127.0.0.1:+80/callback"),
    row("8252 7.3", "a port with a space", "http://127.0.0.1: 80/callback"),
    row("8252 7.3", "a port and a path in it", "http://127.0.0.1:80/evil/../callback"),
    row("8252 7.3", "a port and a query", "http://127.0.0.1:80/callback?x=1"),
    row("8252 7.3", "a port and a host after it", "http://127.0.0.1:80:evil.example/callback"),
    row("8252 7.1", "a port on the scheme", "com.example.stefapp://:80/callback"),
]

BOTH = (
    "http://127.0.0.1/callback",
    "http://[::1]/callback",
    "http://localhost/callback",
    "com.example.stefapp:/callback",
)


@pytest.fixture(scope="module", autouse=True)
def _registered(server: Live) -> None:
    change(server, find(server, Client, "stefapp"), redirect_uris=BOTH)


@pytest.mark.parametrize("uri", FREE)
def test_a_port_of_the_moment(uri: str, server: Live) -> None:
    parameters = asking(redirect_uri=uri, prompt="none").parameters()
    answer = server.http.get("/authorize", params=parameters)
    assert answer.headers["location"].startswith(f"{uri}?")
    assert sent_back(answer)["error"] == "login_required"


@pytest.mark.parametrize("uri", FIXED)
def test_what_only_looks_like_loopback(uri: str, server: Live) -> None:
    stayed(server.http.get("/authorize", params=asking(redirect_uri=uri).parameters()))


@pytest.mark.parametrize(
    "scheme",
    ["stefapp", "javascript", "data", "http", "mailto", "file", "intent", "about", "vbscript"],
)
def test_a_private_scheme_has_a_dot(scheme: str, server: Live) -> None:
    wish = DesiredRecord(
        place="here",
        kind="client",
        key="stefapp",
        fields={"redirect_uris": (f"{scheme}:/callback",)},
    )
    assert planned(server, wish).mistakes
