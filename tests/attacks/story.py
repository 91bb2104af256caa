"""A whole story with all its slips, and every secret that was heard in it."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import httpx2
from tests.attacks.play import (
    AS_POST,
    AS_WEB,
    STEFAPP,
    asking,
    call,
    change,
    claims,
    find,
    redeem,
    refresh,
    userinfo,
)
from tests.browser import Asking, Browser
from tests.installation import PASSWORDS, SECRETS
from tests.live import Live

from valetkey.jose import base64url
from valetkey.server.model.grant import TokenFamily

MISTYPED = "a passphrase that was mistyped"
LARGE = Asking(nonce="\U0001f511" * 500)
MACHINE = Asking(client_id="machine")


class Ears:
    """Hears every secret that goes by in an answer."""

    def __init__(self, server: Live) -> None:
        self.secrets: set[str] = {MISTYPED, *PASSWORDS.values(), *SECRETS.values()}
        self.secrets |= {STEFAPP.verifier, base64url.encode(server.master_key)}
        server.http.event_hooks = {"response": [self._heard]}
        self._server = server

    def browser(self) -> Browser:
        """A browser that is listened to."""
        browser = self._server.browser()
        browser.http.event_hooks = {"response": [self._heard]}
        return browser

    def _heard(self, answer: httpx2.Response) -> None:
        answer.read()
        for header in answer.headers.get_list("set-cookie"):
            value = header.partition("=")[2].partition(";")[0]
            self.secrets |= {value, value.partition(".")[2]}
        query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        self.secrets |= set(query.get("code", []))
        self.secrets |= set(re.findall(r'name="csrf" value="([^"]+)"', answer.text))
        if answer.headers.get("content-type") == "application/json":
            found = json.loads(answer.content)
            names = ("access_token", "refresh_token", "id_token")
            self.secrets |= {found[name] for name in names if name in found}
        self.secrets.discard("")


def play(server: Live) -> frozenset[str]:
    """Plays it. Every secret that was issued, typed or sent."""
    ears = Ears(server)
    browser = ears.browser()
    _people(server, browser)
    _machines(server, browser)
    _slips(server, browser)
    _connected_apps(browser)
    browser.open("/sign-out")
    browser.press("sign-out")
    kinds = ("vk_code_", "vk_rt_", "eyJ", "vk_cs_")
    assert all(any(one.startswith(kind) for one in ears.secrets) for kind in kinds)
    assert len(ears.secrets) > 50
    return frozenset(ears.secrets)


def _people(server: Live, browser: Browser) -> None:
    browser.open(STEFAPP.path())
    browser.press("sign-in", username="miko", password=MISTYPED)
    browser.press("sign-in", username=PASSWORDS["miko"], password="miko")
    browser.press("sign-in", username="miko", password="")
    browser.sign_in()
    browser.press("allow")
    first = redeem(server, browser.answer()["code"]).json()
    second = refresh(server, first["refresh_token"]).json()
    refresh(server, first["refresh_token"])
    family = find(server, TokenFamily, claims(first["access_token"])["family_id"])
    change(server, family, rotated=family.rotated - 3600)
    refresh(server, first["refresh_token"])
    refresh(server, second["refresh_token"])
    userinfo(server, second["access_token"])


def _code(browser: Browser, base: Asking) -> str:
    browser.open(base.path())
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    return browser.answer()["code"]


def _machines(server: Live, browser: Browser) -> None:
    for base in (AS_WEB, AS_POST, LARGE):
        code = _code(browser, base)
        redeem(server, code, base, code_verifier="v" * 43)
        code = _code(browser, base)
        mine = redeem(server, code, base).json()
        redeem(server, code, base)
        for token in (mine["access_token"], mine.get("refresh_token", "x"), mine["id_token"]):
            server.http.post("/introspect", data={"token": token}, auth=("chirp", SECRETS["chirp"]))
            call(server, "/revoke", {"token": token}, base)
    pushed = call(server, "/par", AS_POST.parameters(), AS_POST).json()["request_uri"]
    browser.open(f"/authorize?client_id=post&request_uri={pushed}")
    mine = call(server, "/token", {"grant_type": "client_credentials"}, MACHINE).json()
    call(server, "/revoke", {"token": mine["access_token"]}, MACHINE)


def _slips(server: Live, browser: Browser) -> None:
    """Secrets where they do not belong."""
    code, secret = _code(browser, STEFAPP), SECRETS["web"]
    stray = {"client_secret": secret, "password": PASSWORDS["miko"], "code_verifier": "v" * 43}
    browser.open(asking(STEFAPP, **stray, prompt="consent").path())
    call(server, "/par", asking(STEFAPP, **stray).parameters(), STEFAPP)
    for path in ("/token", "/par", "/introspect", "/revoke", "/userinfo", "/nowhere"):
        server.http.post(f"{path}?client_secret={secret}", data={"code": code})
        server.http.post(path, json={"client_secret": secret, "code": code})
        server.http.post(path, data={"client_id": "web", "client_secret": secret, "code": code})
        server.http.post(path, content=f"{secret}&{secret}&%zz", headers=_FORM)
        server.http.get(path, headers={"authorization": f"Bearer {code}"})
        server.http.get(path, headers={"authorization": f"Basic {secret}"})
        server.http.get(path, headers={"cookie": f"vk_session={code}"})
        server.http.get(f"{path}?access_token={code}")
    for name in ("web", "post", "chirp", "machine"):
        wrong = SECRETS["photos"]
        form = {"grant_type": "client_credentials", "token": "x"}
        for path in ("/token", "/introspect"):
            server.http.post(path, data=form, auth=(name, wrong))
            server.http.post(path, data={**form, "client_id": name, "client_secret": wrong})
    server.http.post("/token", data={"grant_type": secret, "scope": code, "client_id": secret})
    server.http.post("/token", data={"grant_type": PASSWORDS["miko"], "username": "miko"})
    server.http.post("/token", data={"x": code * 500})
    redeem(server, code[:-1])
    redeem(server, code, code_verifier=STEFAPP.verifier[:-1])
    refresh(server, code)


def _connected_apps(browser: Browser) -> None:
    browser.open("/apps")
    links = {part for part in browser.page.text.split('"') if part.startswith("/apps/")}
    for link in links:
        for button in ("save", "pause", "resume", "stop"):
            browser.open(link)
            browser.press(button)
        browser.press("stop")


_FORM = {"content-type": "application/x-www-form-urlencoded"}
