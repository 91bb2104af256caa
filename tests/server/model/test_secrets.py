"""Secrets do not print (house rule of reprs; ATTACKS A82, A85)."""

from typing import Any

import pytest
from tests.rows import row

from valetkey.jose.seal import digest
from valetkey.server.model.client import Client, StoredSecret
from valetkey.server.model.keys import Keyring, RawKey, Secret
from valetkey.server.oauth.authorize.browser_session import Browser
from valetkey.server.oauth.authorize.outcome import Permit
from valetkey.server.oauth.authorize.reply_address import ReplyTo
from valetkey.server.oauth.core.decision import Issued
from valetkey.server.oauth.core.feature import Call, Credentials
from valetkey.server.oauth.grant_types import authorization_code, refresh_token
from valetkey.wire.access_token import AccessToken
from valetkey.wire.form import Form

TEA = "tea-for-two"
FORM = Form({"code": TEA, "refresh_token": TEA, "code_verifier": TEA, "client_secret": TEA})
ISSUED = Issued(
    client=Client(id="stef", name="stefApp"),
    access_token=AccessToken(iss="i", iat=0, exp=1, sub="s", aud=(), client_id="stef", jti="j"),
    id_token=None,
    refresh_token=TEA,
    scope="",
)

HOLDERS = [
    row("model", "Secret", Secret(TEA)),
    row("model", "RawKey", RawKey("kid", TEA.encode())),
    row(
        "model",
        "Keyring",
        Keyring({}, (), (RawKey("kid", TEA.encode()),), (RawKey("kid", TEA.encode()),)),
    ),
    row("oauth", "Call", Call(form=FORM, authorization=f"Basic {TEA}")),
    row("oauth", "Permit", Permit(reply_to=ReplyTo("https://app.example/cb", "", "i"), code=TEA)),
    row("oauth", "Issued", ISSUED),
    row("oauth", "Credentials", Credentials("stef", TEA)),
    row("oauth", "Browser", Browser(id=TEA, session="s", session_secret=TEA)),
    row("oauth", "a code", authorization_code.parse(FORM)),
    row("oauth", "a refresh token", refresh_token.parse(FORM)),
    row("wire", "Form", FORM),
]


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_holds_a_secret_does_not_print_it(holder: Any) -> None:
    assert TEA not in f"{holder!r} {holder!s} {holder} {[holder]}"
    assert TEA not in "%s %r" % (holder, holder)  # noqa: UP031


def test_a_secret_is_equal_to_itself_alone() -> None:
    assert Secret(TEA) == Secret(TEA)
    assert Secret(TEA) != Secret("x")
    assert Secret(TEA) != TEA
    assert len({Secret(TEA), Secret(TEA)}) == 1
    assert Secret(TEA).reveal() == TEA


KEPT = [
    row("fits", "for ever", StoredSecret(digest(TEA), 0), TEA, True),
    row("fits", "another", StoredSecret(digest(TEA), 0), "coffee", False),
    row("fits", "empty", StoredSecret(digest(TEA), 0), "", False),
    row("fits", "its own digest", StoredSecret(digest(TEA), 0), digest(TEA), False),
    row("fits", "in its last second", StoredSecret(digest(TEA), 0, until=101), TEA, True),
    row("fits", "over", StoredSecret(digest(TEA), 0, until=100), TEA, False),
]


@pytest.mark.parametrize("kept,given,fits", KEPT)
def test_a_kept_secret(kept: StoredSecret, given: str, fits: bool) -> None:
    assert kept.matches(given, now=100) is fits
    assert TEA not in repr(kept)
