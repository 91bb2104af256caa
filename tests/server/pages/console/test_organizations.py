"""Organizations in the console: by the same operations as the administration API, and what a
change would do is displayed before it is made."""

import time
from collections.abc import Iterator

import pytest
from tests.attacks.play import STEFAPP, change, every, find, redeem
from tests.browser import Browser, authorize
from tests.live import Live, live
from tests.server.pages.console.staff import ON, bind, staff

from valetkey.server.model.audit import AuditRecord
from valetkey.server.model.change import Create
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.organization import AppRequest, Membership, Organization

ACME = "/console/organizations/acme"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("companies"), name="Chirp", **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        yield server


def said(browser: Browser) -> str:
    """What the change would do, in words."""
    text = browser.page.text
    begin = text.index('id="effect"')
    return text[begin : text.index("</div></div>", begin)]


def test_an_operator_runs_an_organization(server: Live) -> None:
    """From its first day to its last: each step by the page before."""
    browser, miko = staff(server, "noor", "operator"), server.users["miko"].id
    browser.open("/console/organizations")
    browser.open("/console/add-organization")
    assert browser.press("next", id="No Id", name="Acme").status_code == 409
    page = browser.press("next", id="acme", name="Acme", groups="platform staff")
    assert page.url.path == ACME
    assert "Organization added." in page.text
    assert find(server, Organization, "acme").groups[0].group == "staff"

    browser.open(f"{ACME}/edit")
    assert "Organization changed." in browser.press("next", name="Acme Inc", groups="").text
    assert find(server, Organization, "acme").groups == ()

    browser.open(f"{ACME}/add-member")
    assert browser.press("next", user="nobody at all").status_code == 409
    browser.press("next", user="miko")
    assert "No app loses or gets access." in said(browser)
    assert not every(server, Membership)
    assert "member now" in browser.press("save").text
    assert [one.user for one in every(server, Membership)] == [miko]

    (grant,) = every(server, Grant)
    assert "chirps.write" in grant.permissions
    browser.open(f"{ACME}/rule")
    assert browser.press("next", apps="all", forbidden="chirps.wrte").status_code == 409, (
        "it forbids nothing"
    )
    assert browser.press("next", apps="all", blocked="nobodys-app").status_code == 409
    browser.press("next", apps="all", ask="yes", forbidden="chirps.write", blocked="web")
    assert "about 1 member; access changes for 1" in said(browser)
    assert "1 app connection loses permissions." in said(browser)
    assert every(server, Grant) == (grant,), "shown, not done"
    browser.press("change")
    assert "chirps.write</textarea>" in browser.page.text
    browser.press("next", apps="all", ask="yes", forbidden="chirps.write", blocked="web")
    assert "counts for every member" in browser.press("save").text
    (masked,) = every(server, Grant)
    assert "chirps.write" in masked.withheld
    assert 'href="/console/apps/web"' in browser.page.text

    row = AppRequest(organization="acme", user=miko, client="web", created=1)
    server.run(server.store.commit((Create(row),)))
    browser.open(ACME)
    assert 'data-request="web"' in browser.page.text
    path = f"{ACME}/requests/{miko}/web"
    browser.open(f"{path}/decline-app")
    assert browser.press("confirm", reason="").status_code == 409
    assert "The member sees your reason." in browser.press("confirm", reason="Too new.").text
    assert not every(server, AppRequest)
    server.run(server.store.commit((Create(row),)))
    browser.open(f"{path}/allow-app")
    assert "about 1 member" in said(browser)
    browser.press("confirm", reason="Checked.")
    rule = find(server, Organization, "acme").rule
    assert (rule.listed, rule.blocked) == (("web",), ())
    answers = [one for one in every(server, Event) if one.kind.startswith("app-")]
    assert [(one.kind, one.reason) for one in answers] == [
        ("app-not-allowed", "Too new."),
        ("app-allowed", "Checked."),
    ]
    user = server.browser()
    user.open("/activity")
    user.sign_in("miko")
    assert "Your organization allowed an app that you asked for" in user.page.text
    assert "Checked." in user.page.text

    browser.open(f"{ACME}/members/{miko}/remove-member")
    assert "1 app connection gets back permissions" in said(browser)
    assert "Member removed." in browser.press("confirm").text
    assert every(server, Grant)[0].withheld == ()
    browser.open(f"{ACME}/remove")
    page = browser.press("confirm")
    assert page.status_code in (200, 303)
    done = {one.operation for one in every(server, AuditRecord)}
    assert {"organizations.create", "organizations.rule", "organizations.add-member"} <= done


def test_an_administrator_of_an_organization_has_its_pages_and_no_others(server: Live) -> None:
    now = int(time.time())
    for name in ("firm", "rival"):
        its = Organization(id=name, name=name.title(), created=now, changed=now)
        server.run(server.store.commit((Create(its),)))
    users = {name: server.users[name].id for name in ("noor", "miko")}
    for name, is_one in (("noor", True), ("miko", False)):
        row = Membership(
            organization="firm", user=users[name], administrator=is_one, revision=1, created=now
        )
        server.run(server.store.commit((Create(row),)))
    redeem(server, authorize(server.browser(), STEFAPP))
    browser, firm = staff(server, "noor"), "/console/organizations/firm"
    page = browser.open("/console")
    assert page.url.path == firm
    assert "Miko" in page.text
    assert 'aria-label="Console"' in page.text
    assert page.text.count('class="areas"') == 1
    for path in ("users", "apps", "audit", "settings", "add-organization"):
        assert f'href="/console/{path}"' not in page.text
        assert browser.open(f"/console/{path}").status_code == 403, path
    for path in ("/edit", "/add-member", "/remove"):
        assert f'href="{firm}{path}"' not in page.text
        assert browser.open(f"{firm}{path}").status_code == 403, path
    miko, rival = f"/members/{users['miko']}", "/console/organizations/rival"
    for path in ("", "/rule", miko, f"{miko}/remove-member"):
        assert browser.open(f"{rival}{path}").status_code == 404, path

    page = browser.open(f"{firm}{miko}")
    assert "stefApp" in page.text
    assert 'id="support"' not in page.text
    stop = page.text.partition('class="stop" href="')[2].partition('"')[0]
    browser.open(stop)
    page = browser.press("confirm", reason="The laptop was stolen.")
    assert "Access removed. The user sees your reason." in page.text
    (grant,) = [one for one in every(server, Grant) if one.user == users["miko"]]
    assert grant.status == "stopped"
    assert browser.open(stop).status_code == 404
    reads = [one for one in every(server, AuditRecord) if one.operation == "organizations.grants"]
    assert reads, "each look at what a member allows is recorded"

    membership = next(one for one in every(server, Membership) if one.user == users["noor"])
    change(server, membership, administrator=False)
    assert browser.open(firm).status_code == 404, "at once"


def test_two_who_change_a_rule_do_not_undo_each_other(server: Live) -> None:
    one, other = staff(server, "noor", "operator"), staff(server, "noor", "operator")
    one.open("/console/add-organization")
    one.press("next", id="bolt", name="Bolt")
    path = "/console/organizations/bolt"
    for browser, names in ((one, "web"), (other, "")):
        browser.open(f"{path}/rule")
        browser.press("next", apps="all", blocked=names)
    assert one.press("save").status_code == 200
    assert other.press("save").status_code == 409
    assert find(server, Organization, "bolt").rule.blocked == ("web",)


def test_a_form_that_is_sent_twice_counts_once(server: Live) -> None:
    browser = staff(server, "noor", "operator")
    browser.open("/console/add-organization")
    form = browser.form("next")
    sent = {**form.fields, "id": "core", "name": "Core", "action": "next"}
    for _ in range(2):
        answer = browser.http.post(form.action, data=sent)
        assert answer.status_code == 303, "the same answer"
    assert [one.id for one in every(server, Organization)].count("core") == 1


def test_a_search_finds_names_and_ids(server: Live) -> None:
    browser = staff(server, "noor", "operator")
    for name in ("dash", "dash-one", "dash-two", "date", "e"):
        browser.open("/console/add-organization")
        browser.press("next", id=name, name=f"Over {name.upper()}")
    for search, expected in (
        ("Dash", ["dash", "dash-one", "dash-two"]),
        ("over da", ["dash", "dash-one", "dash-two", "date"]),
        ("ash", []),
    ):
        page = browser.open(f"/console/organizations?search={search}").text
        found = [one for one in ("dash", "dash-one", "dash-two", "date", "e") if f">{one}<" in page]
        assert found == expected
        assert 'id="more"' not in page


def test_others_have_no_such_pages(server: Live) -> None:
    browser = staff(server, "noor", "support")
    for path in (ACME, "/console/organizations", "/console/add-organization", f"{ACME}/rule"):
        assert browser.open(path).status_code == 403, path
    bind(server, "noor")
    assert browser.open("/console/organizations").status_code == 404
