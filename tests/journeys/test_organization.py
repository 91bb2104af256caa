"""An organization decides: Noor, who administers it and has no role at the platform, forbids an
app in the console, Miko asks for it on the consent page, Noor allows it, and stops it again."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.attacks.play import STEFAPP, every, redeem
from tests.browser import authorize
from tests.journeys.tab import Window, picture, sign_in
from tests.journeys.test_console import enter
from tests.live import Live, live
from tests.server.pages.console.staff import ON

from valetkey.server.model.change import Create
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import Membership, Organization

pytestmark = pytest.mark.browser

ACME = "/console/organizations/acme"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, name="Chirp", unthrottled=("127.0.0.1",), **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        now = int(time.time())
        rows = [Organization(id="acme", name="Acme", created=now, changed=now)]
        for name, user in server.users.items():
            decides = name == "noor"
            member = Membership(
                organization="acme", user=user.id, administrator=decides, revision=1, created=now
            )
            server.run(server.store.commit((Create(member),)))
        server.run(server.store.commit(tuple(map(Create, rows))))
        yield server


def status(server: Live) -> str:
    """That of Miko's grant to stefApp."""
    miko = server.users["miko"].id
    (grant,) = [one for one in every(server, Grant) if one.user == miko]
    return grant.status if not grant.withheld or grant.permissions else "withheld"


def test_an_organization_decides_for_its_members(
    window: Window, server: Live, chromium: Browser
) -> None:
    tab = window.tab()
    enter(tab, server, heading="Acme")
    picture(tab, "organization-own")
    tab.click("#set-rule")
    tab.fill("#blocked", "stefapp")
    tab.click("#next")
    picture(tab, "organization-own-effect")
    tab.click("#save")
    expect(tab.get_by_role("status")).to_contain_text("The rule counts for every member now.")
    assert status(server) == "withheld"

    other = Window(chromium)
    miko = other.tab()
    miko.goto(f"{server.issuer}{STEFAPP.path()}")
    sign_in(miko)
    expect(miko.locator("#not-allowed")).to_contain_text("allow this app")
    miko.click("#ask")
    expect(miko.locator("main")).to_contain_text("We told your organization")

    tab.reload()
    row = tab.locator("tr[data-request=stefapp]")
    expect(row).to_contain_text("miko", ignore_case=True)
    row.locator("a.allow").click()
    tab.fill("#reason", "Checked: it only posts.")
    tab.click("#confirm")
    assert status(server) == "active"
    miko.goto(f"{server.issuer}/activity")
    expect(miko.locator("main")).to_contain_text("Checked: it only posts.")

    tab.locator(f"tr[data-user='{server.users['miko'].id}'] th a").click()
    expect(tab.locator("tr[data-client-id=stefapp]")).to_contain_text("Post chirps")
    picture(tab, "organization-member")
    tab.locator("tr[data-client-id=stefapp] a.stop").click()
    tab.fill("#reason", "The laptop was stolen.")
    tab.click("#confirm")
    expect(tab.get_by_role("status")).to_contain_text("Access removed.")
    assert status(server) == "stopped"
    miko.goto(f"{server.issuer}/activity")
    expect(miko.locator("main")).to_contain_text("The laptop was stolen.")
    other.context.close()
    assert other.errors == []
