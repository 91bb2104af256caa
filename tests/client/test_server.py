"""What an app believes a server, and what it does when there is nothing to believe."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from tests.client.serving import METADATA, Serving, serving
from tests.rows import row

from valetkey.client import (
    Aborted,
    App,
    ClientError,
    Denied,
    Key,
    KeyStopped,
    MemoryStore,
    ServerUnavailable,
    Tokens,
)

TOKENS = Tokens(access_token="a token", refresh_token="its successor's", sub="miko", scope=("a",))
OPENID = "/.well-known/openid-configuration"
GOOD = b'{"access_token":"another","token_type":"Bearer","expires_in":60}'


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving() as one:
        yield one


@pytest.fixture
def key(server: Serving) -> Iterator[Key]:
    store = MemoryStore()
    store.save(TOKENS)
    one = Key(App(issuer=server.url, client_id="stefapp", scope=("a",)), store)
    yield one
    one.close()


DOCUMENTS: list[Any] = [
    row("8414 3.3", "another issuer", {"issuer": "https://evil.example"}, "speaks of"),
    row("8414 3.3", "a slash more", {"issuer": "http://127.0.0.1/"}, "speaks of"),
    row(
        "9700 2.6",
        "a token endpoint over plain http",
        {"token_endpoint": "http://id.example/token"},
        "token_endpoint is not https",
    ),
    row("8414 2", "keys over plain http", {"jwks_uri": "http://id.example/j"}, "jwks_uri is not"),
    row("9700 2.1.1", "no PKCE", {"code_challenge_methods_supported": []}, "no PKCE"),
    row("9700 2.1.1", "plain alone", {"code_challenge_methods_supported": ["plain"]}, "no PKCE"),
    row("8414 2", "a number", {"token_endpoint": 1}, "not a metadata document"),
]


@pytest.mark.parametrize("members,why", DOCUMENTS)
def test_metadata_that_an_app_does_not_believe(
    server: Serving, key: Key, members: dict[str, Any], why: str
) -> None:
    server.replies[METADATA] = server.metadata(**members)
    with pytest.raises(Aborted, match=why):
        key.connect(open_browser=_no_browser)
    assert key.tokens == TOKENS


def _no_browser(address: str) -> None:
    raise AssertionError("no browser should be opened")


def test_openid_discovery_where_there_is_no_other(server: Serving, key: Key) -> None:
    server.replies[OPENID] = server.replies.pop(METADATA)
    assert key.about.issuer == server.url
    assert server.paths() == [METADATA, OPENID]
    key.about  # noqa: B018
    assert server.paths() == [METADATA, OPENID]


TROUBLE = [
    row("6749 5.1", "no JSON", (200, b"<html>")),
    row("6749 5.1", "no object", (200, b"[]")),
    row("6749 5.1", "no token", (200, b'{"token_type":"Bearer"}')),
    row("6749 5.1", "no type", (200, b'{"access_token":"x"}')),
    row("6749 5.1", "another type", (200, b'{"access_token":"x","token_type":"mac"}')),
    row("6749 5.1", "a member twice", (200, GOOD[:-1] + b',"access_token":"x"}')),
    row("6749 5.1", "a time in words", (200, GOOD.replace(b"60", b'"soon"'))),
    row("6749 5.1", "without end", (200, b" " * 300_000 + GOOD)),
    row("6749 5.2", "a refusal without a code", (400, b"{}")),
    row("6749 5.2", "a refusal that is no JSON", (400, b"no")),
    row("7493 2.1", "half a character", (200, GOOD.replace(b"another", rb"\ud800"))),
    row("house", "a zero byte", (200, GOOD.replace(b"another", rb"a\u0000b"))),
    row("7493 2.2", "a number beyond 64 bits", (200, GOOD.replace(b"60", b"9" * 40))),
    row("8259 8.1", "no UTF-8", (200, GOOD.replace(b"another", b"\xff"))),
    row("7493 2.1", "half a character in a refusal", (400, rb'{"error":"\udfff"}')),
    row("9110 15.6", "trouble", (500, b'{"error":"invalid_grant"}')),
    row("9110 15.6", "out of service", (503, b"")),
    row("6585 4", "too many calls", (429, b'{"error":"invalid_grant"}')),
    row("9110 15.4", "a redirect", (307, GOOD)),
]


@pytest.mark.parametrize("reply", TROUBLE)
def test_trouble_costs_no_key(server: Serving, key: Key, reply: tuple[int, bytes]) -> None:
    server.replies["/token"] = reply
    with pytest.raises(ServerUnavailable):
        key.refresh()
    assert key.tokens == TOKENS
    assert "/elsewhere" not in server.paths()


@pytest.mark.parametrize(
    "code,error",
    [
        row("6749 5.2", "the key is over", "invalid_grant", KeyStopped),
        row("6749 5.2", "the app is unknown", "invalid_client", Denied),
        row("6749 5.2", "too much was asked", "invalid_scope", Denied),
    ],
)
def test_a_refusal_is_told_and_costs_no_key(
    server: Serving, key: Key, code: str, error: type[ClientError]
) -> None:
    server.replies["/token"] = (400, f'{{"error":"{code}"}}'.encode())
    with pytest.raises(error):
        key.refresh()
    assert key.tokens == TOKENS


def test_what_a_refresh_leaves_out_is_as_it_was(server: Serving, key: Key) -> None:
    server.replies["/token"] = (200, GOOD)
    renewed = key.refresh()
    assert renewed.access_token == "another"
    assert renewed.refresh_token == TOKENS.refresh_token
    assert (renewed.sub, renewed.scope) == (TOKENS.sub, TOKENS.scope)


def test_userinfo_about_somebody_else(server: Serving, key: Key) -> None:
    """OpenID Connect Core 5.3.2."""
    server.replies["/userinfo"] = (200, b'{"sub":"noor","name":"Noor"}')
    with pytest.raises(Aborted, match="another user"):
        key.userinfo()
    server.replies["/userinfo"] = (200, b'{"sub":"miko","name":"Miko"}')
    assert key.userinfo()["name"] == "Miko"


CALLS: list[Any] = [
    row("", "connect", lambda key: key.connect(open_browser=_no_browser)),
    row("", "refresh", lambda key: key.refresh()),
    row("", "userinfo", lambda key: key.userinfo()),
    row("", "upgrade", lambda key: key.upgrade({"b"}, open_browser=_no_browser)),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_away_costs_no_key(
    server: Serving, key: Key, call: Callable[[Key], object]
) -> None:
    server.stop()
    with pytest.raises(ServerUnavailable, match="does not answer"):
        call(key)
    assert key.tokens == TOKENS


def test_signing_out_without_the_server_forgets_the_key(server: Serving, key: Key) -> None:
    server.stop()
    with pytest.raises(ServerUnavailable):
        key.revoke()
    assert key.tokens is None


def test_no_secret_is_in_an_error(server: Serving) -> None:
    store = MemoryStore()
    store.save(TOKENS)
    web = App(issuer=server.url, client_id="web", scope=("a",), secret="hush", resource="")
    key = Key(web, store)
    text: list[str] = [repr(web), repr(key), repr(key.tokens)]
    for reply in ((400, b'{"error":"invalid_client"}'), (500, b""), (200, b'{"access_token":1}')):
        server.replies["/token"] = reply
        with pytest.raises(ClientError) as refused:
            key.refresh()
        text += [str(refused.value), repr(refused.value), repr(refused.value.__cause__)]
    secrets = (TOKENS.access_token, TOKENS.refresh_token, "hush")
    assert not [one for one in text for secret in secrets if secret in one]
    key.close()


def test_a_client_of_the_apps_own(server: Serving) -> None:
    """Even one that would follow redirects does not carry a secret elsewhere."""
    store = MemoryStore()
    store.save(TOKENS)
    server.replies["/token"] = (307, b"")
    with httpx2.Client(follow_redirects=True) as http:
        key = Key(App(issuer=server.url, client_id="stefapp", scope=("a",)), store, http=http)
        with pytest.raises(ServerUnavailable):
            key.refresh()
    assert "/elsewhere" not in server.paths()
