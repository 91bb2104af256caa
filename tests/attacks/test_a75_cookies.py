"""A75: cookie theft.

Attack: A script, a plain http request or a sibling site reads or sets a session cookie.
Defense: Cookies are `__Host-`, `Secure`, `HttpOnly` and `SameSite`.

TLS ends in front of the server in these tests: it speaks http, and its issuer is https.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.attacks.play import STEFAPP, every
from tests.browser import forms
from tests.installation import PASSWORDS
from tests.live import Live, live

from valetkey.server.http import cookies
from valetkey.server.model.user import Session

ISSUER = "https://as.example"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server behind a proxy that speaks TLS."""
    folder = tmp_path_factory.mktemp("behind")
    with live(folder, issuer=ISSUER, unthrottled=("127.0.0.0/8",)) as server:
        yield server


class Jar:
    """A browser's cookies, kept by hand, as they came by TLS."""

    def __init__(self, server: Live) -> None:
        self.server = server
        self.kept: dict[str, str] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.page = httpx2.Response(204)

    def get(self, path: str) -> httpx2.Response:
        return self._taken(self.server.http.get(path, headers=self._headers()))

    def send(self, button: str, **fields: str) -> httpx2.Response:
        form = next(one for one in forms(self.page.text) if button in one.buttons)
        name, value = form.buttons[button]
        sent = {**form.fields, **fields, **({name: value} if name else {})}
        headers = {**self._headers(), "origin": ISSUER, "sec-fetch-site": "same-origin"}
        return self._taken(self.server.http.post(form.action, data=sent, headers=headers))

    def _headers(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.kept.items())}

    def _taken(self, answer: httpx2.Response) -> httpx2.Response:
        for header in answer.headers.get_list("set-cookie"):
            first, *rest = header.split("; ")
            name, _, value = first.partition("=")
            attributes = {one.partition("=")[0]: one.partition("=")[2] for one in rest}
            self.seen.append((name, value, attributes))
            self.kept[name] = value
            if attributes.get("Max-Age") == "0":
                del self.kept[name]
        self.page = answer
        return answer


@pytest.fixture(scope="module")
def story(behind: Live) -> Jar:
    """Sign-in for an app, consent, and sign-out."""
    jar = Jar(behind)
    location = jar.get(STEFAPP.path()).headers["location"]
    jar.get(location)
    answer = jar.send("sign-in", username="miko", password="not it")
    assert answer.status_code == 400
    answer = jar.send("sign-in", username="miko", password=PASSWORDS["miko"])
    jar.get(answer.headers["location"])
    assert jar.send("allow").headers["location"].startswith(STEFAPP.redirect_uri)
    jar.get("/sign-out")
    assert jar.send("sign-out").headers["location"] == "/signed-out"
    return jar


def test_there_are_three_and_each_was_set(story: Jar) -> None:
    assert [name for name, _, _ in story.seen] == [
        "__Host-vk_browser",
        "__Host-vk_session",
        "__Host-vk_known",
        "__Host-vk_session",
    ]


def test_each_has_every_attribute_and_no_domain(story: Jar) -> None:
    for name, _, attributes in story.seen:
        assert attributes["Path"] == "/", name
        assert attributes["SameSite"] == "Lax", name
        assert {"Secure", "HttpOnly"} <= set(attributes), name
        assert "Domain" not in attributes, name


def test_the_session_ends_when_it_ends_and_the_browsers_name_with_the_browser(story: Jar) -> None:
    ages = [attributes.get("Max-Age") for _, _, attributes in story.seen]
    session = str(story.server.settings.lifetimes.session)
    assert ages == [None, session, str(cookies.KNOWN_SECONDS), "0"]
    assert story.seen[3][1] == ""


def test_the_cookie_of_a_known_browser_opens_nothing(story: Jar) -> None:
    """And names nobody to whoever reads it."""
    value = story.kept["__Host-vk_known"]
    assert "miko" not in value
    assert story.server.users["miko"].id not in value
    answer = story.server.http.get("/apps", headers={"cookie": f"__Host-vk_known={value}"})
    assert answer.headers["location"].startswith("/sign-in")


def test_the_database_knows_only_a_digest(behind: Live) -> None:
    jar = Jar(behind)
    jar.get("/sign-in")
    jar.send("sign-in", username="noor", password=PASSWORDS["noor"])
    name, _, secret = jar.kept["__Host-vk_session"].partition(".")
    (session,) = [one for one in every(behind, Session) if one.id == name]
    assert secret not in repr(session)
    assert len(session.digest) == 64


def test_a_cookie_without_the_prefix_is_not_ours(behind: Live) -> None:
    jar = Jar(behind)
    jar.get("/sign-in")
    jar.send("sign-in", username="miko", password=PASSWORDS["miko"])
    whole = jar.kept["__Host-vk_session"]
    assert jar.get("/apps").status_code == 200
    for name in ("vk_session", "__Secure-vk_session", "__host-vk_session", "x__Host-vk_session"):
        answer = behind.http.get("/apps", headers={"cookie": f"{name}={whole}"})
        assert answer.status_code == 303, name


def test_our_own_redirects_stay_relative_and_the_apps_say_the_issuer(story: Jar) -> None:
    jar = Jar(story.server)
    location = jar.get("/apps").headers["location"]
    assert not urlsplit(location).netloc
    document = story.server.http.get("/.well-known/openid-configuration").json()
    assert document["issuer"] == ISSUER
    assert document["token_endpoint"] == f"{ISSUER}/token"


SPOOFED = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "http",
    "x-forwarded-prefix": "/evil",
    "forwarded": "host=evil.example;proto=http",
    "x-original-url": "/evil",
    "x-rewrite-url": "/evil",
}


@pytest.mark.parametrize("header", SPOOFED)
def test_no_header_changes_who_we_are(header: str, behind: Live) -> None:
    """A14: the issuer and every address come from the settings."""
    headers = {header: SPOOFED[header]}
    for path in ("/.well-known/openid-configuration", "/sign-in", "/apps", STEFAPP.path()):
        plain, spoofed = behind.http.get(path), behind.http.get(path, headers=headers)
        assert spoofed.status_code == plain.status_code
        assert "evil" not in spoofed.text + str(spoofed.headers)
        for answer in (plain, spoofed):
            for cookie in answer.headers.get_list("set-cookie"):
                assert cookie.startswith("__Host-")
                assert "; Secure" in cookie


def test_on_plain_loopback_the_prefix_and_secure_are_left_out(server: Live) -> None:
    (cookie,) = server.http.get("/sign-in").headers.get_list("set-cookie")
    assert cookie.startswith("vk_browser=")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")
