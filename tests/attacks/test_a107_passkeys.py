"""A107: passkeys of somebody else, from elsewhere, or used again.

Attack: A page of another origin passes on what the server asks and what the authenticator answers;
an answer is sent again, in another browser or for another user; a stranger registers a passkey for
somebody else's account, removes one, or makes the server remember challenges until it is full.
Defense: The authenticator signs the origin and the domain. A challenge is sealed, stored nowhere,
bound to the browser, to the session and to its kind, and answered once. A passkey is added and
removed only after a fresh proof, and an unknown one is answered as a wrong one is.
"""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.attacks.play import STEFAPP, change, cookie, every, find, sent_back
from tests.authenticator import HONEST, Authenticator, Lies
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live, live
from tests.rows import row

from valetkey.server.model.change import Remove
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.factor import Factor
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import Session

NEW = "/security/passkeys/new"
SIGN_IN = "/sign-in/passkey?next=/apps"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("passkeys")
    with live(folder, unthrottled=("127.0.0.1",), host="localhost") as server:
        yield server


@pytest.fixture
def phone(server: Live) -> Iterator[Authenticator]:
    """Miko's, with a passkey on it."""
    phone = Authenticator(server.issuer)
    added = register(signed_in(server, "miko"), phone)
    assert "recovery codes" in added.text
    yield phone
    for one in every(server, Factor):
        server.run(server.store.commit((Remove(one),)))


def passkeys(server: Live) -> list[Factor]:
    return [one for one in every(server, Factor) if one.kind == "passkey"]


def signed_in(server: Live, username: str) -> Browser:
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in(username)
    return browser


def options(browser: Browser, path: str) -> dict[str, Any]:
    """What the page's script asks for."""
    asked = browser.http.get(path)
    assert asked.status_code == 200, asked.text
    found: dict[str, Any] = asked.json()
    return found


def send(
    browser: Browser, page: str, asked: dict[str, Any], response: str, *, path: str
) -> httpx2.Response:
    """What the page's script sends, with the form of that page."""
    browser.open(page)
    form = browser.form("add-passkey" if path == NEW else "passkey")
    fields = form.fields | {"challenge": asked["challenge"], "response": response}
    return browser.http.post(path, data=fields)


def register(browser: Browser, phone: Authenticator, lies: Lies = HONEST) -> httpx2.Response:
    browser.open("/security/passkeys/add")
    asked = options(browser, NEW)
    made = phone.create(asked["options"], lies)
    return send(browser, "/security/passkeys/add", asked, made, path=NEW)


def use(
    browser: Browser, phone: Authenticator, lies: Lies = HONEST, *, asked: Any = None
) -> httpx2.Response:
    browser.open("/sign-in")
    asked = asked or options(browser, SIGN_IN)
    return send(browser, "/sign-in", asked, phone.get(asked["options"], lies), path=SIGN_IN)


def nobody(browser: Browser, answer: httpx2.Response) -> None:
    assert answer.status_code == 400, answer.status_code
    assert not cookie(browser)


def test_the_right_passkey_in_the_right_browser_opens_the_account(
    server: Live, phone: Authenticator
) -> None:
    browser = server.browser()
    assert use(browser, phone).headers["location"] == "/apps"
    assert cookie(browser)


@pytest.mark.parametrize(
    "lies",
    [
        row("7.2.8", "a page that looks like ours", Lies(origin="https://chirp-login.example")),
        row("7.2.8", "a page of a sibling site", Lies(origin="http://evil.localhost:8000")),
        row("7.2.8", "another port of the host", Lies(origin="http://localhost:1")),
        row("7.2.9", "a frame in another page", Lies(cross_origin=True)),
        row("7.2.13", "a passkey of another domain", Lies(rp_id="evil.example")),
        row("7.2.6", "the handle of another user", Lies(handle=b"x" * 32)),
        row("7.2.21", "another signature", Lies(signature=b"0" * 70)),
        row("7.2.11", "another challenge", Lies(challenge="A" * 43)),
    ],
)
def test_what_comes_from_elsewhere_opens_nothing(
    server: Live, phone: Authenticator, lies: Lies
) -> None:
    browser = server.browser()
    nobody(browser, use(browser, phone, lies))


def test_an_unknown_passkey_is_answered_as_a_wrong_one(server: Live, phone: Authenticator) -> None:
    def shown(lies: Lies) -> str:
        browser = server.browser()
        answer = use(browser, phone, lies)
        nobody(browser, answer)
        return re.sub(r'value="[^"]{20,}"', "", answer.text)

    assert shown(Lies(credential_id=b"unknown")) == shown(Lies(signature=b"0" * 70))


def test_an_answer_counts_once(server: Live, phone: Authenticator) -> None:
    browser = server.browser()
    browser.open("/sign-in")
    asked = options(browser, SIGN_IN)
    assert use(browser, phone, asked=asked).status_code == 303
    before = {one.id for one in every(server, Session)}
    browser.open("/sign-out")
    browser.press("sign-out")
    nobody(browser, use(browser, phone, asked=asked))
    assert {one.id for one in every(server, Session)} <= before


def test_an_answer_of_another_browser_signs_nobody_in(server: Live, phone: Authenticator) -> None:
    """Else the victim's browser could be made to sign in to the thief's account."""
    thief, victim = server.browser(), server.browser()
    thief.open("/sign-in")
    nobody(victim, use(victim, phone, asked=options(thief, SIGN_IN)))


def test_challenges_are_stored_nowhere(server: Live) -> None:
    def rows() -> int:
        return sum(len(every(server, kind)) for kind in (SingleUse, Pending, Session, Factor))

    before, stranger = rows(), server.browser()
    for _ in range(200):
        options(stranger, SIGN_IN)
        stranger.http.cookies.clear()
    assert rows() == before


def test_nobody_takes_the_passkey_of_another_account(server: Live, phone: Authenticator) -> None:
    noor = signed_in(server, "noor")
    answer = register(noor, phone)
    assert answer.status_code == 400
    assert {one.user for one in every(server, Factor)} == {server.users["miko"].id}


def test_a_challenge_for_one_account_adds_nothing_to_another(server: Live) -> None:
    """In the same browser: the session is part of the challenge."""
    browser = signed_in(server, "miko")
    browser.open("/security/passkeys/add")
    asked = options(browser, NEW)
    made = Authenticator(server.issuer).create(asked["options"])
    browser.open("/sign-out")
    browser.press("sign-out")
    browser.open("/sign-in")
    browser.sign_in("noor")
    answer = send(browser, "/security/passkeys/add", asked, made, path=NEW)
    assert answer.status_code == 400
    assert passkeys(server) == []


def test_without_a_fresh_proof_nothing_is_added_or_removed(
    server: Live, phone: Authenticator
) -> None:
    miko = server.browser()
    use(miko, phone)
    session = next(one for one in every(server, Session) if one.id in cookie(miko))
    change(server, session, auth_time=int(time.time()) - 601)
    (factor,) = passkeys(server)
    assert miko.http.get("/security/passkeys/add").status_code == 303
    assert miko.http.get(NEW).status_code == 403
    miko.open(f"/security/passkeys/{factor.id}")
    asked = miko.send("remove")
    assert "again=1" in asked.headers["location"]
    assert find(server, Factor, factor.id) == factor


def test_a_password_alone_removes_no_passkey(server: Live, phone: Authenticator) -> None:
    """To remove a factor takes a proof at its level."""
    thief, (factor,) = server.browser(), passkeys(server)
    thief.open("/sign-in")
    thief.sign_in("miko", PASSWORDS["miko"])
    assert not cookie(thief)
    assert thief.http.get(f"/security/passkeys/{factor.id}").status_code == 303
    assert find(server, Factor, factor.id) == factor


def test_the_passkey_of_another_user_is_not_found(server: Live, phone: Authenticator) -> None:
    noor, (factor,) = signed_in(server, "noor"), passkeys(server)
    for there in (factor.id, "0" * 26):
        assert noor.open(f"/security/passkeys/{there}").status_code == 404


@pytest.mark.parametrize("path", [NEW, SIGN_IN])
def test_a_form_of_another_page_changes_nothing(
    server: Live, phone: Authenticator, path: str
) -> None:
    browser = server.browser()
    if path == NEW:
        use(browser, phone)
    else:
        browser.open("/sign-in")
    asked = options(browser, path)
    device = Authenticator(server.issuer) if path == NEW else phone
    response = (device.create if path == NEW else device.get)(asked["options"])
    fields = {"csrf": "forged", "challenge": asked["challenge"], "response": response}
    assert browser.http.post(path, data=fields).status_code == 403
    assert len(passkeys(server)) == 1


def test_an_app_waits_and_the_passkey_opens_only_its_own_request(
    server: Live, phone: Authenticator
) -> None:
    browser = server.browser()
    browser.open(STEFAPP.path())
    form = browser.form("passkey")
    asked = options(browser, form.action)
    fields = form.fields | {
        "challenge": asked["challenge"],
        "response": phone.get(asked["options"]),
    }
    stranger = server.browser()
    stranger.open("/sign-in")
    assert stranger.http.get(form.action).status_code in {400, 403, 404}
    assert stranger.http.post(form.action, data=fields).status_code == 403
    answer = browser.http.post(form.action, data=fields)
    assert answer.status_code == 303
    browser.open(answer.headers["location"])
    assert sent_back(browser.send("allow"))["code"]


@pytest.mark.parametrize(
    "later", ["https://evil.example/", "//evil.example", "/continue/../x", "/sign-out", "/\\evil"]
)
def test_the_offer_of_a_passkey_leads_nowhere_else(server: Live, later: str) -> None:
    browser = signed_in(server, "noor")
    page = browser.http.get("/security/passkeys/add", params={"later": later, "how": "silent"})
    assert 'name="later" value="/apps"' in page.text
    assert "evil" not in page.text
