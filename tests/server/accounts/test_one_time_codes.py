"""One-time codes: which are accepted, when, and how often."""

import os

import pyotp
import pytest

from valetkey.server.accounts import one_time_codes
from valetkey.server.accounts.one_time_codes import (
    is_recovery_code,
    matching_step,
    new_recovery_codes,
    recovery_digest,
    secret_text,
)
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.accounts.stages import Requirement, next_stage, trust_mark, with_code
from valetkey.server.model.assurance import PASSWORD, PHISHING_RESISTANT, TWO_FACTORS, is_met
from valetkey.server.model.environment import Env
from valetkey.server.model.factor import Factor, FactorKind
from valetkey.server.model.user import User

SECRET = b"12345678901234567890"
NOW = 1_760_000_010  # 10 seconds into a step
ENV = Env.at(NOW * 10**9, os.urandom)


def code_at(moment: int) -> str:
    return pyotp.TOTP(secret_text(SECRET)).at(moment)


# RFC 6238, appendix B: the last six digits.
VECTORS = [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]


@pytest.mark.parametrize("moment,code", VECTORS)
def test_the_vectors_of_rfc_6238(moment: int, code: str) -> None:
    assert matching_step(SECRET, code, moment) == moment // 30


WINDOW = [(-60, False), (-30, True), (0, True), (30, True), (60, False)]


@pytest.mark.parametrize("drift,accepted", WINDOW)
def test_a_clock_may_be_one_step_wrong(drift: int, accepted: bool) -> None:
    assert (matching_step(SECRET, code_at(NOW + drift), NOW) is not None) is accepted


def test_a_code_counts_once_and_an_earlier_one_not_afterwards() -> None:
    step = matching_step(SECRET, code_at(NOW), NOW)
    assert step == NOW // 30
    assert matching_step(SECRET, code_at(NOW), NOW, after=step) is None
    assert matching_step(SECRET, code_at(NOW - 30), NOW, after=step) is None
    assert matching_step(SECRET, code_at(NOW + 30), NOW, after=step) == step + 1


@pytest.mark.parametrize(
    "typed",
    ["", "12345", "1234567", "abcdef", "".join(chr(0xFF11 + one) for one in range(6)), "0x1234"],
)
def test_what_is_no_code_is_refused(typed: str) -> None:
    assert matching_step(SECRET, typed, NOW) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    code = code_at(NOW)
    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", NOW) == NOW // 30


def test_recovery_codes_have_80_bits_and_belong_to_one_user() -> None:
    codes = new_recovery_codes(ENV)
    assert len(set(codes)) == one_time_codes.RECOVERY_CODES
    assert {len(one.replace("-", "")) for one in codes} == {16}
    assert all(map(is_recovery_code, codes))
    assert not is_recovery_code("123456")
    assert recovery_digest(codes[0].upper().replace("-", " "), "a") == recovery_digest(
        codes[0], "a"
    )
    assert recovery_digest(codes[0], "a") != recovery_digest(codes[0], "b")


def factor(kind: FactorKind) -> Factor:
    return Factor(id=kind, user="u", kind=kind, created=NOW)


PWD = Proof(auth_time=NOW, amr=("pwd",))
CODE = with_code(PWD)
KEY = Proof(auth_time=NOW, amr=("pop", "mfa"), acr=PHISHING_RESISTANT)
TOTP, RECOVERY = (factor("totp"),), (factor("recovery"),)

STAGES = [
    ("no factor", PWD, (), {}, False, "open"),
    ("a factor", PWD, TOTP, {}, False, "code"),
    ("a factor, and proved", CODE, TOTP, {}, False, "open"),
    ("a passkey proves all", KEY, TOTP, {}, False, "open"),
    ("recovery codes alone are no factor", PWD, RECOVERY, {}, False, "open"),
    ("trusted", PWD, TOTP, {}, True, "open"),
    ("trusted, for a fresh proof", PWD, TOTP, {"fresh": True}, True, "code"),
    ("trusted, for an app's level", PWD, TOTP, {"request": TWO_FACTORS}, True, "code"),
    ("trusted, where all need it", PWD, TOTP, {"installation": TWO_FACTORS}, True, "open"),
    ("trust without a factor", PWD, (), {"installation": TWO_FACTORS}, True, "set-up"),
    ("required of all", PWD, (), {"installation": TWO_FACTORS}, False, "set-up"),
    ("required by an app", PWD, (), {"request": TWO_FACTORS}, False, "set-up"),
    ("liked by an app", PWD, (), {"preferred": TWO_FACTORS}, False, "open"),
    ("liked, and there is one", PWD, TOTP, {"preferred": TWO_FACTORS}, True, "code"),
    ("out of reach", PWD, TOTP, {"request": PHISHING_RESISTANT}, False, "unable"),
]


@pytest.mark.parametrize("case", STAGES, ids=[one[0] for one in STAGES])
def test_the_next_stage(
    case: tuple[str, Proof, tuple[Factor, ...], dict[str, str], bool, str],
) -> None:
    _, proof, factors, requirement, trusted, stage = case
    found = next_stage(
        proof,
        factors,
        requirement=Requirement(**requirement),  # type: ignore[arg-type]
        trusted=trusted,
    )
    assert found == stage


LEVELS = [
    (("pwd",), "", PASSWORD, True),
    (("pwd",), "", TWO_FACTORS, False),
    (("pwd", "otp", "mfa"), TWO_FACTORS, TWO_FACTORS, True),
    (("pwd", "otp", "mfa"), TWO_FACTORS, PHISHING_RESISTANT, False),
    (("pop", "mfa"), PHISHING_RESISTANT, TWO_FACTORS, True),
    (("pop", "mfa"), PHISHING_RESISTANT, PASSWORD, True),
    (("pwd", "mfa"), "", TWO_FACTORS, False),
    ((), "their-own", "their-own", True),
    ((), "their-own", PASSWORD, False),
]


@pytest.mark.parametrize("amr,acr,asked,met", LEVELS)
def test_levels_include_the_weaker_ones(
    amr: tuple[str, ...], acr: str, asked: str, met: bool
) -> None:
    assert is_met(amr, [asked], acr) is met


def test_trust_ends_with_the_password_and_with_the_factors() -> None:
    user = User(id="u", username="miko", password="one")
    mark = trust_mark(user, TOTP)
    assert trust_mark(user, (*TOTP, *RECOVERY)) == mark
    assert trust_mark(user, (*TOTP, factor("passkey"))) != mark
    assert trust_mark(User(id="u", username="miko", password="two"), TOTP) != mark
    assert trust_mark(User(id="v", username="miko", password="one"), TOTP) != mark
