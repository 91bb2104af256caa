"""A140: a password hash of another system as a weapon.

Attack: An imported hash takes so long or so much memory to check that nobody else can sign in; or
it accepts more than the password, as bcrypt does after 72 bytes.
Defense: A costly hash is refused at the import, with the field and the reason. The first sign-in
replaces the hash by the server's own of the whole password.
"""

from collections.abc import Iterator

import bcrypt
import pytest
from tests.attacks.play import change, find
from tests.live import Live, live

from valetkey.server.accounts import password
from valetkey.server.accounts.password_forms import MOST_BCRYPT, why_not_imported
from valetkey.server.model.keys import Secret
from valetkey.server.model.user import User

LONG = "correct horse " * 6


@pytest.fixture(scope="module")
def importing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("importing"), unthrottled=("127.0.0.0/8",)) as server:
        yield server


def sign_in(server: Live, word: str) -> str:
    browser = server.browser()
    browser.open("/sign-in")
    browser.send("sign-in", username="miko", password=word)
    return browser.open("/apps").url.path


def miko(server: Live) -> User:
    return find(server, User, server.users["miko"].id)


def test_after_the_first_sign_in_the_whole_password_counts(importing: Live) -> None:
    stored = bcrypt.hashpw(LONG.encode()[:72], bcrypt.gensalt(4)).decode()
    change(importing, miko(importing), password=stored)
    assert sign_in(importing, LONG[:71]) == "/sign-in"
    assert sign_in(importing, LONG) == "/apps"
    now = miko(importing).password
    assert not password.is_imported(now)
    assert password.fits(Secret(LONG), now)
    assert sign_in(importing, LONG + "x") == "/sign-in", "bcrypt would have let them in"


def test_a_hash_that_needs_a_missing_pepper_is_an_ordinary_refusal(
    importing: Live, caplog: pytest.LogCaptureFixture
) -> None:
    stored = "$bcrypt-pepper" + bcrypt.hashpw(b"word pepper", bcrypt.gensalt(4)).decode()
    change(importing, miko(importing), password=stored)
    assert sign_in(importing, "word ") == "/sign-in"
    assert any("VALETKEY_DEVISE_PEPPER" in str(one.__dict__) for one in caplog.records)


def test_the_next_cost_of_bcrypt_is_refused() -> None:
    """Each takes twice as long as the one before."""
    assert why_not_imported(f"$2b${MOST_BCRYPT}${'a' * 53}") == ""
    assert "too costly" in why_not_imported(f"$2b${MOST_BCRYPT + 1}${'a' * 53}")
