"""The hand-off: a platform signs its users in at its own page."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks.play import AS_WEB, asking, claims, redeem, sent_back
from tests.handoff import Platform, begin, handing_off, handle_of
from tests.live import Live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with handing_off(tmp_path_factory.mktemp("handoff")) as server:
        yield server


@pytest.fixture
def platform(server: Live) -> Platform:
    return Platform(server)


def id_token(server: Live, code: str) -> dict[str, Any]:
    return claims(redeem(server, code, AS_WEB).json()["id_token"])


def test_a_user_signs_in_at_the_platform(server: Live, platform: Platform) -> None:
    browser, handle = begin(server, asking(AS_WEB, login_hint="miko", ui_locales="de"))
    asked = platform.read(handle)
    assert asked.pop("expires") > asked.pop("created")
    assert asked == {
        "interaction": handle,
        "page": "authorization",
        "client": {"client_id": "web", "name": "Web app", "verified": True},
        "prompt": [],
        "acr_values": [],
        "login_hint": "miko",
        "ui_locales": "de",
    }
    when = int(time.time()) - 600
    person = {"name": "Miko at the platform", "email": "m@platform.example"}
    back = platform.accepted(handle, "u-17", auth_time=str(when), claims=person, sid="s-17")
    assert back.startswith(f"{server.issuer}/interaction/return?answer=")
    page = browser.open(back)
    assert "Miko at the platform" in page.text
    browser.press("allow")
    told = id_token(server, browser.answer()["code"])
    assert (told["auth_time"], told["amr"]) == (when, ["pwd"])
    # From now on the browser is signed in: no hop.
    assert "code" in sent_back(browser.open(AS_WEB.path()))


def test_an_account_page(server: Live, platform: Platform) -> None:
    browser = server.browser()
    handle = handle_of(browser.open("/apps"))
    asked = platform.read(handle)
    assert (asked["page"], "client" in asked) == ("account", False)
    page = browser.open(platform.accepted(handle, "u-18", claims={"name": "Own pages"}))
    assert (page.status_code, page.request.url.path) == (200, "/apps")
    assert "Own pages" in page.text
