"""A88: quadratic parsing.

Attack: A long text makes a parser take minutes.
Defense: Every parser takes time in proportion to the length.

At these sizes, quadratic parsing takes minutes, and linear parsing takes milliseconds. The bound
lies far from both, so a busy machine doesn't cross it.
"""

import contextlib
import ipaddress
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.attacks.play import AS_POST, STEFAPP, asking, call, tokens
from tests.browser import Asking
from tests.installation import SECRETS
from tests.live import Live
from tests.rows import row

from valetkey.cli.logging import without_secrets
from valetkey.jose import base64url, jws
from valetkey.server.http.cookies import Cookies, device
from valetkey.server.http.front import caller
from valetkey.server.http.request import Request
from valetkey.server.model.user import sign_in_name
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.headers import accepted_languages
from valetkey.server.pages.locales import choose
from valetkey.server.pages.own_pages import own_page
from valetkey.spec.errors import OAuthError
from valetkey.wire import bearer, pkce, redirect
from valetkey.wire.form import parse_form

SIZE = 60_000
BOUND = 5.0
"""Seconds of the processor, which other programs do not use up."""

PATIENCE = 30.0
"""Seconds on the clock, over HTTP."""

LONG = [
    "a" * SIZE,
    " " * SIZE,
    "a " * (SIZE // 2),
    "\t\n" * (SIZE // 2),
    "=" * SIZE,
    ";" * SIZE,
    "a=;" * (SIZE // 3),
    '"' * SIZE,
    '\\"' * (SIZE // 2),
    'a="' * (SIZE // 3),
    'a="b", ' * (SIZE // 7),
    "." * SIZE,
    "/" * SIZE,
    "a/" * (SIZE // 2),
    "a." * (SIZE // 2),
    "a-" * (SIZE // 2),
    "," * SIZE,
    "a;q=" * (SIZE // 4),
    "en;q=0.1," * (SIZE // 9),
    "1.2.3.4, " * (SIZE // 9),
    "eyJ" * (SIZE // 3),
    "eyJaaaaaaaa." * (SIZE // 12),
    "vk_" * (SIZE // 3),
    "vk_a" * (SIZE // 4),
    "://a:" * (SIZE // 5),
    "://" + "a" * SIZE,
    "%41" * (SIZE // 3),
    "a&" * (SIZE // 2),
    "[" * SIZE,
    "9" * SIZE,
    "é\u0301" * (SIZE // 2),
    "\u0301" * SIZE,
    "\u1e9e" * SIZE,
    "\u202e" * SIZE,
    "http://127.0.0.1:" + "1" * SIZE,
    "http://127.0.0.1/" + "a" * SIZE,
    "https://" + "a-" * (SIZE // 2),
    "https://a/?" + "a&" * (SIZE // 2),
    "com.example:" + "/" * SIZE,
    "Bearer " + "a" * SIZE,
    "Bearer " + "=" * SIZE,
    "Bearer " + " " * SIZE,
    "Bearer " + "realm" * (SIZE // 5),
    "Bearer " + 'a="\\' * (SIZE // 4),
]


def _refuses(parser: Callable[[str], Any]) -> Callable[[str], None]:
    """The parser, which may refuse in its own words."""

    def run(text: str) -> None:
        with contextlib.suppress(ValueError, OAuthError):
            parser(text)

    return run


def _request(text: str) -> Request:
    raw = text.encode()
    headers = [(b"cookie", raw), (b"user-agent", raw)]
    return Request("GET", "/", headers=headers)


def _caller(text: str) -> str:
    headers = [(b"x-forwarded-for", text.encode())]
    everywhere = [ipaddress.ip_network("0.0.0.0/0")]
    return caller(Request("GET", "/", headers=headers, peer="1.2.3.4"), everywhere)


def _log(text: str) -> None:
    for wrapped in (text, f'{{"path": "/{text}"}}'):
        without_secrets(wrapped)


PARSERS: dict[str, Callable[[str], Any]] = {
    "a form": lambda text: parse_form(text.encode()),
    "a value in a form": lambda text: parse_form(b"a=" + text.encode()),
    "cookies": lambda text: Cookies("http://x").read_browser(_request(text)),
    "a user agent": device,
    "accepted languages": accepted_languages,
    "ui_locales": lambda text: choose(text.split(), default="en"),
    "forwarded addresses": _caller,
    "a bearer header": bearer.read_header,
    "a challenge": bearer.read_challenge,
    "a redirect URI to register": redirect.why_not,
    "a redirect URI to match": lambda text: redirect.matches("http://127.0.0.1/callback", text),
    "a loopback URI": redirect.is_loopback,
    "base64url": base64url.decode,
    "a token's header": jws.read_header,
    "a challenge of PKCE": pkce.is_challenge,
    "a verifier of PKCE": lambda text: pkce.proves(text, "x"),
    "text of an app": lambda text: plain(text, 60),
    "a sign-in name": sign_in_name,
    "where to go after signing in": own_page,
    "a line of the log": _log,
}


@pytest.mark.parametrize("what", PARSERS)
def test_a_parser_is_linear(what: str) -> None:
    parse = _refuses(PARSERS[what])
    for text in LONG:
        began = time.thread_time()
        parse(text)
        assert time.thread_time() - began < BOUND, text[:20]


OVER_HTTP = [
    row("A88", "a scope of 50 KB", "scope", " ".join(f"s{n}" for n in range(8000))),
    row("A88", "one scope ten thousand times", "scope", "openid " * 8000),
    row("A88", "every scope many times", "scope", "openid profile chirps " * 2500),
    row("A88", "ten thousand acr_values", "acr_values", "a " * 10_000),
    row("A88", "a prompt", "prompt", "login " * 10_000),
    row("A88", "locales", "ui_locales", "en-" * 20_000),
    row("A88", "many locales", "ui_locales", "xx " * 20_000),
    row("A88", "a hint", "login_hint", "\u1e9e" * 20_000),
    row("A88", "an age", "max_age", "9" * 60_000),
    row("A88", "a nonce", "nonce", "n" * 60_000),
    row("A88", "a state", "state", "&#" * 10_000),
    row("A88", "a challenge", "code_challenge", "A" * 60_000),
    row("A88", "an address", "redirect_uri", "http://127.0.0.1:1/" + "a" * 60_000),
    row("A88", "a claims parameter", "claims", "[" * 50_000),
    row("A88", "a client", "client_id", "c" * 60_000),
]


@pytest.mark.parametrize("name, value", OVER_HTTP)
def test_an_authorization_request(name: str, value: str, server: Live) -> None:
    for base in (STEFAPP, AS_POST):
        form = asking(base, **{name: value}).parameters()
        began = time.monotonic()
        answer = server.http.post("/authorize", data=form)
        assert answer.status_code < 500
        if answer.is_redirect and answer.headers["location"].startswith("/"):
            assert server.http.get(answer.headers["location"]).status_code < 500
        assert call(server, "/par", form, base).status_code < 500
        assert time.monotonic() - began < PATIENCE


TOKENS = [
    row("A88", "a code", {"grant_type": "authorization_code", "code": "vk_code_" + "A" * 50_000}),
    row("A88", "a verifier", {"grant_type": "authorization_code", "code_verifier": "v" * 50_000}),
    row("A88", "a refresh token", {"grant_type": "refresh_token", "refresh_token": "A" * 60_000}),
    row("A88", "a grant type", {"grant_type": "g" * 60_000}),
    row("A88", "a client", {"grant_type": "refresh_token", "client_id": "c" * 60_000}),
    row("A88", "a token of dots", {"token": "." * 60_000}),
    row("A88", "a token of braces", {"token": "eyJ" * 20_000}),
    row("A88", "a hint", {"token": "x", "token_type_hint": "h" * 60_000}),
]


@pytest.mark.parametrize("form", TOKENS)
def test_a_form_of_a_machine(form: dict[str, str], server: Live) -> None:
    for path in ("/token", "/introspect", "/revoke"):
        for more in ({}, {"client_id": "post", "client_secret": SECRETS["post"]}):
            began = time.monotonic()
            answer = server.http.post(path, data={**more, **form})
            assert answer.status_code < 500
            assert time.monotonic() - began < PATIENCE


def test_a_scope_many_times_over_makes_no_longer_a_token(server: Live) -> None:
    machine = Asking(client_id="machine")
    usual = {"grant_type": "client_credentials", "scope": "chirps"}
    often = {"grant_type": "client_credentials", "scope": "chirps " * 8000}
    one, many = (call(server, "/token", form, machine).json() for form in (usual, often))
    assert many["scope"] == one["scope"]
    assert len(many["access_token"]) == len(one["access_token"])
    mine = tokens(server, asking(scope="openid chirps " * 2000))
    assert mine["scope"].split().count("chirps") == 1


def test_a_sign_in_by_a_name_and_a_password_without_end(server: Live) -> None:
    for name, word, status in (
        ("\u1e9e" * 20_000, "x", 413),
        ("miko", "\u0301" * 20_000, 413),
        ("a\u0301" * 9000, "x", 400),
    ):
        browser = server.browser()
        browser.open("/sign-in")
        began = time.monotonic()
        browser.press("sign-in", username=name, password=word)
        assert browser.page.status_code == status
        assert time.monotonic() - began < PATIENCE


HEADERS = ("accept-language", "user-agent", "cookie", "origin", "content-type", "authorization")


@pytest.mark.parametrize("header", HEADERS)
def test_headers_that_are_as_long_as_they_may_be(header: str, server: Live) -> None:
    for text in LONG:
        value = text.encode()[:15_000].replace(b"\n", b"").replace(b"\t", b"").strip() or b"x"
        began = time.monotonic()
        for path in ("/sign-in", "/userinfo", "/apps"):
            assert server.http.get(path, headers={header.encode(): value}).status_code < 500
        assert time.monotonic() - began < PATIENCE
