"""A case from its beginning to its end: support stops what Miko did not want, Miko reads why, the
auditor finds both acts, and a script of an administrator ends where it does too much."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, Response, expect
from tests.attacks.play import STEFAPP, redeem
from tests.browser import authorize
from tests.installation import PASSWORDS
from tests.journeys.tab import Window, picture, sign_in
from tests.journeys.test_console import enter
from tests.live import Live, caught_up, live
from tests.server.admin.play import ALL, Administrator, call_of, list_app, person
from tests.server.pages.console.staff import ON, bind

from valetkey.server.admin.table import OPERATIONS
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env

pytestmark = pytest.mark.browser

WHY = "You asked us to stop the posts."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path, name="Chirp", unthrottled=("127.0.0.1",), **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        yield server


def hire(server: Live, username: str) -> None:
    """One more person, with noor's password."""
    env = Env(int(time.time()), lambda count: username.encode().ljust(count, b"."))
    fields = {"id": ids.user_id(env), "username": username, "email": f"{username}@example.org"}
    user = replace(server.users["noor"], **fields, version=0)
    server.run(server.store.commit((Create(user),)))
    server.users[username] = user


def press(tab: Page, button: str = "#confirm") -> str:
    """Presses the button of a form; the id of the request that it was."""

    def posted(answer: Response) -> bool:
        return answer.request.method == "POST"

    with tab.expect_response(posted) as answer:
        tab.click(button)
    return str(answer.value.header_value("request-id"))


def support_stops_the_posts(tab: Page, server: Live) -> tuple[str, str]:
    """The requests in which support looked at Miko's account, and stopped the posts."""
    enter(tab, server)
    tab.get_by_role("link", name="Users", exact=True).click()
    tab.select_option("#by", "email")
    tab.fill("#search", server.users["miko"].email)
    tab.keyboard.press("Enter")
    tab.get_by_role("row").nth(1).get_by_role("link").click()
    tab.fill("#reason", "Ticket 7: posts that Miko did not write")
    looked = press(tab)
    app = tab.locator("article[data-client-id=stefapp]")
    for words in ("Post chirps in your name", "Read your timeline"):
        expect(app).to_contain_text(words)
    expect(tab.locator("main")).to_contain_text("App signed in")
    tab.locator("[data-permission='chirps.write']").click()
    tab.fill("#reason", WHY)
    stopped = press(tab)
    expect(tab.get_by_role("status")).to_contain_text("Stopped. The user sees your reason.")
    return looked, stopped


def find_by_request(tab: Page, request: str, *operations: str) -> None:
    """The auditor searches, and finds these acts and nothing else."""
    tab.get_by_role("link", name="Audit", exact=True).click()
    tab.fill("#request", request)
    tab.keyboard.press("Enter")
    rows = tab.locator("table.grid tbody tr")
    expect(rows).to_have_count(len(operations))
    for operation in operations:
        expect(rows.filter(has_text=operation)).not_to_have_count(0)


def exported(tab: Page) -> list[dict[str, object]]:
    with tab.expect_download() as download:
        tab.click("#export")
    text = download.value.path().read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_case_from_support_to_the_auditor(
    window: Window, server: Live, chromium: Browser
) -> None:
    bind(server, "noor", "support")
    looked, stopped = support_stops_the_posts(window.tab(), server)
    assert looked != stopped

    miko = Window(chromium)
    own = miko.tab()
    own.goto(f"{server.issuer}/activity")
    sign_in(own)
    expect(own.locator("main")).to_contain_text(WHY)
    miko.context.close()
    assert miko.errors == []

    hire(server, "ada")
    bind(server, "ada", "auditor")
    auditor = Window(chromium)
    tab = auditor.tab()
    enter(tab, server, username="ada", password=PASSWORDS["noor"])
    find_by_request(tab, looked, "users.open-case", "support-opened")
    find_by_request(tab, stopped, "grants.narrow", "downgraded")
    picture(tab, "console-audit-request")
    events = exported(tab)
    assert [one["metadata"]["correlation_uid"] for one in events] == [stopped] * 2  # type: ignore[index]
    assert server.users["noor"].id in json.dumps(events)
    row = tab.locator("table.grid tbody tr").filter(has_text="grants.narrow")
    row.locator("th a").click()
    main = tab.locator("main")
    for words in (server.users["noor"].id, stopped, "chirps.write"):
        expect(main).to_contain_text(words)
    picture(tab, "console-audit-record")
    # The auditor reads, and does nothing.
    for path in ("keys/rotate", "apps/stefapp/suspend"):
        tab.goto(f"{server.issuer}/console/{path}")
        expect(tab.locator("h1#error")).to_be_visible()
    auditor.context.close()
    assert auditor.errors == []


def refused_elsewhere(script: Administrator, server: Live) -> None:
    """Every operation that wants more than `users.read` refuses the script."""
    names = {"user": server.users["miko"].id, "app": "stefapp"}
    others = [one for one in OPERATIONS if one.permission not in ("", "users.read")]
    assert len(others) > 60
    for one in others:
        method, path, body = call_of(one, **names)
        answer = script.call(method, path, body, if_match="*")
        assert answer.status_code == 403, (one.name, answer.text)
        assert answer.json()["permission"] == one.permission


def test_a_script_ends_in_connected_apps(tab: Page, server: Live) -> None:
    """Noor is an owner, and gave a script `users.read` alone."""
    bind(server, "noor", "owner")
    list_app(server, "web", *ALL)
    caught_up()
    script = person(server, "noor", "users.read")
    assert {one["username"] for one in script.get("/users")["items"]} == {"miko", "noor"}
    refused_elsewhere(script, server)

    tab.goto(f"{server.issuer}/apps")
    sign_in(tab, username="noor")
    tab.locator("article[data-client-id=web] a.details").click()
    picture(tab, "app-of-a-script")
    tab.click("#stop")
    expect(tab.locator("h1")).to_contain_text("Remove access")
    tab.click("#stop")
    tab.wait_for_url("**/apps?*")
    stopped = time.monotonic()
    while script.call("GET", "/users").status_code == 200:
        assert time.monotonic() - stopped < 1
        time.sleep(0.02)
    assert script.call("GET", "/users").status_code == 401
