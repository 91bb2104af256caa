"""A68: cross-site scripting.

Attack: An app's name, a state or a message contains markup.
Defense: Pages show it as text. No part of it becomes a tag or a handler.
"""

from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Dialog
from tests.attacks.conftest import CHROMIUM
from tests.attacks.play import AS_POST, STEFAPP, Tags, asking, change, find, signed_in
from tests.attacks.xss import TEXTS
from tests.browser import Asking, authorize
from tests.installation import PASSWORDS
from tests.live import Live

from valetkey.server.model.client import Client
from valetkey.server.model.user import User

REASONED = (
    "openid",
    "profile",
    "email",
    "offline_access",
    "chirps.read",
    "chirps.write",
    "profile.write",
    "dms.read",
    "dms.send",
)
EVERYTHING = "openid profile email offline_access chirps profile.write dms.send"
ADDRESSES = {"href", "src", "action", "formaction", "data", "srcdoc", "xlink:href", "ping"}


class Stage:
    """A platform on which every word that others choose is the same text."""

    def __init__(self, server: Live) -> None:
        self.server = server
        self.stranger = server.browser()
        self.noor = signed_in(server, "noor")
        self.miko = server.browser()
        authorize(self.miko, STEFAPP)
        self.miko.open("/apps")
        self.grant = next(
            part for part in self.miko.page.text.split('"') if part.startswith("/apps/")
        )

    def says(self, *texts: str) -> None:
        """The app's name and reasons, and the user's own names, become these texts."""
        at = [texts[n % len(texts)] for n in range(len(REASONED) + 2)]
        reasons = dict(zip(REASONED, at, strict=False))
        for name in ("stefapp", "post"):
            change(self.server, find(self.server, Client, name), name=at[0], reasons=reasons)
        for name in ("miko", "noor"):
            user = find(self.server, User, self.server.users[name].id)
            change(self.server, user, username=f"{at[-2]} {name}", claims={"name": at[-1]})

    def asking(self, base: Asking, text: str, **more: str) -> str:
        """The address of a request in which everything free is the text."""
        free = ("state", "login_hint", "ui_locales", "acr_values", "display")
        return asking(base, **{**dict.fromkeys(free, text), **more}).path()

    def pages(self, text: str, *, all_of_them: bool) -> dict[str, httpx2.Response]:
        """The pages on which the text stands."""
        stranger, miko, noor = self.stranger, self.miko, self.noor
        found = {
            "sign-in": stranger.open(self.asking(STEFAPP, text)),
            "consent": noor.open(self.asking(STEFAPP, text, scope=EVERYTHING)),
            "a way back": stranger.open(self.asking(AS_POST, text, prompt="none")),
        }
        if not all_of_them:
            return found
        path = quote(text, safe="")[:3000]
        return found | {
            "consent to more": miko.open(self.asking(STEFAPP, text, scope=EVERYTHING)),
            "sign-in again": (
                stranger.open(STEFAPP.path()),
                stranger.press("sign-in", username=text, password=text),
            )[1],
            "apps": miko.open(f"/apps?done={path}"),
            "an app": miko.open(f"{self.grant}?done={path}"),
            "stop": miko.open(f"{self.grant}/stop"),
            "sign-out": miko.open(f"/sign-out?next={path}"),
            "own sign-in": stranger.open(f"/sign-in?next={path}"),
            "nowhere": stranger.open(f"/{path}"),
            "no app": stranger.open(asking(client_id=text, redirect_uri=text).path()),
            "no scope": stranger.open(asking(AS_POST, scope=text).path()),
            "no type": stranger.open(asking(AS_POST, response_type=text, prompt=text).path()),
            "no request": stranger.open(f"/continue/{path}"),
            "an error by query": stranger.open(
                f"/signed-out?error={path}&error_description={path}&{path}=x"
            ),
        }


@pytest.fixture(scope="module")
def stage(server: Live) -> Stage:
    """Set up once."""
    return Stage(server)


@pytest.fixture(scope="module")
def shapes(stage: Stage) -> dict[str, Any]:
    """What each page is made of when the text is a harmless word."""
    stage.says("word")
    return {name: _shape(page) for name, page in stage.pages("word", all_of_them=True).items()}


def test_there_are_two_hundred() -> None:
    assert len(TEXTS) >= 200


SCRIPTS = ("apps", "passkeys", "password", "work", "zone")
OURS = [("script", {"src": f"/static/{name}.js", "defer": ""}) for name in SCRIPTS]
"""The scripts that a page may load: files of our own."""


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_text_changes_no_page_but_its_words(
    number: int, stage: Stage, shapes: dict[str, Any]
) -> None:
    text = TEXTS[number]
    stage.says(text)
    for name, page in stage.pages(text, all_of_them=number % 8 == 0).items():
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert _shape(page) == shapes[name], name
        for tag, attributes in Tags(page.text).tags:
            if (tag, attributes) in OURS:
                continue
            assert tag not in {"script", "iframe", "object", "embed", "base", "style"}, name
            for attribute, value in attributes.items():
                assert not attribute.startswith("on"), (name, attribute)
                if attribute in ADDRESSES:
                    assert value.startswith(("/", "#", AS_POST.redirect_uri)), (name, value)


def test_what_is_shown_is_the_text_itself(stage: Stage) -> None:
    """So the test above looks where the text truly stands."""
    stage.says("<i>a &amp; b</i>")
    pages = stage.pages("<i>a & b</i>", all_of_them=True)
    for name in ("sign-in", "consent", "consent to more", "apps", "an app", "stop"):
        assert "<i>a &amp; b</i>" in "".join(Tags(pages[name].text).text), name
    # The name in the title, many times in the sentences, and as a reason for each permission.
    assert "".join(Tags(pages["consent"].text).text).count("<i>a &amp; b</i>") > 2 * len(REASONED)
    hint = [have["value"] for _, have in Tags(pages["sign-in"].text).tags if "value" in have]
    assert "<i>a & b</i>" in hint
    again = [have["value"] for _, have in Tags(pages["sign-in again"].text).tags if "value" in have]
    assert "<i>a & b</i>" in again


def test_no_json_is_taken_for_a_page(server: Live) -> None:
    for text in TEXTS[::10]:
        form = {"grant_type": text, "client_id": text, "token": text, "scope": text}
        for path in ("/token", "/par", "/introspect", "/revoke"):
            answer = server.http.post(path, data=form)
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "alert" not in answer.text
            assert "alert" not in str(answer.headers)


def test_a_redirect_keeps_the_text_out_of_its_headers(server: Live) -> None:
    for text in TEXTS:
        parameters = asking(STEFAPP, state=text, prompt="none").parameters()
        location = server.http.get("/authorize", params=parameters).headers["location"]
        assert not set(location) & set("<>\"'` \r\n\t\\")


def _shape(page: httpx2.Response) -> list[tuple[str, tuple[str, ...]]]:
    """The tags in order, with the names of their attributes."""
    return [(tag, tuple(attributes)) for tag, attributes in Tags(page.text).tags]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
def test_no_alert_ever_shows_in_a_browser(stage: Stage, chromium: Chromium) -> None:
    """Without our policy, so that only the escaping stands between the text and the script."""
    context = chromium.new_context(bypass_csp=True)
    page = context.new_page()
    alerts: list[str] = []

    def caught(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", caught)
    with page.expect_event("dialog"):
        page.set_content("<svg onload=alert('caught')>")
    assert alerts == ["caught"]
    alerts.clear()

    stage.says("word")
    page.goto(stage.server.url + asking(STEFAPP, scope=EVERYTHING).path())
    page.fill("#username", "word noor")
    page.fill("#password", PASSWORDS["noor"])
    page.click("#sign-in")
    page.wait_for_selector("#allow")
    stranger = chromium.new_context(bypass_csp=True).new_page()
    stranger.on("dialog", caught)
    step = len(REASONED) + 2
    for start in range(0, len(TEXTS), step):
        texts = TEXTS[start : start + step]
        stage.says(*texts)
        joined = " ".join(texts)
        page.goto(stage.server.url + stage.asking(STEFAPP, joined, scope=EVERYTHING))
        assert page.locator("#allow").count() == 1
        assert page.locator(".reason").count() == len(REASONED)
        _harmless(page.evaluate(LOOK))
        if start % (3 * step) == 0:
            stranger.goto(stage.server.url + stage.asking(STEFAPP, joined))
            assert stranger.locator("#sign-in").count() == 1
            _harmless(stranger.evaluate(LOOK))
            stranger.goto(stage.server.url + stage.asking(AS_POST, joined, prompt="none"))
            _harmless(stranger.evaluate(LOOK))
    assert alerts == []
    stranger.context.close()
    context.close()


LOOK = """() => [...document.querySelectorAll('*')].flatMap(one => [
    /^\\/static\\/(apps|passkeys|password|work|zone)\\.js$/.test(one.getAttribute('src'))
        && !one.text ? 'a script of our own' : one.localName,
    ...[...one.attributes].map(have => have.name.startsWith('on') ? 'a handler' : ''),
    ...['href', 'src', 'action'].map(name =>
        /^\\s*(javascript|data):/i.test(one.getAttribute(name)) ? 'a script' : ''),
])"""
"""Every element's name, as the browser itself understood the page, but for the scripts of our own,
and what must not be there."""


def _harmless(found: list[str]) -> None:
    assert not {"a handler", "a script", "script", "iframe", "object", "embed", "base"} & set(found)
    assert "img" not in found
