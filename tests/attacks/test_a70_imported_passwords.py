"""A70, A71: account enumeration, with imported passwords.

Attack: An attacker learns from the time of a refusal which passwords come from another system.
Defense: After an import, each refusal takes the same time. The server stores an imported password
anew after its first use.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.attacks.play import change, find
from tests.browser import Browser
from tests.installation import PASSWORDS
from tests.live import Live, live

from valetkey.server.accounts import password
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.model.change import Create
from valetkey.server.model.user import User, password_mark, with_rehashed_password
from valetkey.server.pages.password_check import REFUSAL


@pytest.fixture(scope="module")
def importing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server to which users came from elsewhere."""
    with live(tmp_path_factory.mktemp("importing"), unthrottled=("127.0.0.0/8",)) as server:
        server.run(server.store.commit([Create(MARKER)]))
        yield server


def imported(word: str) -> str:
    """The word, as another system keeps it."""
    argon2 = Argon2id(salt=bytes(16), length=32, iterations=5, lanes=1, memory_cost=7168)
    return argon2.derive_phc_encoded(word.encode())


def miko(server: Live) -> User:
    return find(server, User, server.users["miko"].id)


@pytest.fixture
def from_elsewhere(importing: Live) -> Live:
    """Its Miko is from elsewhere, and has not signed in."""
    change(importing, miko(importing), password=imported(PASSWORDS["miko"]))
    return importing


def sign_in(server: Live, name: str, word: str) -> Browser:
    browser = server.browser()
    browser.open("/sign-in")
    browser.send("sign-in", username=name, password=word)
    return browser


def test_it_is_kept_anew_at_the_next_sign_in_and_sessions_go_on(from_elsewhere: Live) -> None:
    before = miko(from_elsewhere)
    sign_in(from_elsewhere, "miko", "wrong")
    assert miko(from_elsewhere) == before
    first = sign_in(from_elsewhere, "miko", PASSWORDS["miko"])
    after = miko(from_elsewhere)
    assert password.is_imported(before.password)
    assert not password.is_imported(after.password)
    assert password_mark(after) == password_mark(before)
    assert after.version == before.version + 1
    second = sign_in(from_elsewhere, "miko", PASSWORDS["miko"])
    assert miko(from_elsewhere) == after
    for browser in (first, second):
        assert browser.open("/apps").url.path == "/apps"
    change(from_elsewhere, after, password=imported("another"))
    for browser in (first, second):
        assert browser.open("/apps").url.path == "/sign-in", "another password ends them"


def test_many_first_sign_ins_at_once(from_elsewhere: Live) -> None:
    def signed_in(_: int) -> str:
        return sign_in(from_elsewhere, "miko", PASSWORDS["miko"]).open("/apps").url.path

    with ThreadPoolExecutor(12) as pool:
        assert Counter(pool.map(signed_in, range(12))) == {"/apps": 12}
    assert not password.is_imported(miko(from_elsewhere).password)


@pytest.mark.parametrize("name", ["miko", "noor", "nobody"])
def test_every_refusal_takes_as_long(name: str, from_elsewhere: Live) -> None:
    browser = from_elsewhere.browser()
    browser.open("/sign-in")
    began = time.monotonic()
    assert browser.send("sign-in", username=name, password="wrong").status_code == 400
    assert time.monotonic() - began >= REFUSAL


def test_where_nothing_was_imported_nobody_waits(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valetkey.server.pages.password_check.REFUSAL", 600.0)
    browser = server.browser()
    browser.open("/sign-in")
    assert browser.send("sign-in", username="miko", password="wrong").status_code == 400


def test_another_form_is_the_same_password_and_another_password_is_not() -> None:
    user = User(id="0" * 26, username="x", password="a")
    renewed = with_rehashed_password(user, "b")
    again = with_rehashed_password(renewed, "c")
    assert password_mark(user) == password_mark(renewed) == password_mark(again)
    assert len({password_mark(User(id="0" * 26, username="x", password=one)) for one in "abc"}) == 3
    changed = msgspec.structs.replace(again, password="d")
    assert password_mark(changed) not in {password_mark(user), password_mark(again)}
