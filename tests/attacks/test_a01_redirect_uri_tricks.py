"""A01: redirect URI tricks (RFC 9700 4.1).

Attack: An attacker asks the server to send a code to an address that looks like a registered one.
Defense: The server compares the redirect URI with the registered ones character by character. Only
the port of a loopback address may vary.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.attacks.play import AS_SPA, AS_WEB, STEFAPP, asking, call, every, sent_back, stayed
from tests.browser import CALLBACK, Asking, error_code
from tests.live import Live
from tests.rows import row

from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending

# {scheme}, {host} and {path} are those of the registered address; {url} is the whole of it.
TRICKS = {
    "another host": "{scheme}://evil.example{path}",
    "a suffix to the host": "{scheme}://{host}.evil.example{path}",
    "a word before the host": "{scheme}://evil{host}{path}",
    "a subdomain": "{scheme}://evil.{host}{path}",
    "the host as a path": "{scheme}://evil.example/{host}{path}",
    "the host as a query": "{scheme}://evil.example/?{host}{path}",
    "the host as a fragment": "{scheme}://evil.example/#{host}{path}",
    "the address as a query": "https://evil.example/?u={url}",
    "a user name that is the host": "{scheme}://{host}@evil.example{path}",
    "a user name and a password": "{scheme}://{host}:80@evil.example{path}",
    "a user name": "{scheme}://evil@{host}{path}",
    "a user name that is empty": "{scheme}://@{host}{path}",
    "an escaped at sign": "{scheme}://{host}%40evil.example{path}",
    "a backslash before the at sign": "{scheme}://evil.example\\@{host}{path}",
    "a backslash as a slash": "{scheme}://{host}\\evil{path}",
    "a backslash for the path": "{scheme}://evil.example\\.{host}{path}",
    "backslashes for slashes": "{scheme}:\\\\{host}{path}",
    "one slash": "{scheme}:/{host}{path}",
    "no slash": "{scheme}:{host}{path}",
    "three slashes": "{scheme}:///{host}{path}",
    "four slashes": "{scheme}:////{host}{path}",
    "no scheme": "//{host}{path}",
    "a path alone": "{path}",
    "ftp": "ftp://{host}{path}",
    "javascript": "javascript://{host}{path}%0aalert(1)",
    "javascript alone": "javascript:alert(1)",
    "data": "data:text/html,{url}",
    "a blob": "blob:{url}",
    "view-source": "view-source:{url}",
    "the scheme in another case": "{SCHEME}://{host}{path}",
    "a slash at the end": "{url}/",
    "a dot at the end": "{url}.",
    "a dot after the host": "{scheme}://{host}.{path}",
    "a longer path": "{url}/evil",
    "a longer word": "{url}evil",
    "a shorter path": "{scheme}://{host}/",
    "no path": "{scheme}://{host}",
    "a doubled slash": "{scheme}://{host}/{path}",
    "a dot segment": "{scheme}://{host}/.{path}",
    "up and down": "{scheme}://{host}/x/..{path}",
    "up and away": "{url}/../evil",
    "up, escaped": "{url}/%2e%2e/evil",
    "up, half escaped": "{url}/.%2e/evil",
    "up, with a matrix parameter": "{url}/..;/evil",
    "up, with an escaped slash": "{url}/..%2fevil",
    "up, with an escaped backslash": "{url}/..%5cevil",
    "an escaped slash": "{scheme}://{host}%2f{path}",
    "an escaped slash, twice": "{scheme}://{host}%252f{path}",
    "an escaped letter": "{scheme}://{host}/%63allback",
    "the path in another case": "{scheme}://{host}/CALLBACK",
    "a matrix parameter": "{url};evil=1",
    "an added query": "{url}?evil=1",
    "an empty query": "{url}?",
    "a query that brings a code": "{url}?code=evil",
    "an ampersand": "{url}&evil=1",
    "an escaped question mark": "{url}%3fevil=1",
    "a fragment": "{url}#evil",
    "an empty fragment": "{url}#",
    "an escaped fragment": "{url}%23evil",
    "a port that is none": "{scheme}://{host}:0{path}",
    "a port too high": "{scheme}://{host}:65536{path}",
    "a port of letters": "{scheme}://{host}:evil{path}",
    "an empty port": "{scheme}://{host}:{path}",
    "a space before": " {url}",
    "a space after": "{url} ",
    "a tab before": "\t{url}",
    "a tab inside": "{scheme}://{host}\t.evil.example{path}",
    "a tab after": "{url}\t",
    "a carriage return": "{url}\r",
    "a newline": "{url}\n",
    "a header": "{url}\r\nX-Evil: 1",
    "a header, escaped": "{url}%0d%0aX-Evil:%201",
    "a zero byte": "{url}\x00",
    "a zero byte and a host": "{scheme}://evil.example\x00.{host}{path}",
    "an escaped zero byte": "{url}%00",
    "a letter that looks alike": "{scheme}://{host}{alike}",
    "a full-width dot": "{scheme}://{wide}{path}",
    "an ideographic dot": "{scheme}://{ideographic}{path}",
    "a soft hyphen": "{scheme}://{host}\u00ad{path}",
    "a word joiner": "{url}\u2060",
    "a right-to-left override": "{scheme}://{host}\u202e{path}",
    "a byte order mark": "\ufeff{url}",
    "an address of a thousand letters": "{url}/" + "x" * 1000,
    "two addresses": "{url} https://evil.example/",
    "two addresses, with a comma": "{url},https://evil.example/",
    "a wildcard": "{scheme}://*{path}",
}

LOOPBACK_TRICKS = {
    "localhost": "http://localhost:49152/callback",
    "a name under localhost": "http://localhost.evil.example:49152/callback",
    "https": "https://127.0.0.1:49152/callback",
    "the other loopback": "http://[::1]:49152/callback",
    "another path": "http://127.0.0.1:49152/evil",
    "a port and a user name": "http://127.0.0.1:49152@evil.example/callback",
    "a private scheme that goes on": "com.example.stefapp.evil:/callback",
    "a private scheme with slashes": "com.example.stefapp://callback",
    "a private scheme with a host": "com.example.stefapp://evil.example/callback",
    "a private scheme, another path": "com.example.stefapp:/callback/evil",
    "a private scheme, another case": "COM.EXAMPLE.stefapp:/callback",
}


AS_LOCAL = asking(
    msgspec.structs.replace(
        STEFAPP, client_id="local", redirect_uri="http://localhost:49152/callback", scope="openid"
    )
)
"""A native app that names its own device by `localhost`."""

LOCALHOST_TRICKS = {
    "the address that it means": "http://127.0.0.1:49152/callback",
    "a name that begins so": "http://localhost.evil.example:49152/callback",
    "a dot after it": "http://localhost.:49152/callback",
    "a user of that name": "http://localhost@evil.example:49152/callback",
    "https": "https://localhost:49152/callback",
    "another path": "http://localhost:49152/evil",
}


@pytest.fixture(scope="module", autouse=True)
def _local(server: Live) -> None:
    client = Client(
        id="local", name="Local", redirect_uris=("http://localhost/callback",), scope=("openid",)
    )
    server.run(server.store.commit([Create(client)]))


def corpus() -> Iterator[Any]:
    """Every trick for every client."""
    for base in (STEFAPP, AS_WEB, AS_SPA, AS_LOCAL):
        scheme, _, rest = base.redirect_uri.partition("://")
        host, _, path = rest.partition("/")
        words = {
            "scheme": scheme,
            "SCHEME": scheme.upper(),
            "host": host,
            "path": f"/{path}",
            "alike": f"/{path.replace('a', chr(0x430))}",
            "url": base.redirect_uri,
            "wide": host.replace(".", "\uff0e"),
            "ideographic": host.replace(".", "\u3002"),
        }
        tricks = {name: text.format(**words) for name, text in TRICKS.items()}
        if base is STEFAPP:
            tricks |= LOOPBACK_TRICKS
        elif base is AS_LOCAL:
            tricks |= LOCALHOST_TRICKS
            # Its host has no dot to be written in another way.
            del tricks["a full-width dot"], tricks["an ideographic dot"]
        else:
            tricks["the default port"] = f"https://{host}:443{words['path']}"
            tricks["another port"] = f"https://{host}:8443{words['path']}"
            tricks["http"] = f"http://{host}{words['path']}"
            tricks["the host in another case"] = f"https://{host.upper()}{words['path']}"
            tricks["the parent domain"] = f"https://example{words['path']}"
        for name, uri in tricks.items():
            yield row(f"A01 {base.client_id}", name, base, uri)


@pytest.mark.parametrize("base, uri", list(corpus()))
def test_another_address_gets_an_error_page_and_no_redirect(
    base: Asking, uri: str, server: Live
) -> None:
    parameters = asking(base, redirect_uri=uri).parameters()
    visited = server.http.get("/authorize", params=parameters)
    posted = server.http.post("/authorize", data=parameters)
    for answer in (visited, posted):
        stayed(answer)
        assert answer.status_code == 400
        assert error_code(answer.text) == "invalid_request"
        assert "evil" not in answer.text, "the page leads there"
    pushed = call(server, "/par", parameters, base)
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")


def test_nothing_was_kept_of_them(server: Live) -> None:
    assert every(server, Pending) == ()


HONEST = [
    row("8252 7.3", "loopback on the port of the moment", STEFAPP, CALLBACK),
    row("8252 7.3", "loopback on another port", STEFAPP, "http://127.0.0.1:1/callback"),
    row("8252 7.3", "loopback on no port", STEFAPP, "http://127.0.0.1/callback"),
    row("8252 8.3", "localhost on another port", AS_LOCAL, "http://localhost:1/callback"),
    row("8252 8.3", "localhost on no port", AS_LOCAL, "http://localhost/callback"),
    row("8252 7.1", "the private scheme", STEFAPP, "com.example.stefapp:/callback"),
    row("9700 4.1", "the registered one", AS_WEB, "https://web.example/callback"),
    row("9700 4.1", "the registered query", AS_WEB, "https://web.example/other?x=1"),
    row("9700 4.1", "the only one", AS_SPA, "https://spa.example/callback"),
]


@pytest.mark.parametrize("base, uri", HONEST)
def test_the_registered_address_gets_the_answer(base: Asking, uri: str, server: Live) -> None:
    answer = server.http.get(
        "/authorize", params=asking(base, redirect_uri=uri, prompt="none").parameters()
    )
    assert answer.headers["location"].startswith(uri)
    assert sent_back(answer)["error"] == "login_required"


@pytest.mark.parametrize("base", [STEFAPP, AS_WEB], ids=["stefapp", "web"])
def test_a_missing_address_is_never_guessed(base: Asking, server: Live) -> None:
    answer = server.http.get("/authorize", params=asking(base, redirect_uri="").parameters())
    stayed(answer)
    assert error_code(answer.text) == "invalid_request"
