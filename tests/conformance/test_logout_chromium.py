"""Front-channel logout in a real browser: the frame is loaded, and the user comes back."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.conformance.op import USER, Op
from tests.outside import Publication

CHROMIUM = Path("/usr/bin/chromium")
PLAN = "frontchannel-logout"
PAGE = {"content-type": "text/html"}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
]


@pytest.fixture
def page(op: Op) -> Iterator[Page]:
    """A page of a browser that takes the certificates of the tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(ignore_https_errors=True)
        yield context.new_page()
        context.close()
        browser.close()


@pytest.mark.module("oidcc-frontchannel-rp-initiated-logout")
def test_the_app_hears_of_it_in_its_frame(op: Op, page: Page) -> None:
    assert op.rp is not None
    client = op.client("front")
    for path in ("callback", "post_logout"):
        op.rp.published[f"/front/{path}"] = Publication(b"<title>app</title>", 200, PAGE)
    page.goto(f"{op.issuer}/authorize?{urlencode(op.request(client))}")
    page.fill("#username", USER[0])
    page.fill("#password", USER[1])
    page.click("#sign-in")
    page.click("#allow")
    page.wait_for_url(f"{client.redirect_uri}?**")
    code = parse_qs(urlsplit(page.url).query)["code"][0]
    hint = op.redeem(client, code).json()["id_token"]
    op.rp.asked.clear()
    onward = client.redirect_uri.replace("/callback", "/post_logout")
    sent = {"id_token_hint": hint, "post_logout_redirect_uri": onward, "state": "s"}
    page.goto(f"{op.issuer}/logout?{urlencode(sent)}", wait_until="load")
    page.wait_for_url(f"{onward}?**", timeout=20_000)
    assert parse_qs(urlsplit(page.url).query) == {"state": ["s"]}
    (frame,) = (one for one in op.rp.asked if one.startswith("/front/frontchannel_logout"))
    claims = op.identity(client, hint, nonce="n-0S6_WzA2Mj")
    assert parse_qs(urlsplit(frame).query) == {"iss": [op.issuer], "sid": [claims["sid"]]}
