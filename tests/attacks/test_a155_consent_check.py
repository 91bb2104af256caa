"""A155: a consent that the platform does not let its user give.

Attack: A user whom the platform holds for too young allows what is not for them, by a page that was
shown before, while the platform is silent, or by an answer that names more than was asked; an app
learns from a refusal how old its user is; a stranger makes the server ask the platform again and
again.
Defense: The server asks after the sign-in, for the page and again for its answer, and refuses
without an answer. It takes permissions away and never adds one. The reason is for the user alone.
"""

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.attacks.play import STEFAPP, asking, change, claims, every, redeem, refresh, signed_in
from tests.browser import Browser, authorize, error_code
from tests.live import Live, live
from tests.outside import Host, Publication, outside
from tests.rows import row

from valetkey.jose import jwt
from valetkey.jose.jwk import parse_set
from valetkey.server.http import consent_check
from valetkey.server.http.platform_question import PAUSE_SECONDS, QuestionToken
from valetkey.server.model.grant import Grant

PATH = "/may-consent"
WHY = "This is for people of 16 and older."
YES = {"allowed": True}
NO = {"allowed": False, "reason": WHY}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with outside(tmp_path_factory.mktemp("platform")) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, platform: Host) -> Iterator[Live]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consent_check, "SECONDS", 0.0)
        with live(
            tmp_path_factory.mktemp("server"),
            consent_check_url=platform.url(PATH),
            fetch_local=(platform.place,),
            fetch_ca_file=platform.ca,
            unthrottled=("127.0.0.0/8",),
        ) as running:
            yield running


def _says(platform: Host, document: object) -> None:
    platform.publish(PATH, document)
    platform.posted.clear()


def _asked(server: Live, platform: Host, document: object) -> Browser:
    """A new browser of Miko, who allowed nothing yet, where the request of an app leads."""
    for grant in every(server, Grant):
        if grant.status != "stopped":
            change(server, grant, status="stopped")
    _says(platform, document)
    browser = signed_in(server)
    browser.open(asking(prompt="consent").path())
    return browser


def test_only_what_the_platform_names_can_be_allowed(server: Live, platform: Host) -> None:
    all_boxes = set(_asked(server, platform, YES).form("allow").boxes)
    assert "chirps.write" in all_boxes
    names = ["openid", "profile", "chirps.read", "offline_access", "photos.delete"]
    browser = _asked(server, platform, {"allowed": names})
    boxes = set(browser.form("allow").boxes)
    assert boxes < all_boxes
    assert not boxes & {"chirps.write", "photos.delete"}
    browser.press("allow")
    token = redeem(server, browser.answer()["code"]).json()
    assert "chirps.read" in token["scope"].split()
    assert "chirps.write" not in token["scope"].split()
    platform.posted.clear()
    assert refresh(server, token["refresh_token"]).status_code == 200
    assert platform.posted == [], "tokens need no answer"


def test_a_box_that_the_page_does_not_have_is_refused(server: Live, platform: Host) -> None:
    browser = _asked(server, platform, {"allowed": ["openid", "profile", "chirps.read"]})
    browser.press("allow", boxes={"chirps.read", "chirps.write"})
    assert (browser.page.status_code, error_code(browser.page.text)) == (400, "invalid_request")


REFUSED = [
    row("A155", "a no", NO),
    row("A155", "a list without what the app requires", {"allowed": ["profile"], "reason": WHY}),
    row("A155", "an empty list", {"allowed": [], "reason": WHY}),
]


@pytest.mark.parametrize("answer", REFUSED)
def test_the_reason_is_for_the_user_and_not_for_the_app(
    server: Live, platform: Host, answer: object
) -> None:
    page = _asked(server, platform, answer).page
    assert page.status_code == 403
    assert f'<p id="reason">{WHY}</p>' in page.text
    href = page.text.partition('class="button plain" href="')[2].partition('"')[0]
    back = parse_qs(urlsplit(href.replace("&amp;", "&")).query)
    assert back["error"] == ["access_denied"]
    assert "16" not in href


def test_a_silent_request_learns_no_reason(server: Live, platform: Host) -> None:
    _says(platform, NO)
    browser = signed_in(server, "noor")
    page = browser.open(asking(prompt="none").path())
    assert browser.answer()["error"] == "access_denied"
    assert "16" not in page.headers["location"]


def test_a_reason_is_text(server: Live, platform: Host) -> None:
    page = _asked(server, platform, {"allowed": False, "reason": "<script>x</script>"}).page
    assert "<script>x" not in page.text
    assert "&lt;script&gt;x" in page.text


def test_a_page_of_before_counts_no_more(server: Live, platform: Host) -> None:
    browser = _asked(server, platform, YES)
    _says(platform, NO)
    browser.press("allow")
    assert (browser.page.status_code, WHY in browser.page.text) == (403, True)


LONG = b'{"allowed": false, "reason": "%b"}' % (b"x" * 400)
ANSWERS = [
    row("A155", "a text", Publication(b'{"allowed": "chirps.read"}')),
    row("A155", "a list of numbers", Publication(b'{"allowed": [1]}')),
    row("A155", "nothing", Publication(b"{}")),
    row("A155", "no JSON", Publication(b"yes")),
    row("A155", "a reason of two lines", Publication(b'{"allowed": false, "reason": "a\\nb"}')),
    row(
        "A155", "an endless reason", Publication(b'{"allowed":false,"reason":"%b"}' % (b"x" * 400))
    ),
    row("A155", "not found", Publication(status=404)),
    row("A155", "an error", Publication(b'{"allowed": true}', status=500)),
    row("A155", "a broken line", Publication(raw=lambda out: None)),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_without_an_answer_nothing_is_allowed_and_nothing_is_lost(
    server: Live, platform: Host, answer: Publication
) -> None:
    browser = _asked(server, platform, YES)
    platform.published[PATH] = answer
    shown = browser.page
    browser.press("allow")
    assert browser.page.status_code == 503, browser.page.text
    _says(platform, YES)
    time.sleep(PAUSE_SECONDS + 0.1)
    browser.page = shown
    browser.press("allow")
    assert "code" in browser.answer()


def test_a_no_needs_no_answer(server: Live, platform: Host) -> None:
    browser = _asked(server, platform, YES)
    platform.published[PATH] = Publication(status=500)
    browser.press("cancel")
    assert browser.answer()["error"] == "access_denied"


def test_the_question_is_signed_and_says_who_and_what(server: Live, platform: Host) -> None:
    _asked(server, platform, YES)
    path, body, headers = platform.posted[0]
    user = server.users["miko"].id
    assert path == PATH
    assert body.startswith(b'{"user":"%b","identities":[],"app":{"id":"stefapp",' % user.encode())
    scheme, _, token = headers["authorization"].partition(" ")
    proved = jwt.verify(
        token,
        QuestionToken,
        keys=parse_set(server.http.get("/jwks").json()),
        typ=(consent_check.TYPE,),
        issuer=server.issuer,
        now=int(time.time()),
    ).claims
    assert (scheme, proved.aud, proved.sub) == ("Bearer", platform.url(PATH), user)


def test_a_stranger_cannot_make_it_ask(server: Live, platform: Host) -> None:
    _says(platform, YES)
    browser = server.browser()
    for prompt in ("", "none", "consent"):
        browser.open(asking(prompt=prompt).path())
    assert platform.posted == []


def test_nobody_is_asked_about_what_was_allowed_before(server: Live, platform: Host) -> None:
    _says(platform, YES)
    browser = signed_in(server, "noor")
    authorize(browser, STEFAPP, username="noor")
    _says(platform, NO)
    code = authorize(browser, asking(scope="openid"), username="noor")
    assert claims(redeem(server, code).json()["id_token"])["sub"]
