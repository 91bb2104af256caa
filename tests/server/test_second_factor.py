"""Second factors, as apps and operators ask for them: levels, policies, the whole installation."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from tests.attacks.play import asking, change, claims, every, find, redeem, sent_back
from tests.browser import Browser
from tests.live import Live, caught_up, live

from valetkey.server.model.assurance import PASSWORD, PHISHING_RESISTANT, TWO_FACTORS
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.factor import Factor
from valetkey.server.model.policy import Policy
from valetkey.server.settings.accounts import AccountSettings

ESSENTIAL = '{"id_token": {"acr": {"essential": true, "value": "%s"}}}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("levels")) as server:
        yield server


@pytest.fixture(scope="module")
def codes(server: Live) -> list[str]:
    """Recovery codes of noor, who has an authenticator. Miko has none."""
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("noor")
    browser.open("/security/authenticator")
    return set_up(browser)


def set_up(browser: Browser) -> list[str]:
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7 ]+)<', browser.page.text)
    assert secret is not None
    code = pyotp.TOTP(secret[1].replace(" ", "")).now()
    browser.press("confirm", code=code, name="")
    return re.findall(r"<code>([a-z2-7-]{19})</code>", browser.page.text)


def acr_of(server: Live, browser: Browser) -> str:
    """The level in the ID Token of the request that the browser has finished."""
    if 'id="allow"' in browser.page.text:
        browser.press("allow")
    answer = redeem(server, sent_back(browser.page)["code"]).json()
    return str(claims(answer["id_token"])["acr"])


def test_metadata_names_the_levels(server: Live) -> None:
    document = server.http.get("/.well-known/openid-configuration").json()
    assert document["acr_values_supported"] == [PHISHING_RESISTANT, TWO_FACTORS, PASSWORD]


def test_without_a_factor_a_sign_in_has_the_level_of_a_password(server: Live) -> None:
    browser = server.browser()
    browser.open(asking(acr_values=TWO_FACTORS).path())
    browser.sign_in("miko")
    assert acr_of(server, browser) == PASSWORD


def test_two_factors_give_their_level(server: Live, codes: list[str]) -> None:
    browser = server.browser()
    browser.open(asking().path())
    browser.sign_in("noor")
    browser.press("continue", code=codes.pop())
    assert acr_of(server, browser) == TWO_FACTORS


def test_an_essential_level_steps_up_though_the_device_is_trusted(
    server: Live, codes: list[str]
) -> None:
    browser = server.browser()
    browser.open("/sign-in")
    browser.sign_in("noor")
    browser.press("continue", code=codes.pop(), trust="1")
    browser.open("/sign-out")
    browser.press("sign-out")
    browser.open("/sign-in")
    browser.sign_in("noor")
    assert "Sign out" in browser.open("/apps").text
    browser.open(asking(claims=ESSENTIAL % TWO_FACTORS).path())
    assert "trust" not in browser.form("continue").boxes
    browser.press("continue", code=codes.pop())
    assert acr_of(server, browser) == TWO_FACTORS


def test_a_level_out_of_reach_is_an_error_for_the_app(server: Live, codes: list[str]) -> None:
    browser = server.browser()
    browser.open(asking(claims=ESSENTIAL % PHISHING_RESISTANT).path())
    browser.sign_in("noor")
    browser.press("continue", code=codes.pop())
    assert sent_back(browser.page)["error"] == "unmet_authentication_requirements"


def test_a_silent_request_gets_no_page(server: Live, codes: list[str]) -> None:
    browser = server.browser()
    browser.open(asking(prompt="none", claims=ESSENTIAL % TWO_FACTORS).path())
    assert sent_back(browser.page)["error"] == "login_required"


def test_a_policy_demands_a_level_and_the_user_sets_it_up(server: Live) -> None:
    client = find(server, Client, "stefapp")
    server.run(server.store.commit([Create(Policy(name="bank", acr=TWO_FACTORS))]))
    change(server, client, policy="bank")
    caught_up()
    browser = server.browser()
    browser.open(asking().path())
    browser.sign_in("miko")
    assert len(set_up(browser)) == 10
    browser.open(re.findall(r'id="continue"[^>]*href="([^"]+)"', browser.page.text)[0])
    assert acr_of(server, browser) == TWO_FACTORS
    mine = [one for one in every(server, Factor) if one.user == server.users["miko"].id]
    assert {one.kind for one in mine} == {"totp", "recovery"}
    change(server, find(server, Client, "stefapp"), policy=client.policy)


def test_an_installation_demands_a_second_factor(tmp_path: Path) -> None:
    with live(tmp_path, accounts=AccountSettings(second_factor="required")) as server:
        browser = server.browser()
        browser.open("/sign-in")
        browser.sign_in("miko")
        assert 'id="sign-in"' in server.browser().open("/apps").text
        assert "vk_session" not in browser.http.cookies
        set_up(browser)
        assert "Sign out" in browser.open("/apps").text
        again = server.browser()
        again.open("/sign-in")
        again.sign_in("miko")
        assert 'id="code"' in again.page.text
