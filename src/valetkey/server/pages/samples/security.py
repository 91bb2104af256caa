"""The security page and the pages below it, in the states people meet."""

from msgspec.structs import replace

from valetkey.server.pages.account.security import LinkedSection, SecurityView
from valetkey.server.pages.account.sessions import SessionsSection
from valetkey.server.pages.components import View
from valetkey.server.pages.factors.authenticator import (
    AuthenticatorItem,
    FactorsSection,
    RecoveryCodesView,
    SetUpView,
    qr_code,
)
from valetkey.server.pages.factors.second_factor import FactorProblem, SecondFactorView
from valetkey.server.pages.samples.parts import DAY, FORM, HOSTILE, MIKO, NOW, SITE

NEW_CODES = tuple(
    f"{one}2ab-c3de-fgh4-{two}jk5" for one in ("a", "m", "q", "x", "z") for two in ("b", "n")
)
AUTHENTICATORS = FactorsSection(
    items=(
        AuthenticatorItem(id="1", name="Phone", since=NOW - 40 * DAY, used=NOW - DAY),
        AuthenticatorItem(id="2", name=HOSTILE, since=NOW, used=0),
    ),
    remove=FORM,
    new_codes=FORM,
    unused_codes=9,
    add="/security/authenticator",
)
SECOND = SecondFactorView(
    site=SITE,
    form=FORM,
    authenticator=True,
    passkey=FORM,
    recovery=True,
    trust_days=30,
    restart="/sign-in",
)
ADDRESS = "otpauth://totp/Chirp:miko?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Chirp"
SET_UP = SetUpView(
    site=SITE,
    form=FORM,
    qr=qr_code(ADDRESS),
    address=ADDRESS,
    secret="GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
    back="/security",
)
SESSIONS = SessionsSection(href="/security/sessions", count=2)
LINKED = LinkedSection(href="/linked")

SECURITY: dict[str, View] = {
    "security": SecurityView(site=SITE, account=MIKO, sections=(AUTHENTICATORS, SESSIONS, LINKED)),
    "security-without-factors": SecurityView(
        site=SITE,
        account=MIKO,
        sections=(replace(AUTHENTICATORS, items=(), unused_codes=None), LINKED),
    ),
    "second-factor": SECOND,
    "second-factor-passkey-only": replace(
        SECOND, authenticator=False, recovery=False, trust_days=0
    ),
    "second-factor-recovery": replace(SECOND, authenticator=False, passkey=None, trust_days=0),
    "second-factor-step-up": replace(SECOND, authenticator=False, trust_days=0, step_up=True),
    **{
        f"second-factor-{one.value}": replace(SECOND, problem=one, retry_after=200)
        for one in FactorProblem
        if one is not FactorProblem.NONE
    },
    "set-up-authenticator": SET_UP,
    "set-up-authenticator-required": replace(SET_UP, required=True, wrong=True),
    "set-up-authenticator-full": replace(SET_UP, full=True),
    "recovery-codes": RecoveryCodesView(site=SITE, codes=NEW_CODES, following="/security"),
}
"""Samples by name."""
