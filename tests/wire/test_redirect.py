"""Redirect URIs: character for character, but for the port on loopback (ATTACKS A01, A31, A33)."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.wire import address, redirect

WEB = "https://app.example/cb"
QUERY = "https://app.example/cb?tenant=1"
LOOPBACK = "http://127.0.0.1/cb"
SIX = "http://[::1]:8080/cb"
PRIVATE = "com.example.app:/cb"
REGISTERED = (WEB, QUERY, LOOPBACK, SIX, PRIVATE)

SAME = [
    row("9700 4.1.3", "the web page", WEB, WEB),
    row("9700 4.1.3", "with its query", QUERY, QUERY),
    row("8252 7.1", "the private scheme", PRIVATE, PRIVATE),
    row("8252 7.3", "loopback as registered", LOOPBACK, LOOPBACK),
    row("8252 7.3", "loopback on a port", LOOPBACK, "http://127.0.0.1:49152/cb"),
    row("8252 7.3", "loopback on the last port", LOOPBACK, "http://127.0.0.1:65535/cb"),
    row("8252 7.3", "loopback on another port", SIX, "http://[::1]:1/cb"),
    row("8252 7.3", "loopback without its port", SIX, "http://[::1]/cb"),
    row("8252 8.3", "loopback by name", "http://localhost/cb", "http://localhost:49152/cb"),
    row("8252 8.3", "loopback by name, no port", "http://localhost:1/cb", "http://localhost/cb"),
]


@pytest.mark.parametrize("registered,requests", SAME)
def test_what_matches(registered: str, requests: str) -> None:
    assert redirect.matches(registered, requests)


CORPUS = {
    "empty": "",
    "the host alone": "https://app.example",
    "a longer path": "https://app.example/cb/evil",
    "a longer word": "https://app.example/cbx",
    "a shorter path": "https://app.example/c",
    "a slash at the end": "https://app.example/cb/",
    "a slash doubled": "https://app.example//cb",
    "up and down": "https://app.example/x/../cb",
    "up and down, escaped": "https://app.example/cb/%2e%2e/cb",
    "a matrix parameter": "https://app.example/cb;x=1",
    "up with a matrix parameter": "https://app.example/cb/..;/evil",
    "an escaped slash": "https://app.example%2fcb",
    "an escaped letter": "https://app.example/%63b",
    "an escaped letter, twice": "https://app.example/%2563b",
    "another case of the path": "https://app.example/CB",
    "another case of the host": "https://APP.example/cb",
    "another case of the scheme": "HTTPS://app.example/cb",
    "a subdomain": "https://evil.app.example/cb",
    "a superdomain": "https://app.example.evil.example/cb",
    "a host that ends alike": "https://evilapp.example/cb",
    "a sibling": "https://app2.example/cb",
    "the parent": "https://example/cb",
    "a dot after the host": "https://app.example./cb",
    "the default port": "https://app.example:443/cb",
    "an empty port": "https://app.example:/cb",
    "another port": "https://app.example:8443/cb",
    "a user name": "https://app.example@evil.example/cb",
    "a user name before the host": "https://evil@app.example/cb",
    "an escaped at sign": "https://app.example%40evil.example/cb",
    "a user name and a backslash": "https://evil.example\\@app.example/cb",
    "a backslash for a slash": "https://app.example\\cb",
    "backslashes for all": "https:\\\\app.example\\cb",
    "one slash": "https:/app.example/cb",
    "no slashes": "https:app.example/cb",
    "three slashes": "https:///app.example/cb",
    "no scheme": "//app.example/cb",
    "no host": "/cb",
    "http for https": "http://app.example/cb",
    "javascript": "javascript:alert(1)//https://app.example/cb",
    "data": "data:text/html,https://app.example/cb",
    "a fragment": "https://app.example/cb#",
    "a fragment with words": "https://app.example/cb#x",
    "an escaped fragment": "https://app.example/cb%23",
    "an added query": "https://app.example/cb?x=1",
    "an empty query": "https://app.example/cb?",
    "a query that goes on": "https://app.example/cb?tenant=1&x=1",
    "a query that is cut": "https://app.example/cb?tenant=",
    "another value in the query": "https://app.example/cb?tenant=2",
    "a query in another case": "https://app.example/cb?TENANT=1",
    "an escaped question mark": "https://app.example/cb%3Ftenant=1",
    "a space before": " https://app.example/cb",
    "a space after": "https://app.example/cb ",
    "a tab inside": "https://app.exa\tmple/cb",
    "a tab after": "https://app.example/cb\t",
    "a carriage return": "https://app.example/cb\r",
    "a header": "https://app.example/cb\r\nSet-Cookie: x=1",
    "a newline before": "\nhttps://app.example/cb",
    "a zero byte": "https://app.example/cb\x00",
    "an escaped zero byte": "https://app.example/cb%00",
    "a letter that looks alike": "https://\u0430pp.example/cb",
    "a full-width dot": "https://app\uff0eexample/cb",
    "an ideographic dot": "https://app\u3002example/cb",
    "a soft hyphen": "https://app.exam\u00adple/cb",
    "the host in punycode": "https://xn--pp-6kc.example/cb",
    "two of them": "https://app.example/cb https://app.example/cb",
    "two of them with a comma": "https://app.example/cb,https://app.example/cb",
    "a wildcard": "https://*.example/cb",
    "loopback by name": "http://localhost/cb",
    "loopback by a name under it": "http://localhost.evil.example/cb",
    "loopback, short": "http://127.1/cb",
    "loopback, in hex": "http://0x7f.0.0.1/cb",
    "loopback, in hex at once": "http://0x7f000001/cb",
    "loopback, in octal": "http://0177.0.0.1/cb",
    "loopback, as a number": "http://2130706433/cb",
    "loopback, its neighbour": "http://127.0.0.2/cb",
    "loopback, everywhere": "http://0.0.0.0/cb",
    "loopback, mapped": "http://[::ffff:127.0.0.1]/cb",
    "loopback, the long form": "http://[0:0:0:0:0:0:0:1]/cb",
    "loopback, another path": "http://127.0.0.1:5000/evil",
    "loopback, no path": "http://127.0.0.1:5000",
    "loopback, a query": "http://127.0.0.1:5000/cb?x=1",
    "loopback, a fragment": "http://127.0.0.1:5000/cb#x",
    "loopback, a user name": "http://127.0.0.1:5000@evil.example/cb",
    "loopback, a superdomain": "http://127.0.0.1.evil.example/cb",
    "loopback over https": "https://127.0.0.1/cb",
    "loopback, port zero": "http://127.0.0.1:0/cb",
    "loopback, an empty port": "http://127.0.0.1:/cb",
    "loopback, a port too high": "http://127.0.0.1:65536/cb",
    "loopback, a port too long": "http://127.0.0.1:123456/cb",
    "loopback, a port in other digits": "http://127.0.0.1:\u0663\u0663/cb",
    "loopback, a negative port": "http://127.0.0.1:-1/cb",
    "loopback, a path that is cut by a newline": "http://127.0.0.1:5000/cb\n",
    "private scheme, another path": "com.example.app:/cb2",
    "private scheme, two slashes": "com.example.app://cb",
    "private scheme, another case": "COM.example.app:/cb",
    "private scheme, a longer one": "com.example.app.evil:/cb",
    "private scheme, a port": "com.example.app:5000/cb",
}


@pytest.mark.parametrize("requests", [row("A01", name, uri) for name, uri in CORPUS.items()])
def test_nothing_else_matches(requests: str) -> None:
    assert [one for one in REGISTERED if redirect.matches(one, requests)] == []


REGISTRABLE = [
    row("8252 7.2", "https", WEB),
    row("8252 7.2", "https with a query", QUERY),
    row("8252 7.2", "https with a port", "https://app.example:8443/cb"),
    row("8252 7.2", "https without a path", "https://app.example"),
    row("8252 7.3", "loopback, version 4", LOOPBACK),
    row("8252 7.3", "loopback, version 6", SIX),
    row("8252 7.1", "a private scheme", PRIVATE),
    row("8252 7.1", "a private scheme with slashes", "com.example.app://oauth/cb"),
]


@pytest.mark.parametrize("uri", REGISTRABLE)
def test_what_may_be_registered(uri: str) -> None:
    assert redirect.why_not(uri) == ""


# Of the corpus above these are honest addresses of somebody, if not of the app that registered.
HONEST = {
    "the host alone",
    "a longer path",
    "a longer word",
    "a shorter path",
    "a slash at the end",
    "a slash doubled",
    "up and down",
    "up and down, escaped",
    "a matrix parameter",
    "up with a matrix parameter",
    "an escaped letter",
    "an escaped letter, twice",
    "another case of the path",
    "another case of the host",
    "a subdomain",
    "a superdomain",
    "a host that ends alike",
    "a sibling",
    "the parent",
    "the default port",
    "another port",
    "an escaped fragment",
    "an added query",
    "an empty query",
    "a query that goes on",
    "a query that is cut",
    "another value in the query",
    "a query in another case",
    "an escaped question mark",
    "an escaped zero byte",
    "the host in punycode",
    "two of them with a comma",
    "loopback, another path",
    "loopback, no path",
    "loopback, a query",
    "loopback over https",
    "loopback by name",
    "private scheme, another path",
    "private scheme, two slashes",
    "private scheme, another case",
    "private scheme, a longer one",
    "private scheme, a port",
}

UNREGISTRABLE = [
    *(row("A31", name, uri) for name, uri in CORPUS.items() if name not in HONEST),
    row("8252 8.3", "a name that begins like loopback", "http://localhost.evil.example/cb"),
    row("8252 8.3", "loopback by name, with a dot", "http://localhost./cb"),
    row("8252 8.3", "loopback by name, in capitals", "http://Localhost/cb"),
    row("8252 8.3", "loopback by name as a user", "http://localhost@evil.example/cb"),
    row("8252 8.3", "a user at loopback by name", "http://evil@localhost/cb"),
    row("8252 8.3", "loopback by name, port 0", "http://localhost:0/cb"),
    row("A31", "http to a host", "http://app.example/cb"),
    row("8252 8.4", "a private scheme without a dot", "myapp:/cb"),
    row("A52", "a file", "file:///etc/passwd"),
    row("A52", "a blob", "blob:https://app.example/x"),
    row("A01", "a port that is a word", "https://app.example:abc/cb"),
    row("A01", "a port that is a directive", "https://app.example:1;sandbox/cb"),
    row("A01", "a port too high", "https://app.example:65536/cb"),
    row("A01", "a quote in the host", "https://app.example'/cb"),
    row("A01", "a semicolon in the host", "https://app.example;x/cb"),
    row("A01", "half an escape", "https://app.example/%4"),
    row("A01", "an IP address, version 6", "https://[::1]:8443@evil.example/cb"),
    row("A01", "a bracket that never closes", "https://[::1/cb"),
    row("A87", "longer than 2048", WEB + "x" * 2048),
    row("A04", "the answer's own parameter", "https://app.example/cb?iss=https://evil.example"),
    row("A07", "the answer's own state", "https://app.example/cb?x=1&state=1"),
    row("A05", "a code of its own", "https://app.example/cb?code=1"),
]


@pytest.mark.parametrize("uri", UNREGISTRABLE)
def test_what_may_not_be_registered(uri: str) -> None:
    assert redirect.why_not(uri) != ""


# Whatever may be registered becomes a source of one directive, never a second directive.
ORIGINS = [
    row("CSP 2.3", "https", WEB, "https://app.example"),
    row("CSP 2.3", "https on a port", "https://app.example:8443/cb?x", "https://app.example:8443"),
    row("CSP 2.3", "loopback", "http://127.0.0.1:5000/cb", "http://127.0.0.1:5000"),
    row("CSP 2.3", "a private scheme", PRIVATE, "com.example.app:"),
    row("CSP 2.3", "a private scheme with slashes", "com.example.app://x;y/cb", "com.example.app:"),
]


@pytest.mark.parametrize("uri,expected", ORIGINS)
def test_the_origin_for_a_policy(uri: str, expected: str) -> None:
    assert redirect.origin(uri) == expected


HOSTS = [
    row("A54", "https", WEB, "app.example"),
    row("A54", "https on a port", "https://app.example:8443/cb", "app.example"),
    row("A54", "loopback", SIX, "::1"),
    row("A54", "a private scheme", PRIVATE, "com.example.app:"),
]


@pytest.mark.parametrize("uri,expected", HOSTS)
def test_the_host_that_a_person_reads(uri: str, expected: str) -> None:
    assert redirect.host(uri) == expected


@pytest.mark.parametrize(
    "uri,loopback",
    [
        row("8252 7.3", "loopback", "http://127.0.0.1:5000/cb", True),
        row("8252 7.3", "loopback, version 6", SIX, True),
        row("8252 8.3", "by name", "http://localhost/cb", True),
        row("8252 8.3", "by a name in capitals", "http://LOCALHOST/cb", False),
        row("8252 8.3", "by a name with a dot", "http://localhost./cb", False),
        row("8252 8.3", "by a name with a user", "http://x@localhost/cb", False),
        row("8252 8.3", "by a name under it", "http://localhost.evil.example/cb", False),
        row("8252 8.3", "by a longer name", "http://localhosts/cb", False),
        row("8252 8.3", "by a name over https", "https://localhost/cb", False),
        row("8252 7.3", "over https", "https://127.0.0.1/cb", False),
        row("8252 7.3", "a superdomain", "http://127.0.0.1.evil.example/cb", False),
    ],
)
def test_loopback_is_the_users_own_device(uri: str, loopback: bool) -> None:
    assert redirect.is_loopback(uri) is loopback


ANSWERS = [
    row("6749 4.1.2", "no query", WEB, "https://app.example/cb?code=1"),
    row("6749 3.1.2", "a query is kept", QUERY, "https://app.example/cb?tenant=1&code=1"),
    row("6749 3.1.2", "an empty query", WEB + "?", "https://app.example/cb?code=1"),
    row("6749 3.1.2", "a query that ends open", QUERY + "&", QUERY + "&code=1"),
    row("6749 4.1.2", "a private scheme", PRIVATE, "com.example.app:/cb?code=1"),
]


@pytest.mark.parametrize("uri,expected", ANSWERS)
def test_the_answer_is_added_to_the_query(uri: str, expected: str) -> None:
    assert redirect.with_parameters(uri, {"code": "1"}) == expected


@given(state=st.text(min_size=1).filter(lambda text: text.isprintable() or "\n" in text))
def test_whatever_the_state_it_comes_back(state: str) -> None:
    """ATTACKS A07, and no state can become a header or another parameter."""
    there = redirect.with_parameters(QUERY, {"code": "c", "state": state})
    assert there.isascii()
    assert there.isprintable()
    assert parse_qsl(urlsplit(there).query, keep_blank_values=True) == [
        ("tenant", "1"),
        ("code", "c"),
        ("state", state),
    ]


ORIGINS = [
    row("6454 6.2", "as it is", "https://app.example/cb", "https://app.example"),
    row("6454 6.2", "the port of its scheme", "https://app.example:443/cb", "https://app.example"),
    row("6454 6.2", "another port", "https://app.example:8443/cb", "https://app.example:8443"),
    row("6454 6.2", "capitals", "HTTPS://App.Example/cb", "https://app.example"),
    row("6454 6.2", "a loopback port", "http://127.0.0.1:80/cb", "http://127.0.0.1"),
    row("6454 6.2", "an address in brackets", "http://[::1]:4711/cb", "http://[::1]:4711"),
    row("6454 6.2", "a private scheme has none", "com.example.app:/cb", ""),
    row("6454 6.2", "nothing", "", ""),
]


@pytest.mark.parametrize("uri, origin", ORIGINS)
def test_the_origin_as_browsers_write_it(uri: str, origin: str) -> None:
    assert address.origin(uri) == origin
