"""The rules for new passwords (NIST SP 800-63B-4 3.1.1.2)."""

import time
from typing import Final

import pytest
from tests.rows import row

from valetkey.server.accounts.password_policy import (
    MIN_EVER,
    PasswordPolicy,
    PasswordProblem,
    explain,
)
from valetkey.server.http.new_passwords import common_passwords
from valetkey.server.model.keys import Secret

COMMON: Final = common_passwords()
POLICY: Final = PasswordPolicy(common=COMMON, names=("Chirp", "id.chirp.example"))
ABOUT: Final = ("miko.lind", "Miko Lind", "miko@mail.example")
SHORT, LONG, COMMONPLACE, NAMES, REPEATED, _ = PasswordProblem

WIDE: Final = "".join(chr(ord(one) + 0xFEE0) for one in "PASSWORD12345678")

RULES = [
    row("800-63B-4", "fifteen characters", "vexing quiet oz", None),
    row("800-63B-4", "fourteen", "vexing quiet o", SHORT),
    row("800-63B-4", "fifteen characters of four bytes", "🗝🔑🚪🏠🪟🧱🔒🔓🛡🗡🪤🧿📿🧵🪡", None),
    row("800-63B-4", "fourteen letters, one with a mark of its own", "vexing quiet e\u0301", SHORT),
    row("800-63B-4", "sixty-four characters and more", "vexing quiet oz " * 5, None),
    row("A87", "1024 bytes", "vexing quiet oz " * 64, None),
    row("A87", "1025 bytes", "vexing quiet oz " * 64 + "x", LONG),
    row("800-63B-4", "no capitals, digits or signs are needed", "meadowpianolanternsoup", None),
    row("800-63B-4", "spaces count", "a b c q d m x z", None),
    row("800-63B-4", "words that are common are no common password", "summer dragon monkey", None),
    row("common", "twice", "passwordpassword", COMMONPLACE),
    row("common", "with a run", "Password12345678", COMMONPLACE),
    row("common", "with a year and a sign", "Sunshine2026!!!", COMMONPLACE),
    row("common", "with other letters", "P@ssw0rdP@ssw0rd", COMMONPLACE),
    row("common", "with spaces", "pass word 1234 5678 90", None),
    row("common", "the famous one", "Correct-Horse-Battery-Staple", COMMONPLACE),
    row("common", "a run", "1234567890123456", COMMONPLACE),
    row("common", "a row of keys", "qwertyuiopasdfghjkl", COMMONPLACE),
    row("common", "columns of keys", "1qaz2wsx3edc4rfv", COMMONPLACE),
    row("common", "the alphabet", "abcdefghijklmnop", COMMONPLACE),
    row("common", "from the list", "mailcreated5240", COMMONPLACE),
    row(
        "common",
        "in full width",
        WIDE,
        COMMONPLACE,
    ),
    row("common", "one with a number that is no run", "dragon839201847362", None),
    row("context", "the site", "chirpchirpchirp1", NAMES),
    row("context", "the site's host", "id.chirp.example!", NAMES),
    row("context", "the username", "miko.lind-miko.lind", NAMES),
    row("context", "the display name and a year", "Miko Lind 1987!", NAMES),
    row("context", "the address", "miko@mail.example", NAMES),
    row("context", "the username, with separators", "miko-lind-miko-1", NAMES),
    row("context", "a name among other words", "miko sails at dusk", None),
    row("repeated", "one character", "aaaaaaaaaaaaaaa", REPEATED),
    row("repeated", "four characters", "xk7vxk7vxk7vxk7", REPEATED),
    row("repeated", "not to the end", "xk7vxk7vxk7vxk7 sails", None),
]


@pytest.mark.parametrize("given, problem", RULES)
def test_what_may_be_a_password(given: str, problem: PasswordProblem | None) -> None:
    assert POLICY.problem(Secret(given), about=ABOUT) == problem


@pytest.mark.parametrize("problem", PasswordProblem)
def test_the_reason_is_said_and_the_password_is_not(problem: PasswordProblem) -> None:
    assert len(explain(problem, POLICY).split()) >= 5


def test_a_shorter_one_where_another_factor_goes_with_it() -> None:
    policy = PasswordPolicy(shortest=MIN_EVER, common=COMMON)
    assert policy.problem(Secret("vexingoz")) is None
    assert policy.problem(Secret("vexingo")) == SHORT
    assert policy.problem(Secret("sunshine")) == COMMONPLACE


def test_a_judgment_takes_little_time() -> None:
    """A88: whatever is typed."""
    began = time.process_time()
    for text in ("password" * 8, "passwordab" * 100, "1a" * 500, "miko" * 250):
        POLICY.problem(Secret(text), about=(*ABOUT, "ab " * 160))
    assert time.process_time() - began < 0.5


def test_the_bundled_list_is_folded_and_as_long_as_its_origin_says() -> None:
    assert len(COMMON) == 27_986
    assert min(map(len, COMMON)) == 6
    assert all(one == one.casefold() for one in COMMON)
