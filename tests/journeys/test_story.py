"""The whole story in Chromium, as a person lives it: sign in, decide, use, change, stop."""

import os

import pytest
from playwright.sync_api import Page, expect
from tests.installation import SECRETS
from tests.journeys.api import hear
from tests.journeys.stefapp import StefApp
from tests.journeys.tab import boxes, open_app, picture, sign_in
from tests.live import Live

from valetkey.client import KeyStopped

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def open_stefapp(tab: Page, server: Live) -> None:
    """To stefApp's page, by way of the connected apps."""
    tab.goto(f"{server.url}/apps")
    open_app(tab)
    expect(tab.get_by_role("heading", level=1)).to_have_text("stefApp")


def is_active(server: Live, token: str) -> bool:
    """What the API is told of a token."""
    reply = server.http.post("/introspect", data={"token": token}, auth=("chirp", SECRETS["chirp"]))
    active: bool = reply.json()["active"]
    return active


CALLS = {
    "chirps.read": ("GET", "/chirps"),
    "chirps.write": ("POST", "/chirps"),
    "profile.write": ("PUT", "/profile"),
    "dms.read": ("GET", "/messages"),
    "dms.send": ("POST", "/messages"),
}
"""A call for each permission."""


def opens(stefapp: StefApp) -> list[str]:
    """What the key opens, tried one after the other; each refusal names what it lacks."""
    lacks = {one: stefapp.lacks(*call) for one, call in CALLS.items()}
    assert all(missing <= {one} for one, missing in lacks.items())
    return [one for one, missing in lacks.items() if not missing]


def test_the_story(tab: Page, server: Live, stefapp: StefApp) -> None:
    miko = server.users["miko"].id

    # Miko signs in, at the second try.
    waiting = stefapp.connect()
    tab.goto(waiting.address)
    picture(tab, "1-sign-in")
    sign_in(tab, password="a wrong one")
    expect(tab.get_by_role("alert")).to_be_visible()
    picture(tab, "2-sign-in-refused")
    expect(tab.locator("#username")).to_have_value("miko")
    expect(tab.locator("#password")).to_have_value("")
    sign_in(tab)

    # She sees what stefApp can and cannot do, keeps one permission to herself, and agrees.
    expect(tab.get_by_role("heading", level=1)).to_contain_text("stefApp wants access")
    assert boxes(tab) == dict.fromkeys(
        ("profile", "offline_access", "chirps.write", "profile.write"), True
    )
    picture(tab, "3-consent")
    tab.uncheck("input[value='profile.write']")
    tab.click("#allow")
    expect(tab.get_by_role("heading", level=1)).to_have_text("You\u2019re connected")
    picture(tab, "4-back-at-the-app")
    tokens = waiting.result()
    assert tokens.sub == miko
    assert tokens.missing == {"profile.write"}
    assert os.stat(stefapp.file).st_mode & 0o777 == 0o600

    # The key opens what she said, and nothing else.
    assert opens(stefapp) == ["chirps.read", "chirps.write"]
    assert stefapp.call("POST", "/chirps") == miko
    assert stefapp.key.refresh().access_token != tokens.tokens.access_token
    assert stefapp.call("POST", "/chirps") == miko

    # She takes one permission away: it is gone at the next call, the others go on.
    tab.goto(f"{server.url}/apps")
    picture(tab, "5-connected-apps")
    open_stefapp(tab, server)
    picture(tab, "6-connected-app")
    # The page's script may have sent the first click, and taken the box away, before the second.
    tab.click("input[name=permission][value='chirps.write']")
    with tab.expect_navigation():
        tab.click("#save")
    expect(tab.get_by_role("status")).to_contain_text("Saved")
    assert "chirps.write" not in boxes(tab)
    picture(tab, "7-saved")
    hear()
    assert opens(stefapp) == ["chirps.read"]

    # stefApp asks for more: only what is new is asked.
    waiting = stefapp.ask_for("dms.send")
    tab.goto(waiting.address)
    expect(tab.get_by_role("heading", level=1)).to_contain_text("stefApp wants more access")
    # Both are sensitive, so neither is ticked for her.
    assert boxes(tab) == dict.fromkeys(["dms.read", "dms.send"], False)
    tab.check("input[value='dms.send']")
    picture(tab, "8-more")
    tab.click("#allow")
    expect(tab.get_by_role("heading", level=1)).to_have_text("You\u2019re connected")
    assert "dms.send" in waiting.result().granted
    assert opens(stefapp) == ["chirps.read", "dms.read", "dms.send"]

    # She pauses it, and lets it go on.
    open_stefapp(tab, server)
    tab.click("#pause")
    expect(tab.get_by_role("status")).to_contain_text("Paused")
    assert tab.locator(".history b").all_text_contents() == [
        "Paused",
        "Device disconnected",
        "Permissions added",
        "Permissions removed",
        "Signed in",
        "You connected stefApp",
    ]
    assert "2 times that day" in (tab.locator(".history").text_content() or "")
    picture(tab, "9-paused")
    hear()
    with pytest.raises(KeyStopped):
        opens(stefapp)
    tab.click("#resume")
    expect(tab.get_by_role("status")).to_contain_text("has access again")
    hear()
    assert opens(stefapp) == ["chirps.read", "dms.read", "dms.send"]

    # She stops it: API, refresh and introspection refuse at once.
    held = stefapp.key.tokens
    assert held
    assert is_active(server, held.access_token)
    tab.click("#stop")
    tab.wait_for_url("**/stop")
    picture(tab, "10-stop")
    tab.click("#stop")
    expect(tab.get_by_role("status")).to_contain_text("stefApp no longer has access")
    expect(tab.locator("article")).to_have_count(0)
    picture(tab, "11-stopped")
    hear()
    with pytest.raises(KeyStopped):
        stefapp.call("GET", "/chirps")
    with pytest.raises(KeyStopped):
        stefapp.key.refresh()
    assert not is_active(server, held.access_token)

    # She signs out.
    tab.get_by_role("link", name="Sign out").click()
    tab.wait_for_url("**/sign-out")
    picture(tab, "12-sign-out")
    tab.click("#sign-out")
    tab.wait_for_url("**/signed-out")
    picture(tab, "13-signed-out")
    tab.goto(f"{server.url}/apps")
    expect(tab.locator("#username")).to_be_visible()
