"""The pages of passwords and e-mail addresses, in the states that people meet."""

from msgspec.structs import replace

from valetkey.server.accounts.password_policy import PasswordProblem
from valetkey.server.pages.account.security import SecurityView
from valetkey.server.pages.components import View
from valetkey.server.pages.credentials.email import (
    EmailSection,
    EmailView,
    ProofProblem,
    ProveEmailView,
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
ADDRESS = EmailView(site=SITE, account=MIKO, form=FORM, email="miko@example.org", verified=True)
PROOF = ProveEmailView(
    site=SITE, account=MIKO, form=FORM, back="/security/email", email="miko@example.org"
)
OWN_PASSWORD = PasswordSection(href="/security/password")
OWN_EMAIL = EmailSection(href="/security/email", email="miko@example.org", verified=True)


def _security(email: EmailSection) -> SecurityView:
    return SecurityView(site=SITE, account=MIKO, sections=(OWN_PASSWORD, email))


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
    "email-none": replace(ADDRESS, email="", verified=False),
    "email-unverified": replace(ADDRESS, verified=False, entered="miko@example.org"),
    "email-wrong": replace(ADDRESS, wrong=True, entered=HOSTILE),
    "email-proved": replace(ADDRESS, proved=True),
    "prove-email": PROOF,
    "prove-email-link": replace(PROOF, code="WDJBMJHT"),
    "prove-email-code": replace(PROOF, problem=ProofProblem.CODE, remaining=1),
    "prove-email-last": replace(PROOF, problem=ProofProblem.CODE),
    "prove-email-over": replace(PROOF, problem=ProofProblem.OVER, email=""),
    "prove-email-hostile": replace(PROOF, email=HOSTILE, code=HOSTILE),
    "security-own": _security(OWN_EMAIL),
    "security-no-email": _security(replace(OWN_EMAIL, email="", verified=False)),
    "security-unverified": _security(replace(OWN_EMAIL, email=HOSTILE, verified=False)),
}
"""Samples by name."""
