"""The path of an issuer: taken off requests, put before what pages write."""

import pytest
from tests.rows import row

from valetkey.server.http.base_path import inner_path, on_base, outer_paths
from valetkey.server.http.cookies import Cookies
from valetkey.server.http.reply import Reply, see_other

BASE = "/oauth"


@pytest.mark.parametrize(
    "path, base, outer",
    [
        row("", "no base", "/token", "", ("/token",)),
        row("", "no base, well-known", "/.well-known/x", "", ("/.well-known/x",)),
        row("", "below", "/token", BASE, ("/oauth/token",)),
        row(
            "RFC 8414 3.1",
            "well-known",
            "/.well-known/x",
            BASE,
            ("/oauth/.well-known/x", "/.well-known/x/oauth"),
        ),
    ],
)
def test_where_a_path_is_reached(path: str, base: str, outer: tuple[str, ...]) -> None:
    assert outer_paths(path, base) == outer
    assert {inner_path(one, base) for one in outer} == {path}


@pytest.mark.parametrize(
    "path, inner",
    [
        ("/oauth", "/"),
        ("/oauth/", "/"),
        ("/oauth/apps/1", "/apps/1"),
        ("/oauth/oauth/apps", "/oauth/apps"),
        ("/apps", None),
        ("/", None),
        ("/oauthx/token", None),
        ("/OAUTH/token", None),
        ("/x/oauth/token", None),
        ("/.well-known/x", None),
        ("/.well-known/xoauth", None),
        ("/.well-known/x/oauth/more", None),
    ],
)
def test_what_is_below_the_base(path: str, inner: str | None) -> None:
    assert inner_path(path, BASE) == inner


@pytest.mark.parametrize(
    "location, there",
    [
        ("/apps?x=/apps", "/oauth/apps?x=/apps"),
        ("https://web.example/callback?code=1", "https://web.example/callback?code=1"),
        ("com.example.app:/callback", "com.example.app:/callback"),
        ("//other.example/", "//other.example/"),
    ],
)
def test_redirects(location: str, there: str) -> None:
    reply = on_base(see_other(location), BASE)
    assert dict(reply.headers)[b"location"] == there.encode()


def test_a_refresh_goes_below_the_base() -> None:
    def refreshed(url: str) -> bytes:
        reply = Reply(200, ((b"refresh", f"5;url={url}".encode()),))
        return dict(on_base(reply, BASE).headers)[b"refresh"]

    assert refreshed("/signed-out") == b"5;url=/oauth/signed-out"
    assert refreshed("https://web.example/?url=/x") == b"5;url=https://web.example/?url=/x"


HTML = (
    '<a href="/apps">a</a><form class="x" action="/sign-in"><img src="/logo?of=a"><a href="#id">'
    '<a href="https://web.example/"><a href="//other.example/"><input value="/apps">'
    "<p> href=&#34;/apps&#34;</p>"
)
BASED = (
    '<a href="/oauth/apps">a</a><form class="x" action="/oauth/sign-in">'
    '<img src="/oauth/logo?of=a"><a href="#id">'
    '<a href="https://web.example/"><a href="//other.example/"><input value="/apps">'
    "<p> href=&#34;/apps&#34;</p>"
)


def test_links_of_a_page() -> None:
    """What users typed stays as it is."""
    html = (b"content-type", b"text/html; charset=utf-8")
    assert on_base(Reply(200, (html,), HTML.encode()), BASE).body == BASED.encode()
    assert on_base(Reply(200, (html,), HTML.encode()), "").body == HTML.encode()
    json = (b"content-type", b"application/json")
    assert on_base(Reply(200, (json,), HTML.encode()), BASE).body == HTML.encode()


def test_cookies_of_two_issuers_on_one_host_do_not_clash() -> None:
    def names(issuer: str) -> set[str]:
        cookies = Cookies(issuer)
        return {cookies.browser, cookies.session, cookies.state, cookies.known}

    plain = {f"__Host-vk_{one}" for one in ("browser", "session", "state", "known")}
    assert names("https://chirp.example") == plain
    one, other = names("https://chirp.example/oauth"), names("https://chirp.example/other")
    assert len(plain | one | other) == 12
    assert all(name.startswith("__Host-vk_") for name in one | other)
