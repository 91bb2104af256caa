"""Two servers, one of them an attacker's (A04, A20); two people, one of them an attacker (A21).

A20: mix-up of two servers, at an app (draft-ietf-oauth-security-topics-update).

Attack: A malicious server makes the SDK send the code of another server to it.
Defense: The SDK compares `iss` and the server's metadata, and aborts.

A21: session fixation across users, at an app (draft-ietf-oauth-security-topics-update).

Attack: An attacker makes a user finish the attacker's sign-in, or the other way around.
Defense: The SDK accepts a response only in the session that sent the request.
"""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.browser import Browser
from tests.client.person import user
from tests.client.serving import METADATA, Serving, serving
from tests.live import Live
from tests.rows import row

from valetkey.client import Aborted, App, Key, MemoryStore


@pytest.fixture
def evil() -> Iterator[Serving]:
    with serving() as one:
        yield one


def key(issuer: str) -> Key:
    return Key(App(issuer=issuer, client_id="stefapp", scope=("openid", "chirps")), MemoryStore())


MIX_UPS: list[Any] = [
    row("9700 4.4.1", "the honest sign-in, the attacker's token endpoint", {}),
    row(
        "9207 2.4",
        "and a promise of iss",
        {"authorization_response_iss_parameter_supported": True},
    ),
]


@pytest.mark.parametrize("more", MIX_UPS)
def test_a_code_of_the_honest_server_is_not_brought_to_another(
    server: Live, no_grants: None, evil: Serving, more: dict[str, Any]
) -> None:
    """The user signs in where they trust; the app was told to redeem elsewhere."""
    evil.replies[METADATA] = evil.metadata(
        authorization_endpoint=f"{server.issuer}/authorize", **more
    )
    misled = key(evil.url)
    with pytest.raises(Aborted, match="another server"):
        misled.connect(open_browser=user(server.browser()), seconds=20)
    assert evil.paths() == [METADATA]
    assert misled.tokens is None
    misled.close()


def test_a_name_borrowed_from_the_honest_server(server: Live, evil: Serving) -> None:
    """The metadata that the attacker serves speaks of the honest issuer."""
    evil.replies[METADATA] = evil.metadata(issuer=server.issuer)
    misled = key(evil.url)
    with pytest.raises(Aborted, match="speaks of"):
        misled.connect(open_browser=lambda _: None, seconds=1)
    misled.close()


def test_an_answer_to_the_attackers_sign_in_is_not_taken(server: Live, no_grants: None) -> None:
    """The attacker signs in, and hands the last step to the victim's browser: the victim's app must
    not end up with the attacker's account."""
    attacker, attackers_answer = key(server.issuer), []

    def keep_the_answer(address: str) -> None:
        attackers_answer.append(_answered(server.browser(), address, "noor"))

    with pytest.raises(Aborted, match="nobody answered"):
        attacker.connect(open_browser=keep_the_answer, seconds=0.01)

    def lured(address: str) -> None:
        true_answer = _answered(server.browser(), address, "miko")
        parameters = attackers_answer[0].partition("?")[2]
        # To the very port on which the victim's app listens, which the attacker has found out.
        forged = httpx2.get(f"{true_answer.partition('?')[0]}?{parameters}")
        assert forged.status_code == 404
        httpx2.get(true_answer)

    victim = key(server.issuer)
    assert victim.connect(open_browser=lured, seconds=20).sub == server.users["miko"].id
    attacker.close()
    victim.close()


def _answered(browser: Browser, address: str, username: str) -> str:
    """Where the browser is sent after a yes."""
    browser.open(address)
    browser.sign_in(username)
    location: str = browser.press("allow").headers["location"]
    return location
