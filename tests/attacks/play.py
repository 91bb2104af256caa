"""What an attacker does over and over: get a code, get tokens, look at what they are worth."""

import base64
import contextlib
import json
import os
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
from tests.browser import Asking, Browser, authorize
from tests.installation import SECRETS, WEB
from tests.live import Live

from valetkey.server.model.change import Stale, Update
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import Many, One
from valetkey.server.model.record import Record
from valetkey.server.oauth.admin.apply_plan import DesiredRecord, Plan, plan
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.features import FEATURES
from valetkey.server.store.settle import ask, settle

R = TypeVar("R", bound=Record)

STEFAPP: Final = Asking()
"""A public native app."""

AS_WEB: Final = Asking(
    client_id="web", redirect_uri=WEB, scope="openid profile email offline_access chirps"
)
"""A confidential client; PKCE is its own choice."""

AS_POST: Final = Asking(
    client_id="post", redirect_uri="https://post.example/callback", scope="openid chirps.read"
)
"""A confidential client that nobody has verified."""

AS_SPA: Final = Asking(
    client_id="spa", redirect_uri="https://spa.example/callback", scope="openid chirps.read"
)
"""A public client on the web."""

REDIRECT_URIS: Final = {
    "stefapp": ("http://127.0.0.1", "com.example.stefapp:/callback"),
    "web": ("https://web.example/callback", "https://web.example/other?x=1"),
    "post": ("https://post.example/callback",),
    "spa": ("https://spa.example/callback",),
}
"""How the address of every redirect to a client begins."""


def asking(base: Asking = STEFAPP, **more: str) -> Asking:
    """The request with parameters added or, where "", left out."""
    return msgspec.structs.replace(base, more={**base.more, **more})


def call(server: Live, path: str, form: Mapping[str, str], by: Asking = STEFAPP) -> httpx2.Response:
    """A client posts a form, authenticated as it is registered."""
    name = by.client_id
    secret = SECRETS.get(name, "")
    if name == "post":
        form = {**form, "client_secret": secret}
    if name in {"web", "machine", "till", "agent", "printer"}:
        return server.http.post(path, data={**form}, auth=(name, secret))
    return server.http.post(path, data={**form, "client_id": name})


def redeem(server: Live, code: str, by: Asking = STEFAPP, **changed: str) -> httpx2.Response:
    """The client redeems a code, with fields changed or, where "", left out."""
    form = {**by.redemption(code), **changed}
    return call(server, "/token", {name: value for name, value in form.items() if value}, by)


def refresh(server: Live, token: str, by: Asking = STEFAPP, **more: str) -> httpx2.Response:
    """The client refreshes."""
    form = {"grant_type": "refresh_token", "refresh_token": token, **more}
    return call(server, "/token", form, by)


def tokens(server: Live, by: Asking = STEFAPP, *, username: str = "miko") -> dict[str, Any]:
    """The token response of a whole sign-in."""
    answer = redeem(server, authorize(server.browser(), by, username=username), by)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def introspected(server: Live, token: str, *, by: str = "chirp") -> dict[str, Any]:
    """What a resource server is told of a token."""
    answer = server.http.post("/introspect", data={"token": token}, auth=(by, SECRETS[by]))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def userinfo(server: Live, token: str) -> httpx2.Response:
    """The UserInfo endpoint, asked with a token."""
    return server.http.get("/userinfo", headers={"authorization": f"Bearer {token}"})


def claims(token: str) -> dict[str, Any]:
    """What a JWT says, unproved."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def sent_back(response: httpx2.Response) -> dict[str, str]:
    """The parameters with which a browser is sent to the app; each stands once."""
    assert response.status_code == 303, response.text
    query = urlsplit(response.headers["location"]).query
    found = parse_qs(query, strict_parsing=True, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values()), query
    return {name: values[0] for name, values in found.items()}


def stayed(response: httpx2.Response) -> None:
    """Nobody was sent anywhere: an error page, or an error as JSON."""
    assert 400 <= response.status_code < 500, response.status_code
    assert "location" not in response.headers
    assert "refresh" not in response.headers


def signed_in(server: Live, username: str = "miko") -> Browser:
    """A browser in which the user is signed in."""
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in(username)
    assert browser.page.status_code == 200, browser.page.text
    return browser


def find(server: Live, kind: type[R], key: str) -> R:
    """A record."""
    wanted = One(kind, key)
    found: R | None = server.run(server.store.read(wanted)).one(wanted)
    assert found is not None, key
    return found


def every(server: Live, kind: type[R]) -> tuple[R, ...]:
    """All records of a kind."""
    wanted = Many(kind)
    found: tuple[R, ...] = server.run(server.store.read(wanted)).many(wanted)
    return found


def change(server: Live, record: Record, **fields: Any) -> None:
    """Changes a record as an administrator would, or as time does."""
    server.run(server.store.commit((Update(msgspec.structs.replace(record, **fields)),)))


def expire(server: Live, kind: type[R]) -> None:
    """Ends all records of a kind, as time does."""

    async def work() -> None:
        everything: Many[Any] = Many(kind)
        for one in (await server.store.read(everything)).many(everything):
            with contextlib.suppress(Stale):  # The sweep took it meanwhile.
                ended = msgspec.structs.replace(one, expires=one.since)
                await server.store.commit((Update(ended),))

    server.run(work())


def cookie(browser: Browser, name: str = "vk_session") -> str:
    """The value of a cookie, "" where the browser has none."""
    return browser.http.cookies.get(name) or ""


class Tags(HTMLParser):
    """Every start tag of a page with its attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def every_page(server: Live) -> dict[str, httpx2.Response]:
    """Every kind of page that people see, by a name for it."""
    fresh, miko = server.browser(), server.browser()
    pages = {
        "sign-in": fresh.open("/sign-in"),
        "sign-in again": fresh.press("sign-in", username="miko", password="not it"),
        "sign-in for an app": fresh.open(STEFAPP.path()),
        "sign-in for an app again": fresh.press("sign-in", username="miko", password="not it"),
        "signed out": fresh.open("/signed-out"),
        "nothing there": fresh.open("/nowhere"),
        "unknown app": fresh.open(asking(client_id="nobody").path()),
        "wrong address": fresh.open(asking(redirect_uri="https://evil.example/").path()),
        "back to an app that nobody vouches for": fresh.open(asking(AS_POST, prompt="none").path()),
        "forged form": fresh.http.post("/sign-in", data={"username": "miko", "password": "x"}),
        "consent": (miko.open(STEFAPP.path()), miko.sign_in())[1],
    }
    authorize(miko, STEFAPP)
    listed = miko.open("/apps")
    (grant,) = {
        attributes["href"]
        for tag, attributes in Tags(listed.text).tags
        if tag == "a" and attributes.get("href", "").startswith("/apps/")
    }
    return pages | {
        "connected apps": listed,
        "connected app": miko.open(grant),
        "stop": miko.open(f"{grant}/stop"),
        "limits": miko.open(f"{grant}/limits"),
        "unused": miko.open("/unused"),
        "approvals": miko.open("/approvals"),
        "no such approval": miko.open(f"/approvals/{'0' * 26}"),
        "a device's code": miko.open("/device"),
        "a wrong code of a device": miko.press("continue", user_code="WDJB-MJHT"),
        "as whom": miko.open(asking(AS_WEB, prompt="select_account").path()),
        "sign-up": fresh.open("/sign-up"),
        "sign-out": miko.open("/sign-out"),
    }


def planned(server: Live, *wishes: DesiredRecord) -> Plan:
    """What an administrator's wishes come to; nothing is written."""
    found: Plan = server.run(ask(server.store, plan(wishes, desk(server))))
    return found


def applied(server: Live, *wishes: DesiredRecord) -> None:
    """Does what an administrator wishes."""
    made = server.run(settle(server.store, lambda: plan(wishes, desk(server))))
    assert not made.mistakes, made.mistakes


def desk(server: Live) -> Context:
    """What an administrator's rules rely on."""
    at = Installation(
        issuer=server.issuer,
        lifetimes=server.settings.lifetimes,
        keyring=Keyring({}, (), (), ()),
        offer=Offer(server.issuer),
        features=FEATURES,
    )
    return Context(at, Env(int(time.time()), os.urandom))
