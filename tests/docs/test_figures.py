"""Figures that stand in prose are those of the code."""

from typing import Any, Final

import pytest
from tests.docs.markdown import ROOT, read
from tests.rows import row

from valetkey.cli import declaration, serving
from valetkey.jose import jwt
from valetkey.resource import issuer
from valetkey.server.accounts import throttle
from valetkey.server.http import front, installation, waiting_room
from valetkey.server.model.policy import Lifetimes
from valetkey.server.oauth.admin import keys
from valetkey.server.pages import password_check
from valetkey.wire import form

USUAL: Final = Lifetimes()


def figure(page: str, words: str, value: float, expected: float) -> Any:
    """The words on the page, the code's value, and the one that the words mean."""
    return row(page, words, page, words, value, expected)


FIGURES = [
    figure("bound", "300 seconds", USUAL.access_token, 300),
    figure("bound", "60 more", jwt.LEEWAY, 60),
    figure("bound", "once a second", installation.FRESH, 1),
    figure("bound", "for five minutes", issuer.FRESH, 300),
    figure("bound", "after a second at the earliest", min(issuer.PAUSES), 1),
    figure("bound", "count for an hour", issuer.STALE, 3600),
    figure("threats", "a quarter of an hour", throttle.WINDOW, 900),
    figure("threats", "10 attempts of that browser", throttle.BROWSER.attempts, 10),
    figure("threats", "5 attempts at the account from", throttle.PAIR.attempts, 5),
    figure("threats", "50 attempts at the account by", throttle.ACCOUNT.attempts, 50),
    figure("threats", "100 attempts from its network", throttle.NETWORK.attempts, 100),
    figure("threats", "up to 8 seconds", throttle.LONGEST, 8),
    figure("threats", "at most 512 strangers", waiting_room.MOST_ATTEMPTS, 512),
    figure("declare", "half a second", password_check.REFUSAL, 0.5),
    figure("threats", "64 KB of body", form.MAX_BYTES, 64 * 1024),
    figure("threats", "16 KB of headers", front.MAX_HEADERS, 16 * 1024),
    figure("endpoints", "at most 64 KB", form.MAX_BYTES, 64 * 1024),
    figure("run-the-server", "for ten seconds at most", serving.GRACE, 10),
    figure("rotate-keys", "five minutes, unless set", USUAL.jwks_cache, 300),
    figure("rotate-keys", "their lifetime and an hour", keys.keeps("ES256", USUAL), 3900),
    figure("rotate-keys", "a minute and an hour", keys.keeps("seal", USUAL), 3660),
    figure("SECURITY", "32 characters", declaration.SHORTEST_SECRET, 32),
]


@pytest.mark.parametrize("page, words, value, expected", FIGURES)
def test_a_figure(page: str, words: str, value: float, expected: float) -> None:
    (file,) = ROOT.glob(f"docs/*/{page}.md") if page.islower() else ROOT.glob(f"{page}.md")
    assert words in " ".join(read(file).split())
    assert value == expected
