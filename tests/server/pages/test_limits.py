"""The page of limits, on the running server: set, seen, answered, refused; hers alone (A77)."""

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from tests.attacks.play import every
from tests.browser import Asking, Browser, authorize, error_code, forms
from tests.installation import PASSWORDS, SECRETS
from tests.live import Live, caught_up, live
from tests.rows import row
from tests.server.oauth.bank import BANK, PAY, PAYER
from tests.server.pages.document import Document

from valetkey.server.model.change import Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.hours import Hours
from valetkey.server.model.limits import Bounds, Limits, Proposal
from valetkey.server.model.query import Many, One
from valetkey.server.model.user import Session
from valetkey.server.pages.limit_fields import read_amount, read_bounds, read_end
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.catalog import Permission

LOOPBACK = "http://127.0.0.1/callback"
WRITE = "chirps.write"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("limits")) as running:
        payer = replace(PAYER, redirect_uris=(LOOPBACK,))
        running.run(running.store.commit([Create(BANK), Create(payer)]))
        caught_up()
        yield running


@pytest.fixture
def miko(server: Live) -> Browser:
    """Signed in, with an app that may write and pay, without limits."""
    browser = server.browser()
    asking = Asking(client_id="payer", scope=f"openid {WRITE} {PAY}", redirect_uri=LOOPBACK)
    authorize(browser, asking)
    for permission in (WRITE, PAY):
        browser.open(path(server))
        send(browser, permission)
    return browser


def grant(server: Live) -> Grant:
    wanted = Many(Grant, "client", "payer")
    found = server.run(server.store.read(wanted)).many(wanted)
    (one,) = (each for each in found if each.user == server.users["miko"].id)
    assert isinstance(one, Grant)
    return one


def path(server: Live) -> str:
    return f"/apps/{grant(server).id}/limits"


def send(browser: Browser, permission: str, **fields: str) -> Any:
    """Saves the form of one permission, with these fields and no others."""
    csrf = browser.form("save").fields["csrf"]
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    sent = {"csrf": csrf, "permission": permission, "action": "save", **named}
    reply = browser.http.post(browser.form("save").action, data=sent)
    return browser._follow(reply)


def test_limits_are_set_and_shown(server: Live, miko: Browser) -> None:
    page = send(
        miko,
        PAY,
        often_day="5",
        much_month="12.50",
        ask="3",
        opens="08:00",
        closes="20:00",
        zone="Europe/Berlin",
    )
    assert "Saved." in page.text
    assert grant(server).limits.of(PAY) == Bounds(
        often={"day": 5},
        much={"month": 1250},
        ask_above=300,
        hours=(Hours(opens="08:00", closes="20:00", zone="Europe/Berlin"),),
    )
    assert 'value="12.50"' in page.text
    assert "Used 0.00 of €12.50 per month." in page.text
    history = miko.open(f"/apps/{grant(server).id}")
    assert "Limits changed" in history.text
    miko.open(path(server))
    send(miko, PAY)
    assert grant(server).limits == Limits()


def test_an_end_is_set(server: Live, miko: Browser) -> None:
    for until, lasts in (("day", 86400), ("month", 30 * 86400)):
        miko.open(path(server))
        miko.press("save-end", until=until, date="")
        assert abs(grant(server).limits.until - time.time() - lasts) < 60
    miko.open(path(server))
    miko.press("save-end", until="stopped", date="")
    assert grant(server).limits.until == 0


WRONG: list[Any] = [
    row("page", "none", WRITE, {"often_day": "0"}),
    row("page", "less than none", WRITE, {"often_day": "-1"}),
    row("page", "not a number", WRITE, {"often_day": "NaN"}),
    row("page", "a huge number", WRITE, {"often_day": "9" * 12}),
    row("page", "digits without end", WRITE, {"often_day": "9" * 999}),
    row("page", "an exponent", PAY, {"much_day": "1e999999"}),
    row("page", "half a cent", PAY, {"much_day": "0.005"}),
    row("page", "no amount", PAY, {"much_day": "0.00"}),
    row("page", "amounts of what has none", WRITE, {"much_day": "5"}),
    row("page", "no hour", WRITE, {"opens": "25:00", "closes": "26:00"}),
    row("page", "half of the hours", WRITE, {"opens": "08:00"}),
    row("page", "no zone", WRITE, {"opens": "08:00", "closes": "09:00", "zone": "Moon"}),
]


@pytest.mark.parametrize("permission,fields", WRONG)
def test_nonsense_changes_nothing(
    server: Live, miko: Browser, permission: str, fields: dict[str, str]
) -> None:
    before = grant(server)
    page = send(miko, permission, **fields)
    assert "Your changes weren\u2019t saved" in page.text
    assert grant(server) == before
    if fields == {"much_day": "5"}:
        return  # There is no such field to mark.
    html = Document(page.text)
    (marked,) = html.find("", **{"aria-invalid": "true"})
    assert page.status_code == 400
    assert marked.attributes["name"] in {name.replace("_", "-") for name in fields} | {"closes"}
    for name, typed in fields.items():
        assert marked.attributes["name"] != name or marked.attributes["value"] == typed


def test_what_the_app_asked_for_is_the_most(server: Live, miko: Browser) -> None:
    wanted = One(Client, "payer")
    client = server.run(server.store.read(wanted)).one(wanted)
    proposal = Proposal(lasts=86400, permissions={PAY: Bounds(often={"day": 3})})
    change(server, replace(client, limits=proposal))
    page = miko.open(path(server))
    assert "The app asks for 3" in page.text
    page = send(miko, PAY, often_day="4", much_month="7.5")
    assert "Enter 3 or less. The app doesn\u2019t ask for more." in page.text
    assert 'value="7.5"' in page.text
    assert "Saved." in send(miko, PAY, often_day="2").text
    page = miko.press("save-end", until="month", date="")
    assert "Choose an earlier end. The app asks for a shorter time." in page.text
    assert '<option value="month" selected>' in page.text
    client = server.run(server.store.read(wanted)).one(wanted)
    change(server, replace(client, limits=Proposal()))


def change(server: Live, record: Any) -> None:
    server.run(server.store.commit([Update(record)]))


def test_an_amount_is_asked_about_and_allowed(server: Live, miko: Browser) -> None:
    send(miko, PAY, ask="1")
    assert lease(server, "500")["limit"] == "ask"
    # The page of limits leads to where all questions wait, and so does what the app is told.
    assert 'href="/approvals"' in miko.open(path(server)).text
    told = lease(server, "500")
    page = miko.open(urlsplit(told["ask_uri"]).path)
    assert ">5.00 EUR<" in page.text
    assert "Pay from your account" in page.text
    miko.press("approve")
    given = lease(server, "500")
    assert (given["exact"], given["amount"]) == (True, 500)
    again = lease(server, "500")
    assert again["limit"] == "ask"
    miko.open(urlsplit(again["ask_uri"]).path)
    miko.press("deny")
    assert lease(server, "500")["limit"] == "declined"


LEASES = iter(range(10**6))


def lease(server: Live, amount: str) -> Any:
    wanted = Many(TokenFamily, "grant", grant(server).id)
    families = server.run(server.store.read(wanted)).many(wanted)
    if not families:
        browser = server.browser()
        asking = Asking(client_id="payer", scope=f"openid {PAY}", redirect_uri=LOOPBACK)
        code = authorize(browser, asking)
        server.http.post("/token", data=asking.redemption(code))
        families = server.run(server.store.read(wanted)).many(wanted)
    sent = {
        "grant": grant(server).id,
        "family": families[0].id,
        "permission": PAY,
        "lease": f"{next(LEASES):022}",
        "amount": amount,
    }
    return server.http.post("/lease", data=sent, auth=("bank", SECRETS["bank"])).json()


def long_ago(server: Live) -> None:
    """It is an hour since Miko last proved who she is."""
    for one in every(server, Session):
        change(server, replace(one, auth_time=int(time.time()) - 3600))


MORE: list[Any] = [
    row("page", "more often", {"often_day": "6", "ask": "3"}),
    row("page", "asked later", {"often_day": "5", "ask": "3.01"}),
    row("page", "never asked", {"often_day": "5"}),
    row("page", "no limit at all", {}),
    row("page", "more at once, less in all", {"often_day": "9", "often_month": "10", "ask": "1"}),
]


@pytest.mark.parametrize("fields", MORE)
def test_a_limit_is_raised_by_whoever_proves_who_they_are(
    server: Live, miko: Browser, fields: dict[str, str]
) -> None:
    """And what they typed is there when they come back."""
    send(miko, PAY, often_day="5", ask="3")
    before = grant(server).limits
    long_ago(server)
    page = send(miko, PAY, **fields)
    assert "Confirm it\u2019s you" in page.text
    assert grant(server).limits == before
    page = miko.press("sign-in", username="miko", password=PASSWORDS["miko"])
    assert page.request.url.path == path(server)
    assert "Your changes aren\u2019t saved yet" in page.text
    assert grant(server).limits == before
    html = Document(page.text)
    (form,) = (one for one in forms(page.text) if one.fields.get("permission") == PAY)
    assert form.fields["often-day"] == fields.get("often_day", "")
    assert form.fields["ask"] == fields.get("ask", "")
    assert len(html.find("", role="status")) == 1
    miko.page = miko._follow(miko.http.post(form.action, data={**form.fields, "action": "save"}))
    assert "Saved." in miko.page.text
    assert grant(server).limits != before


def test_a_limit_is_lowered_without_more_ado(server: Live, miko: Browser) -> None:
    send(miko, PAY, often_day="5")
    long_ago(server)
    for fields in ({"often_day": "4"}, {"often_day": "4", "ask": "1"}):
        assert "Saved." in send(miko, PAY, **fields).text


def test_an_end_is_put_off_by_whoever_proves_who_they_are(server: Live, miko: Browser) -> None:
    miko.press("save-end", until="day", date="")
    before = grant(server).limits
    long_ago(server)
    page = miko.press("save-end", until="month", date="")
    assert "Confirm it\u2019s you" in page.text
    page = miko.press("sign-in", username="miko", password=PASSWORDS["miko"])
    assert '<option value="month" selected>' in page.text
    assert grant(server).limits == before
    assert "Saved." in miko.press("save-end", until="month", date="").text
    long_ago(server)
    # An earlier one needs nothing.
    assert "Saved." in miko.press("save-end", until="day", date="").text
    miko.open("/sign-in?again=1")
    miko.press("sign-in", username="miko", password=PASSWORDS["miko"])
    miko.open(path(server))
    miko.press("save-end", until="stopped", date="")


def test_an_amount_is_allowed_by_whoever_proves_who_they_are(server: Live, miko: Browser) -> None:
    send(miko, PAY, ask="1")
    question = urlsplit(lease(server, "700")["ask_uri"]).path
    long_ago(server)
    miko.open(question)
    page = miko.press("approve")
    assert "Confirm it\u2019s you" in page.text
    assert lease(server, "700")["limit"] == "ask"
    page = miko.press("sign-in", username="miko", password=PASSWORDS["miko"])
    assert page.request.url.path == question
    miko.press("approve")
    assert lease(server, "700")["exact"]
    question = urlsplit(lease(server, "800")["ask_uri"]).path
    long_ago(server)
    miko.open(question)
    miko.press("deny")
    assert lease(server, "800")["limit"] == "declined"


def test_a_draft_is_this_browsers_and_this_pages(server: Live, miko: Browser) -> None:
    """Nobody sends a user to a page that is filled in already (ATTACKS A69)."""
    send(miko, PAY, often_day="5")
    long_ago(server)
    reply = miko.http.post(
        path(server),
        data={**miko.form("save").fields, "permission": PAY, "often-day": "6", "action": "save"},
    )
    address = reply.headers["location"]
    draft = address.partition("draft=")[2]
    assert draft
    assert 'value="6"' in miko.open(f"{path(server)}?draft={draft}").text
    for forged in (
        draft.partition(".")[0],
        f"{draft.partition('.')[0]}.{'A' * 43}",
        f"e30.{draft.partition('.')[2]}",
        "x" * 5000,
        ".",
        "é.é",
    ):
        page = miko.open(f"{path(server)}?draft={forged}")
        assert "Your changes aren\u2019t saved yet" not in page.text
        assert 'value="6"' not in page.text
    other = server.browser()
    other.open("/sign-in")
    other.sign_in()
    page = other.open(f"{path(server)}?draft={draft}")
    assert page.status_code == 200
    assert 'value="6"' not in page.text
    # A target that is no page of hers takes no draft along either.
    evil = other.http.get(f"/sign-in?next=//evil.example&draft={draft}")
    assert evil.headers["location"] == f"/apps?draft={draft}"


def test_another_user_finds_nothing(server: Live, miko: Browser) -> None:
    noor = server.browser()
    noor.open("/sign-in")
    noor.sign_in("noor")
    page = noor.open(path(server))
    assert page.status_code == 404
    csrf = miko.form("save").fields["csrf"]
    sent = {"csrf": csrf, "permission": WRITE, "action": "save", "often-day": "1"}
    before = grant(server)
    assert noor.http.post(path(server), data=sent).status_code == 404
    assert grant(server) == before


def test_a_form_of_elsewhere_is_refused(server: Live, miko: Browser) -> None:
    sent = {"csrf": "x", "permission": WRITE, "action": "save", "often-day": "1"}
    before = grant(server)
    reply = miko.http.post(path(server), data=sent)
    assert (reply.status_code, error_code(reply.text)) == (403, "access_denied")
    assert grant(server) == before


def test_who_is_not_signed_in_is_asked_to(server: Live, miko: Browser) -> None:
    page = server.browser().open(path(server))
    assert re.search('id="sign-in"', page.text)


# On the consent page.


def consented(server: Live, **fields: str) -> Grant | None:
    """What comes of a yes with these fields, by a user and an app that are new to each other."""
    noor = server.browser()
    asking = Asking(client_id="payer", scope=f"openid {WRITE} {PAY}", redirect_uri=LOOPBACK)
    noor.open(asking.path())
    noor.sign_in("noor")
    noor.press("allow", boxes=None, **fields)
    wanted = Many(Grant, "user", server.users["noor"].id)
    found = server.run(server.store.read(wanted)).many(wanted)
    live_ones = [one for one in found if one.status != "stopped"]
    if not live_ones:
        return None
    (one,) = live_ones
    assert isinstance(one, Grant)
    change(server, replace(one, status="stopped"))
    return one


def test_limits_are_set_with_the_yes(server: Live, miko: Browser) -> None:
    fields = {
        "until": "day",
        f"often:{WRITE}": "3",
        f"often-per:{WRITE}": "hour",
        f"much:{PAY}": "12.50",
        f"ask:{PAY}": "5",
        f"opens:{WRITE}": "08:00",
        f"closes:{WRITE}": "20:00",
        f"zone:{WRITE}": "Europe/Berlin",
    }
    given = consented(server, **fields)
    assert given is not None
    assert given.limits.permissions == {
        WRITE: Bounds(
            often={"hour": 3}, hours=(Hours(opens="08:00", closes="20:00", zone="Europe/Berlin"),)
        ),
        PAY: Bounds(much={"day": 1250}, ask_above=500),
    }
    assert abs(given.limits.until - time.time() - 86400) < 60


ENDS = [
    row("", "nothing", Proposal(), ["", "once", "day", "month"], "until you remove it."),
    row("", "a week", Proposal(lasts=7 * 86400), ["", "once", "day"], ", or until you remove it."),
    row("", "an hour", Proposal(lasts=3600), ["", "once"], ", or until you remove it."),
    row("", "once", Proposal(once=True), ["once"], "This access works only once."),
]


@pytest.mark.parametrize("proposal,offered,says", ENDS)
def test_an_end_that_the_app_proposes_is_on_the_page(
    server: Live, proposal: Proposal, offered: list[str], says: str
) -> None:
    """And none is offered that is later: it would be ignored."""
    wanted = One(Client, "payer")
    client = server.run(server.store.read(wanted)).one(wanted)
    change(server, replace(client, limits=proposal))
    noor = server.browser()
    noor.open(Asking(client_id="payer", scope=f"openid {WRITE}", redirect_uri=LOOPBACK).path())
    noor.sign_in("noor")
    page = Document(noor.page.text)
    options = [one for one in page.find("option") if one.inside(id="until")]
    assert [one.attributes["value"] for one in options] == offered
    assert says in page.one("body").text
    client = server.run(server.store.read(wanted)).one(wanted)
    change(server, replace(client, limits=Proposal()))


def test_without_a_word_nothing_is_limited(server: Live, miko: Browser) -> None:
    given = consented(server)
    assert given is not None
    assert given.limits == Limits()


@pytest.mark.parametrize(
    "field,value",
    [
        ("until", "week"),
        (f"often:{WRITE}", "0"),
        (f"often:{WRITE}", "-3"),
        (f"often:{WRITE}", "NaN"),
        (f"often:{WRITE}", "9" * 500),
        (f"much:{PAY}", "0.001"),
        (f"much:{WRITE}", "5"),
        (f"ask:{PAY}", "1e9"),
    ],
)
def test_nonsense_with_the_yes_is_refused(
    server: Live, miko: Browser, field: str, value: str
) -> None:
    assert consented(server, **{field: value}) is None


def test_one_wrong_field_keeps_what_else_was_said_with_the_yes(server: Live, miko: Browser) -> None:
    noor = server.browser()
    asking = Asking(client_id="payer", scope=f"openid {WRITE} {PAY}", redirect_uri=LOOPBACK)
    noor.open(asking.path())
    noor.sign_in("noor")
    fields = {f"much:{PAY}": "abc", f"often:{WRITE}": "3", f"often-per:{WRITE}": "hour"}
    page = noor.press("allow", boxes={PAY}, until="day", **fields)
    assert page.status_code == 400
    html = Document(page.text)
    (marked,) = html.find("", **{"aria-invalid": "true"})
    assert (marked.attributes["name"], marked.attributes["value"]) == (f"much:{PAY}", "abc")
    (form,) = (one for one in forms(page.text) if "allow" in one.buttons)
    assert form.boxes == {WRITE: False, PAY: True}
    assert form.fields[f"often:{WRITE}"] == "3"
    chosen = [one.attributes["value"] for one in html.find("option", selected="")]
    assert chosen == ["day", "hour"]
    more = {"until": "day", f"much:{PAY}": "7", f"often-per:{WRITE}": "hour"}
    assert "code" in noor.press("allow", boxes={PAY}, **more).headers["location"]
    wanted = Many(Grant, "user", server.users["noor"].id)
    (one,) = (
        one for one in server.run(server.store.read(wanted)).many(wanted) if one.status != "stopped"
    )
    assert one.limits.permissions == {PAY: Bounds(much={"day": 700})}
    change(server, replace(one, status="stopped"))


# What fields say.

EUR = Permission(id="pay", can="pay", counted=True, unit="EUR", decimals=2)
COUNT = Permission(id="eat", can="eat", counted=True, unit="cakes")

AMOUNTS: list[Any] = [
    row("amount", "whole", "12", EUR, 1200),
    row("amount", "with a point", "12.5", EUR, 1250),
    row("amount", "with a comma", "12,50", EUR, 1250),
    row("amount", "zeros behind", "1.500", EUR, 150),
    row("amount", "without decimals", "7", COUNT, 7),
    row("amount", "without decimals, zeros behind", "7.0", COUNT, 7),
]


@pytest.mark.parametrize("text,permission,amount", AMOUNTS)
def test_an_amount_is_read(text: str, permission: Permission, amount: int) -> None:
    assert read_amount(text, permission) == amount


@pytest.mark.parametrize("text", ["", "-1", "1.001", "1,2,3", "ten", "1e3", "\u0661", "9" * 14])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_amount(text, EUR)


NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC


@pytest.mark.parametrize(
    "until,date,lasts",
    [
        ("keep", "", None),
        ("stopped", "", 0),
        ("day", "", 86400),
        ("date", "2023-11-14", 6400),
        ("date", "2023-11-15", 6400 + 86400),
    ],
)
def test_an_end_is_read(until: str, date: str, lasts: int | None) -> None:
    assert read_end({"until": until, "date": date}, NOW) == lasts


@pytest.mark.parametrize(
    "zone,lasts",
    [
        row("page", "behind UTC", "America/New_York", 6400 + 5 * 3600),
        row("page", "ahead, where it is the 15th already", "Asia/Tokyo", 6400 + 86400 - 9 * 3600),
        row("page", "none, as of old", "", 6400),
    ],
)
def test_a_day_ends_where_the_user_is(zone: str, lasts: int) -> None:
    date = "2023-11-15" if zone == "Asia/Tokyo" else "2023-11-14"
    form = {"until": "date", "date": date, "zone": zone}
    assert read_end({name: text for name, text in form.items() if text}, NOW) == lasts


def test_a_day_with_a_change_of_the_clock_is_as_long_as_it_is() -> None:
    midnight = 1_679_785_200  # 2023-03-26 00:00 in Berlin, whose day has 23 hours
    form = {"until": "date", "date": "2023-03-26", "zone": "Europe/Berlin"}
    assert read_end(form, midnight) == 23 * 3600


@pytest.mark.parametrize(
    "until,date",
    [("date", ""), ("date", "2023-11-13"), ("date", "2023-02-30"), ("date", "x"), ("week", "")],
)
def test_an_end_that_is_none_is_refused(until: str, date: str) -> None:
    with pytest.raises(InvalidRequest):
        read_end({"until": until, "date": date}, NOW)


def test_empty_fields_bound_nothing() -> None:
    assert not read_bounds({"zone": "Europe/Berlin"}, EUR)


def test_a_key_whose_time_has_come_says_so(server: Live, miko: Browser) -> None:
    stands, end = grant(server), int(time.time()) - 5

    def badges() -> list[str]:
        """What the list and the app's own page call the key."""
        return [
            re.search(r"</svg>(Active|Expired)<", miko.open(one).text)[1]  # type: ignore[index]
            for one in ("/apps", f"/apps/{stands.id}")
        ]

    assert badges() == ["Active", "Active"]
    over = replace(stands, limits=replace(stands.limits, until=end))
    server.run(server.store.commit([Update(over)]))
    assert badges() == ["Expired", "Expired"]
    assert "Until you remove it" not in miko.open(f"/apps/{stands.id}").text
    server.run(server.store.commit([Update(replace(stands, version=over.version + 1))]))
