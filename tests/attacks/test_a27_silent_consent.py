"""A27: silent consent for an app that can be impersonated (RFC 8252 8.6).

Attack: A program on the device poses as a public app that the user has allowed before.
Defense: Such an app gets nothing without the user's presence.
"""

from typing import Any

import pytest
from tests.attacks.play import AS_SPA, AS_WEB, STEFAPP, asking, sent_back, signed_in
from tests.browser import Asking, Browser, authorize
from tests.live import Live
from tests.rows import row

CUSTOM = Asking(redirect_uri="com.example.stefapp:/callback")

IMPERSONABLE: list[Any] = [
    row("8252 8.6", "on a loopback address", STEFAPP),
    row("8252 8.6", "by a private scheme", CUSTOM),
]
OTHERS: list[Any] = [
    row("8252 8.6", "with a secret", AS_WEB),
    row("8252 8.6", "public, at an https address of its own", AS_SPA),
]


def again(browser: Browser, base: Asking, **more: str) -> dict[str, str]:
    return sent_back(browser.http.get(asking(base, **more).path()))


@pytest.mark.parametrize("base", IMPERSONABLE)
def test_a_second_time_is_asked_again(base: Asking, server: Live) -> None:
    browser = signed_in(server)
    authorize(browser, base)
    refused = browser.http.get(asking(base, prompt="none").path())
    assert "code=" not in refused.headers.get("location", "")
    assert "interaction_required" in refused.headers.get("location", "") + refused.text
    browser.open(base.path())
    assert 'id="allow"' in browser.page.text


@pytest.mark.parametrize("base", OTHERS)
def test_others_are_let_through_silently(base: Asking, server: Live) -> None:
    browser = signed_in(server)
    authorize(browser, base)
    assert "code" in again(browser, base, prompt="none")


@pytest.mark.parametrize("base", [*IMPERSONABLE, *OTHERS])
def test_nobody_is_let_through_who_was_never_allowed(base: Asking, server: Live) -> None:
    browser = signed_in(server, "noor")
    answer = browser.http.get(asking(base, prompt="none", scope="openid").path())
    assert "code=" not in answer.headers.get("location", "")
