"""The pages of passwords, e-mail addresses and phone numbers, in the states that people meet."""

from msgspec.structs import replace

from valetkey.server.accounts.password_policy import PasswordProblem
from valetkey.server.pages.account.security import SecurityView
from valetkey.server.pages.components import View
from valetkey.server.pages.credentials.contact_views import (
    ContactKind,
    ContactProblem,
    ContactSection,
    ContactView,
    ProofProblem,
    ProveContactView,
)
from valetkey.server.pages.credentials.forgot import ForgotView, ResetProblem, ResetState, ResetView
from valetkey.server.pages.credentials.mail_sign_in import MailCodeState, MailCodeView
from valetkey.server.pages.credentials.password import ChangePasswordView, PasswordSection
from valetkey.server.pages.samples.parts import FORM, HOSTILE, MIKO, SITE

CHANGE = ChangePasswordView(site=SITE, account=MIKO, form=FORM, shortest=15, notifies=True)
FORGOT = ForgotView(site=SITE, form=FORM, sign_in="/sign-in")
RESET = ResetView(site=SITE, state=ResetState.WAITING, form=FORM, shortest=15, again="/forgot")
MAIL_CODE = MailCodeView(site=SITE, state=MailCodeState.ASK, sign_in="/sign-in", form=FORM)
MAILED = replace(MAIL_CODE, state=MailCodeState.WAITING, again="/sign-in/email")
ADDRESS = ContactView(
    site=SITE,
    account=MIKO,
    form=FORM,
    kind=ContactKind.EMAIL,
    value="miko@example.org",
    verified=True,
)
PROOF = ProveContactView(
    site=SITE,
    account=MIKO,
    form=FORM,
    kind=ContactKind.EMAIL,
    back="/security/email",
    value="miko@example.org",
)
NUMBER = replace(ADDRESS, kind=ContactKind.PHONE, value="+4915112345678")
NUMBER_PROOF = replace(
    PROOF, kind=ContactKind.PHONE, back="/security/phone", value="+4915112345678"
)
OWN_PASSWORD = PasswordSection(href="/security/password")
OWN_EMAIL = ContactSection(
    kind=ContactKind.EMAIL, href="/security/email", value="miko@example.org", verified=True
)
OWN_PHONE = ContactSection(
    kind=ContactKind.PHONE, href="/security/phone", value="+4915112345678", verified=True
)


def _security(*contacts: ContactSection) -> SecurityView:
    return SecurityView(site=SITE, account=MIKO, sections=(OWN_PASSWORD, *contacts))


CREDENTIALS: dict[str, View] = {
    "change-password": CHANGE,
    "change-password-done": replace(CHANGE, changed=True, notifies=False),
    "change-password-problem": replace(CHANGE, problem=PasswordProblem.NAMES),
    "forgot": FORGOT,
    "forgot-missing": replace(FORGOT, missing=True),
    "reset": RESET,
    "reset-link": replace(RESET, code="WDJBMJHT", again=None),
    "reset-code": replace(RESET, problem=ResetProblem.CODE, remaining=4),
    "reset-code-last": replace(RESET, problem=ResetProblem.CODE),
    "reset-password": replace(RESET, code="x", problem=ResetProblem.PASSWORD),
    "reset-hostile": replace(RESET, code=HOSTILE[:64]),
    **{
        f"reset-{state}": replace(RESET, state=state, form=None)
        for state in ResetState
        if state is not ResetState.WAITING
    },
    **{
        f"mail-code-{state}": replace(MAILED, state=state, form=None)
        for state in (MailCodeState.OTHER_BROWSER, MailCodeState.OVER)
    },
    "mail-code-not_enough": replace(MAIL_CODE, state=MailCodeState.NOT_ENOUGH, form=None),
    "mail-code": MAIL_CODE,
    "mail-code-missing": replace(MAIL_CODE, wrong=True),
    "mail-code-waiting": MAILED,
    "mail-code-link": replace(MAILED, code="WDJBMJHT"),
    "mail-code-wrong": replace(MAILED, wrong=True, remaining=4),
    "mail-code-last": replace(MAILED, wrong=True),
    "mail-code-hostile": replace(MAILED, code=HOSTILE[:64]),
    "email": ADDRESS,
    "email-none": replace(ADDRESS, value="", verified=False),
    "email-unverified": replace(ADDRESS, verified=False, entered="miko@example.org"),
    "email-wrong": replace(ADDRESS, problem=ContactProblem.FORM, entered=HOSTILE),
    "email-proved": replace(ADDRESS, proved=True),
    "prove-email": PROOF,
    "prove-email-link": replace(PROOF, code="WDJBMJHT"),
    "prove-email-code": replace(PROOF, problem=ProofProblem.CODE, remaining=1),
    "prove-email-last": replace(PROOF, problem=ProofProblem.CODE),
    "prove-email-over": replace(PROOF, problem=ProofProblem.OVER, value=""),
    "prove-email-hostile": replace(PROOF, value=HOSTILE, code=HOSTILE),
    "phone": NUMBER,
    "phone-none": replace(NUMBER, value="", verified=False),
    "phone-unverified": replace(NUMBER, verified=False, entered="+4915112345678"),
    "phone-wrong": replace(NUMBER, problem=ContactProblem.FORM, entered="0151 12345678"),
    "phone-place": replace(NUMBER, problem=ContactProblem.PLACE, entered="+8816123456789"),
    "phone-proved": replace(NUMBER, proved=True),
    "prove-phone": NUMBER_PROOF,
    "prove-phone-code": replace(NUMBER_PROOF, problem=ProofProblem.CODE, remaining=3),
    "security-own": _security(OWN_EMAIL, OWN_PHONE),
    "security-no-email": _security(
        replace(OWN_EMAIL, value="", verified=False), replace(OWN_PHONE, value="", verified=False)
    ),
    "security-unverified": _security(
        replace(OWN_EMAIL, value=HOSTILE, verified=False),
        replace(OWN_PHONE, value=HOSTILE, verified=False),
    ),
}
"""Samples by name."""
