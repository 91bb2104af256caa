"""Passwords: kept as Argon2id, and as slow to refuse for nobody as for somebody."""

import time
from statistics import median

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.rows import row

from valetkey.server.accounts import password
from valetkey.server.accounts.password_forms import is_password_hash
from valetkey.server.model.keys import Secret

SALT = bytes(range(16))
KEPT = password.hash_password(Secret("correct horse"), salt=SALT)


def test_what_is_kept_is_argon2id_and_not_the_password() -> None:
    """RFC 9106 3.1; the costs are OWASP's for Argon2id."""
    assert KEPT.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert is_password_hash(KEPT)
    assert "correct" not in KEPT


def test_another_salt_keeps_it_otherwise() -> None:
    assert password.hash_password(Secret("correct horse"), salt=bytes(16)) != KEPT


FITS = [
    row("9106", "the password", "correct horse", KEPT, True),
    row("9106", "another", "correct hors", KEPT, False),
    row("9106", "in another case", "Correct horse", KEPT, False),
    row("9106", "with a space", "correct horse ", KEPT, False),
    row("9106", "empty", "", KEPT, False),
    row("9106", "what is kept itself", KEPT, KEPT, False),
    row("A87", "too long", "correct horse" + "x" * 2000, KEPT, False),
    row("A70", "for nobody", "correct horse", "", False),
    row("A70", "for nobody, by the name that fills in", "nobody's password", "", False),
    row("A70", "for nobody, empty", "", "", False),
    row("A82", "what is kept is damaged", "correct horse", KEPT[:-1], False),
    row("A82", "what is kept is none", "correct horse", "correct horse", False),
    row("A82", "what is kept is another function's", "x", "$2b$12$abcdefghijklmnopqrstuv", False),
]


@pytest.mark.parametrize("given,kept,fits", FITS)
def test_what_fits(given: str, kept: str, fits: bool) -> None:
    assert password.fits(Secret(given), kept) is fits


def test_a_password_of_many_alphabets_fits() -> None:
    given = Secret("пароль 密码 🗝 é")
    assert password.fits(given, password.hash_password(given, salt=SALT))


def test_a_password_that_goes_on_past_the_longest_is_another() -> None:
    longest = "x" * password.MAX_BYTES
    kept = password.hash_password(Secret(longest), salt=SALT)
    assert password.fits(Secret(longest), kept)
    assert not password.fits(Secret(longest + "x"), kept)


COMPOSED, APART = "caf\u00e9 der Nacht am Meer", "cafe\u0301 der Nacht am Meer"


def test_a_password_is_the_same_on_every_keyboard() -> None:
    """NIST SP 800-63B-4 3.1.1.2: Normalization Form C."""
    for given, typed in ((COMPOSED, APART), (APART, COMPOSED)):
        kept = password.hash_password(Secret(given), salt=SALT)
        assert password.fits(Secret(typed), kept)
        assert password.fits(Secret(given), kept)


@pytest.mark.parametrize("typed", [COMPOSED, APART])
def test_a_hash_of_bytes_that_were_not_normalized_still_fits_them(typed: str) -> None:
    """As this server made them before, and other systems make them."""
    ours = Argon2id(salt=SALT, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)
    theirs = Argon2id(salt=SALT, length=32, iterations=5, lanes=1, memory_cost=7168)
    for one in (ours, theirs):
        fits = password.fits(Secret(typed), one.derive_phc_encoded(typed.encode()))
        assert fits


def test_what_is_too_long_is_not_normalized() -> None:
    """A87: time for what nobody can use."""
    long = "e\u0301" * 1000
    assert password.spellings(Secret(long)) == (long.encode(),)


def cost(given: str, kept: str) -> float:
    """Seconds of this thread's processor time, the middle of five."""
    password.fits(Secret(given), kept)
    times = []
    for _ in range(5):
        begun = time.thread_time()
        password.fits(Secret(given), kept)
        times.append(time.thread_time() - begun)
    return median(times)


def test_nobody_takes_as_long_as_somebody() -> None:
    """ATTACKS A70; a password that is too long is refused no faster either."""
    somebody, nobody, long = cost("wrong", KEPT), cost("wrong", ""), cost("x" * 5000, KEPT)
    assert 0.5 < nobody / somebody < 2
    assert 0.5 < long / somebody < 2


def test_the_unused_hash_has_the_parameters_of_every_other() -> None:
    """ATTACKS A52: or time would tell which accounts there are."""
    text = "nobody's password"
    assert password.hash_password(Secret(text), salt=bytes(password.SALT)) == password.UNUSED_HASH
