"""Connected apps in a browser without script: the list, the unused, the export, what is given."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.attacks.bound import posted
from tests.attacks.play import STEFAPP, asking, change, every, find, introspected, redeem, signed_in
from tests.browser import Asking, Browser, authorize, forms
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.server.oauth.shards.app import CODE, HARBOUR, PHONE, SERVER
from tests.server.pages.document import Document

from valetkey.server.model import ids
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.receipt import Receipt
from valetkey.server.model.user import Session
from valetkey.server.pages import apps_list
from valetkey.server.pages.apps_list import PAGE
from valetkey.wire.key_shards import write_tier

DAY = 86_400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("apps"), unthrottled=("127.0.0.1",)) as running:
        yield running


@pytest.fixture
def nothing(server: Live) -> None:
    """Nobody has given a key yet."""
    for grant in every(server, Grant):
        if grant.status != "stopped":
            change(server, grant, status="stopped")


@pytest.fixture
def miko(server: Live, nothing: None) -> Browser:
    return signed_in(server, "miko")


def give(server: Live, *permissions: str, client: str = "stefapp", days: int = 0) -> Grant:
    """A key of Miko's to the app, given and left alone so many days ago."""
    user, now = server.users["miko"].id, int(time.time()) - days * DAY
    grant = Grant(
        id=ids.owned_id(Env(now, os.urandom), owner=user),
        user=user,
        client=client,
        permissions=permissions or ("openid", "chirps.read"),
        created=now,
        changed=now,
    )
    server.run(server.store.commit([Create(grant)]))
    return find(server, Grant, grant.id)


def many(server: Live, count: int) -> None:
    """So many apps, each with a key of Miko's."""
    for number in range(count):
        client = Client(id=f"app{number}", name=f"App number {number}", scope=("chirps.read",))
        if client.id not in {one.id for one in every(server, Client)}:
            server.run(server.store.commit([Create(client)]))
        give(server, "chirps.read", client=client.id)


def badge(html: str) -> str:
    """How the first app on the page stands."""
    found = (one for one in Document(html).elements if "badge" in one.attributes.get("class", ""))
    return next(
        one.text for one in found if one.text in {"Active", "Paused", "Suspended", "Expired"}
    )


def shown(browser: Browser) -> list[str]:
    """The apps on the page, in order."""
    found = Document(browser.page.text).find("article")
    return [one.attributes["data-client-id"] for one in found]


def links(browser: Browser) -> dict[str, str]:
    """The page's links that have a name."""
    found = Document(browser.page.text).find("a")
    return {one.attributes["id"]: one.attributes["href"] for one in found if "id" in one.attributes}


def test_a_long_list_comes_in_pages_and_each_app_once(server: Live, miko: Browser) -> None:
    many(server, PAGE + 5)
    miko.open("/apps")
    first = shown(miko)
    miko.open(links(miko)["more"])
    second = shown(miko)
    assert (len(first), len(second)) == (PAGE, 5)
    assert len({*first, *second}) == PAGE + 5
    assert "more" not in links(miko)


def test_what_was_stopped_long_ago_makes_no_page_empty(server: Live, miko: Browser) -> None:
    kept = give(server, client="web")
    for _ in range(60):
        change(server, give(server), status="stopped")
    miko.open("/apps")
    assert shown(miko) == ["web"]
    assert kept.id in miko.page.text


SEARCHES = [
    ({"search": "stef"}, ["stefapp"]),
    ({"search": "STEF"}, ["stefapp"]),
    ({"search": "web.example"}, ["web"]),
    ({"search": "your timeline"}, ["stefapp"]),
    ({"search": "nothing of all this"}, []),
    ({"search": "<script>"}, []),
    ({"show": "active"}, ["stefapp"]),
    ({"show": "unused"}, ["post"]),
    ({"show": "sensitive"}, ["web"]),
    ({"show": "everything"}, ["post", "stefapp", "web"]),
    ({"show": "sensitive", "search": "stef"}, []),
    ({"from": "0" * 26}, []),
]


@pytest.mark.parametrize("asked,apps", SEARCHES)
def test_search_and_filter(
    server: Live, miko: Browser, asked: dict[str, str], apps: list[str]
) -> None:
    give(server, "chirps.read")
    change(server, give(server, "dms.send", client="web"), status="paused")
    give(server, "email", client="post", days=61)
    miko.page = miko.http.get("/apps", params=asked)
    assert miko.page.status_code == 200
    assert sorted(shown(miko)) == apps


@pytest.mark.parametrize("start", ["x", "0" * 25, "0" * 27, "../../etc", "'--", "\0" * 26])
def test_a_place_that_is_none_is_refused(miko: Browser, start: str) -> None:
    """ATTACKS A86."""
    assert miko.http.get("/apps", params={"from": start}).status_code == 400


def test_an_app_that_only_signs_in_says_so(server: Live, miko: Browser) -> None:
    give(server, "openid", "email")
    assert "Sign-in only" in miko.open("/apps").text


def test_a_suspended_app_says_so_on_both_pages(server: Live, miko: Browser) -> None:
    """And that it is paused as well stays its user's to change."""
    grant = give(server, "chirps.read")
    change(server, grant, status="paused")
    change(server, find(server, Client, "stefapp"), status="suspended")
    try:
        for path in ("/apps", f"/apps/{grant.id}"):
            text = miko.open(path).text
            assert badge(text) == "Suspended"
            assert "t use your account for now." in text
        assert "resume" in miko.form("resume").buttons
    finally:
        change(server, find(server, Client, "stefapp"), status="active")
    assert badge(miko.open("/apps").text) == "Paused"


# What is not used.


def test_what_is_not_used_is_stopped_and_nothing_else(server: Live, miko: Browser) -> None:
    old, kept, fresh = (
        give(server, days=61),
        give(server, client="web", days=70),
        give(server, client="post", days=59),
    )
    miko.open("/apps")
    miko.open(links(miko)["unused"])
    (form,) = [one for one in forms(miko.page.text) if "stop" in one.buttons]
    assert form.boxes == {old.id: True, kept.id: True}
    data = {**form.fields, "app": [old.id, fresh.id, "0" * 26]}
    miko.page = miko.http.post(form.action, data=data, follow_redirects=True)
    assert "Access removed from the selected apps." in miko.page.text
    states = {one.id: find(server, Grant, one.id).status for one in (old, kept, fresh)}
    assert states == {old.id: "stopped", kept.id: "active", fresh.id: "active"}
    told = [one for one in every(server, Event) if one.grant == old.id]
    assert [(one.kind, one.by) for one in told] == [("stopped", "user")]


def test_there_may_be_nothing_unused(server: Live, miko: Browser) -> None:
    give(server)
    miko.open("/apps")
    assert "unused" not in links(miko)
    assert "No app has gone unused for 60 days." in miko.open("/unused").text


# The export.


def test_the_export_has_all_of_ones_own_and_no_secret(server: Live, nothing: None) -> None:
    for name in ("noor", "miko"):
        redeem(server, authorize(server.browser(), STEFAPP, username=name))
    browser = signed_in(server, "miko")
    answer = browser.http.get("/export")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="connected-apps.json"'
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    mine = server.users["miko"].id
    assert told["user"] == {"sub": mine, "username": "miko"}
    own = {
        "grants": {one.id for one in every(server, Grant) if one.user == mine},
        "receipts": {one.id for one in every(server, Receipt) if one.user == mine},
        "history": {one.id for one in every(server, Event) if one.user == mine},
    }
    assert {kind: {one["id"] for one in told[kind]} for kind in own} == own
    devices = {one["id"] for grant in told["grants"] for one in grant["devices"]}
    assert devices == {one.id for one in every(server, TokenFamily) if one.user == mine}
    assert server.users["noor"].id not in answer.text
    assert PASSWORDS["miko"] not in answer.text
    assert "argon2" not in answer.text


@pytest.mark.parametrize("most", [1, 2, 3])
def test_an_export_that_has_not_everything_says_so(
    server: Live, miko: Browser, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in every(server, Grant):
        if each.user == server.users["miko"].id:
            server.run(server.store.commit([Remove(each)]))
    oldest, newest = give(server, client="web", days=1), give(server)
    monkeypatch.setattr(apps_list, "MOST", most)
    told = miko.http.get("/export").json()
    whole = most >= 2
    assert [one["id"] for one in told["grants"]] == [newest.id, oldest.id][:most]
    assert ("grants" in told["cut_short"]) is not whole


# What is given on the page.


def test_what_was_taken_away_is_given_back_at_once(server: Live, miko: Browser) -> None:
    code = authorize(miko, STEFAPP)
    tokens: dict[str, Any] = redeem(server, code).json()
    (grant,) = [one for one in every(server, Grant) if one.status == "active"]
    miko.open(f"/apps/{grant.id}")
    miko.press("save", boxes=set())
    assert "chirps.write" not in introspected(server, tokens["access_token"])["scope"]
    form = miko.form("give")
    assert "chirps.write" in form.boxes
    miko.press("give", more="chirps.write")
    assert "Allowed." in miko.page.text
    assert "chirps.write" in introspected(server, tokens["access_token"])["scope"]
    history = [one.kind for one in every(server, Event) if one.grant == grant.id]
    assert {"downgraded", "upgraded"} <= set(history)


def test_what_could_do_harm_needs_a_fresh_sign_in(server: Live, miko: Browser) -> None:
    grant = give(server, "openid", "chirps.read")
    miko.open(f"/apps/{grant.id}")
    (session,) = [one for one in every(server, Session) if _is_of(miko, one)]
    change(server, session, auth_time=session.auth_time - 16 * 60)
    reply = miko.send("give", more="dms.send")
    assert reply.headers["location"] == f"/sign-in?next=/apps/{grant.id}&again=1"
    assert find(server, Grant, grant.id).permissions == ("openid", "chirps.read")
    miko.open(reply.headers["location"])
    assert "Confirm it\u2019s you" in miko.page.text
    miko.sign_in()
    miko.press("give", more="dms.send")
    assert find(server, Grant, grant.id).permissions == (
        "openid",
        "chirps.read",
        "dms.read",
        "dms.send",
    )


def _is_of(browser: Browser, session: Session) -> bool:
    """Whether the browser's cookie names the session."""
    return any(session.id in value for value in browser.http.cookies.values())


@pytest.mark.parametrize("more", ["account.delete", "fly", "photos.read", "<x>"])
def test_what_the_app_never_asks_for_is_not_given(server: Live, miko: Browser, more: str) -> None:
    grant = give(server)
    miko.open(f"/apps/{grant.id}")
    assert miko.send("give", more=more).status_code == 400
    assert find(server, Grant, grant.id) == grant


# What was shown.


def test_the_page_shows_the_receipt_in_the_words_of_then(server: Live, nothing: None) -> None:
    browser = server.browser()
    browser.open(asking(STEFAPP, ui_locales="de").path())
    browser.sign_in()
    browser.press("allow", boxes={"profile", "offline_access"})
    (grant,) = [one for one in every(server, Grant) if one.status == "active"]
    browser.open(f"/apps/{grant.id}")
    html = Document(browser.page.text)
    section = next(one for one in html.find("section") if "receipts" in one.attributes["class"])
    assert "Ihren Namen und Ihr Profil sehen" in section.text
    assert "You left this unchecked" in section.text
    assert html.find("div", lang="de")


def test_what_was_used_is_told_by_the_day(server: Live, nothing: None) -> None:
    browser = server.browser()
    redeem(server, authorize(browser, STEFAPP))
    (grant,) = [one for one in every(server, Grant) if one.status == "active"]
    family = [one for one in every(server, TokenFamily) if one.grant == grant.id][-1]
    change(server, family, opened={"chirps.read": int(time.time()) // DAY - 3})
    change(server, find(server, Grant, grant.id), created=1, changed=1)
    page = browser.open(f"/apps/{grant.id}").text
    told = time.gmtime((int(time.time()) // DAY - 3) * DAY)
    assert "Last used on" in page
    assert f'datetime="{time.strftime("%Y-%m-%dT%H:%M:%SZ", told)}"' in page
    assert "Not used for 60 days. Remove it?" in page


def held(page: str) -> list[str]:
    """Who holds the parts of a key, as the page says it."""
    return [one.text for one in Document(page).find("li") if "data-holder" in one.attributes]


def test_a_key_in_parts_is_drawn_so_where_it_is_asked_for_and_where_it_is(
    server: Live, miko: Browser
) -> None:
    server.run(server.store.commit((Create(HARBOUR), Create(SERVER))))
    harbour = Asking(
        client_id=HARBOUR.id,
        redirect_uri=HARBOUR.redirect_uris[0],
        scope="openid offline_access chirps.read",
        more={"key_shards": write_tier(CODE)},
    )
    page = miko.open(harbour.path()).text
    assert "The key is split into 3 parts" in page
    assert "Any 2 of them together give access." in page
    fetched = "Set it up afterwards in Connected apps."
    assert held(page) == ["Your device", "The app's server", f"Your recovery code {fetched}"]
    miko.press("allow", boxes=set(miko.form("allow").boxes))
    form = harbour.redemption(miko.answer()["code"])
    assert posted(server, "/token", form, harbour, key=PHONE).status_code == 200
    (grant,) = [one for one in every(server, Grant) if one.client == HARBOUR.id]
    page = miko.open(f"/apps/{grant.id}").text
    nobody = "Not set up yet"
    assert held(page) == [
        "Your device",
        f"The app's server {nobody}",
        f"Your recovery code {nobody}",
    ]


def test_an_ordinary_key_is_whole(server: Live, miko: Browser) -> None:
    page = miko.open(STEFAPP.path()).text
    assert (held(page), "in-parts" in page) == ([], False)
