"""Every page of the console opens, and the acts on apps."""

import time
from collections.abc import Iterator

import pytest
from tests.attacks.play import STEFAPP, find, redeem
from tests.browser import Browser, authorize
from tests.live import Live, live
from tests.server.pages.console.staff import ON, staff

from valetkey.server.audit.streams import PREFIX
from valetkey.server.model.audit import AuditState
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.pages.console.names import from_segment, segment
from valetkey.server.pages.console.parts import Area


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("console"), name="Chirp", **ON) as server:
        redeem(server, authorize(server.browser(), STEFAPP))
        yield server


def test_an_owner_opens_every_page(server: Live) -> None:
    browser = staff(server, "noor", "owner")
    for area in Area:
        page = browser.open(area.path)
        assert page.status_code == 200, area
        assert f'href="{area.path}" aria-current="true"' in page.text
    chirp = segment("chirp")
    for path in (
        "/console?step=hour",
        "/console/apps/stefapp",
        "/console/apps?search=stefapp&show=suspended",
        f"/console/catalogs/{chirp}",
        f"/console/catalogs/{chirp}/preview",
        "/console/settings?search=issuer&show=changed",
    ):
        assert browser.open(path).status_code == 200, path
    for path in ("apps/nobody", "catalogs/none", "policies/none", "users/none", "catalogs/~!"):
        assert browser.open(f"/console/{path}").status_code == 404, path


def test_an_operator_suspends_an_app_and_restores_it(server: Live) -> None:
    browser = staff(server, "noor", "operator")
    browser.open("/console/apps/stefapp/suspend")
    assert browser.press("confirm", reason="").status_code == 409
    page = browser.press("confirm", reason="It sends spam.")
    assert page.url.path == "/console/apps/stefapp"
    assert 'id="suspended"' in page.text
    assert "It sends spam." in page.text
    assert find(server, Client, "stefapp").status == "suspended"
    user = server.browser()
    user.open("/apps")
    user.sign_in("miko")
    assert "It sends spam." in user.page.text
    browser.open("/console/apps/stefapp/restore")
    assert "Restored." in browser.press("confirm", reason="It stopped.").text
    assert find(server, Client, "stefapp").status == "active"


def test_keys_do_not_rotate_too_soon(server: Live) -> None:
    """The coming key has to be published for as long as others keep the older ones."""
    browser = staff(server, "noor", "operator")
    before = browser.open("/console/keys").text
    browser.open("/console/keys/rotate")
    page = browser.press("confirm")
    assert page.status_code == 409
    assert "too new" in page.text
    assert browser.open("/console/keys").text == before


def test_a_stream_of_the_audit_that_is_refused_needs_attention(server: Live) -> None:
    browser = staff(server, "noor", "operator")
    assert "Not sealed yet" in browser.open("/console/health").text
    assert "Needs attention" not in check(browser, "audit")
    stuck = AuditState(name=f"{PREFIX}siem", error="the webhook says 401")
    server.run(server.store.commit((Create(stuck),)))
    try:
        assert "Needs attention" in check(browser, "audit")
        assert '<bdi class="name">siem</bdi>: segments behind' in check(browser, "audit")
    finally:
        server.run(server.store.commit((Remove(find(server, AuditState, stuck.name)),)))


def check(browser: Browser, part: str) -> str:
    """What the health page says of a part of the server."""
    page = browser.open("/console/health").text
    return page.partition(f'<h2 id="{part}">')[2].partition("</section>")[0]


def test_charts_show_what_was_counted(server: Live) -> None:
    browser = staff(server, "noor", "auditor")
    page = browser.open("/console?step=hour").text
    assert page.count('role="img"') == 4
    assert page.count("<details>") == 4
    assert "style=" not in page


def test_a_record_of_the_audit_is_a_page(server: Live) -> None:
    browser = staff(server, "noor", "auditor")
    page = browser.open("/console/audit?operation=granted").text
    (path,) = {one for one in page.split('"') if one.startswith("/console/audit/0")}
    record = browser.open(path)
    assert record.status_code == 200
    for words in (
        "granted",
        "stefapp",
        server.users["miko"].id,
        time.strftime("%b %Y", time.gmtime()),
    ):
        assert words in record.text, words


def test_a_preview_decides_nothing(server: Live) -> None:
    browser = staff(server, "noor", "developer")
    path = f"/console/catalogs/{segment('chirp')}"
    browser.open(f"{path}/preview")
    assert browser.press("allow").url.path == path


def test_names_in_paths() -> None:
    for name in ("stefapp", "https://calendar.example/client.json", "~", "a b", "Bücher", "a.b"):
        assert from_segment(segment(name)) == name
        assert "/" not in segment(name)
