"""The server within each framework: the host's own users sign in, consent, and sign out."""

import asyncio
import contextlib
import re
import sqlite3
import time
from collections.abc import Iterator

import pytest
from tests.attacks.play import AS_WEB
from tests.browser import Browser
from tests.embedded.hosts import (
    COMMANDS,
    EmbeddingHost,
    agreed,
    ask,
    at_login,
    embedding,
    redeemed,
    token,
    who,
)
from tests.installation import CHIRP_CATALOG, SECRETS

from valetkey.resource import ResourceServer
from valetkey.server.settings.outside import HOST_SECONDS
from valetkey.wire import metadata


@pytest.fixture(scope="module", params=COMMANDS)
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddingHost]:
    folder = tmp_path_factory.mktemp("host")
    with embedding(request.param, folder, asyncio.run) as running:
        yield running
    assert "Traceback" not in running.output


@pytest.fixture
def browser(host: EmbeddingHost) -> Iterator[Browser]:
    one = host.browser()
    yield one
    one.http.close()


def test_discovery(host: EmbeddingHost) -> None:
    for address in (
        metadata.well_known(host.issuer, metadata.AUTHORIZATION_SERVER),
        metadata.well_known(host.issuer, metadata.OPENID),
        host.issuer + metadata.OPENID,
        host.issuer + metadata.AUTHORIZATION_SERVER,
    ):
        reply = host.http.get(address)
        assert reply.json()["issuer"] == host.issuer
        assert reply.headers["content-type"] == "application/json"
    refused = host.http.post("/token", data={"grant_type": "authorization_code"})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert host.http.get("/static/valetkey.css").status_code == 200
    assert host.http.get("/no-such-page").status_code == 404
    assert host.http.options("/token").headers["access-control-allow-origin"] == "*"
    assert host.http.request("PROPFIND", "/token").status_code == 405


def test_the_hosts_user_connects_an_app(host: EmbeddingHost, browser: Browser) -> None:
    first = redeemed(host, agreed(host, browser))
    claims = who(host, first)
    assert (claims["name"], claims["email"]) == ("Miko", "miko@chirp.example")
    second = token(host, grant_type="refresh_token", refresh_token=first["refresh_token"])
    form = {"token": second["access_token"]}
    chirp = ("chirp", SECRETS["chirp"])
    assert host.http.post("/introspect", data=form, auth=chirp).json()["active"]
    web = ("web", SECRETS["web"])
    form = {"token": second["refresh_token"]}
    assert host.http.post("/revoke", data=form, auth=web).status_code == 200


def test_users_are_told_apart_by_the_hosts_ids(host: EmbeddingHost) -> None:
    subjects = []
    for name in ("miko", "noor", "miko"):
        browser = host.browser()
        subjects.append(who(host, redeemed(host, agreed(host, browser, name)))["sub"])
        browser.http.close()
    assert subjects[0] == subjects[2] != subjects[1]


def test_whoever_is_signed_in_is_not_asked_again(host: EmbeddingHost, browser: Browser) -> None:
    browser.open("/login")
    host.sign_in(browser)
    ask(host, browser)
    assert not at_login(browser)
    assert 'id="sign-in"' not in browser.page.text


def test_prompt_none(host: EmbeddingHost, browser: Browser) -> None:
    ask(host, browser, prompt="none")
    assert browser.answer()["error"] == "login_required"
    agreed(host, browser)
    ask(host, browser, prompt="none")
    assert "code" in browser.answer()


def test_max_age_is_a_sign_in_at_the_host(host: EmbeddingHost, browser: Browser) -> None:
    agreed(host, browser)
    time.sleep(1.1)  # the sign-in was a second ago
    ask(host, browser, prompt="login")
    assert at_login(browser)
    assert browser.page.url.params["prompt"] == "login"
    # The browser comes back without a new sign-in: the app is told so.
    browser.open(browser.page.url.params["next"])
    assert browser.answer()["error"] == "login_required"
    ask(host, browser, max_age="0")
    assert at_login(browser)
    host.sign_in(browser)
    assert "code" in browser.answer()


def test_signing_out_at_the_host_signs_out_here(host: EmbeddingHost, browser: Browser) -> None:
    agreed(host, browser)
    assert browser.open(f"{host.path}/apps").url.path == f"{host.path}/apps"
    browser.open("/")
    browser.press("logout")
    browser.open(f"{host.path}/apps")
    assert at_login(browser)
    assert browser.page.url.params["next"].startswith(f"{host.path}/sign-in/with/host?")
    host.sign_in(browser)
    assert browser.page.url.path == f"{host.path}/apps"


def test_signing_out_here_signs_out_at_the_host(host: EmbeddingHost, browser: Browser) -> None:
    agreed(host, browser)
    assert ">miko<" in browser.open("/").text
    browser.open(f"{host.path}/sign-out")
    browser.press("sign-out")
    assert ">miko<" not in browser.open("/").text


def test_another_account(host: EmbeddingHost, browser: Browser) -> None:
    agreed(host, browser)
    ask(host, browser, prompt="consent")
    browser.press("")  # the button has no id
    assert at_login(browser)
    host.sign_in(browser, "noor")
    browser.press("allow")
    assert who(host, redeemed(host, browser.answer()["code"]))["name"] == "Noor"
    # Somebody else signs in at the host, without a sign-out: here, too, it is somebody else.
    browser.open("/login")
    host.sign_in(browser, "miko")
    assert "Miko" in browser.open(f"{host.path}/apps").text
    assert "Noor" not in browser.page.text


def test_the_cookies_do_not_clash(host: EmbeddingHost, browser: Browser) -> None:
    agreed(host, browser)
    names = {cookie.name for cookie in browser.http.cookies.jar}
    ours = {name for name in names if name.startswith("vk_")}
    assert len(ours) >= 3
    assert all(re.fullmatch(r"vk_[a-z]+_[0-9a-f]{8}", name) for name in ours)
    assert names - ours


@pytest.mark.anyio
async def test_an_api_follows_the_log(host: EmbeddingHost, browser: Browser) -> None:
    tokens = redeemed(host, agreed(host, browser))
    kit = ResourceServer(
        issuer=host.issuer,
        catalog=CHIRP_CATALOG,
        credentials=("chirp", SECRETS["chirp"]),
        live="follow",
    )
    kit.start()
    try:
        principal = await kit.verify(f"Bearer {tokens['access_token']}", needs=["chirps.read"])
        assert principal.client_id == "web"
    finally:
        await kit.close()


@pytest.mark.parametrize("host", [name for name in COMMANDS if "django" in name], indirect=True)
def test_a_user_whom_django_disables_is_refused(host: EmbeddingHost, browser: Browser) -> None:
    """Without a line for it: the default `still_allowed` of `valetkey.embedded.django`."""
    code = agreed(host, browser, "noor")
    tokens = host.http.post(
        "/token", data=AS_WEB.redemption(code), auth=("web", SECRETS["web"])
    ).json()

    def refreshed() -> str:
        time.sleep(HOST_SECONDS + 0.1)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        reply = host.http.post("/token", data=form, auth=("web", SECRETS["web"])).json()
        tokens.update(reply)
        return str(reply.get("reason", "ok"))

    def sql(text: str) -> None:
        with contextlib.closing(sqlite3.connect(host.folder / "chirp.db")) as there, there:
            there.execute(text)

    sql("UPDATE auth_user SET is_active = 0 WHERE username = 'noor'")
    assert refreshed() == "account_disabled"
    sql("UPDATE auth_user SET is_active = 1 WHERE username = 'noor'")
    assert refreshed() == "ok"
