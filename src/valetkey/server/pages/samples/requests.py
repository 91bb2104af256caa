"""The pages of an authorization request, of sign-in and of errors, in the states people meet."""

from msgspec.structs import replace

from valetkey.server.accounts.password_policy import PasswordProblem
from valetkey.server.accounts.proof_of_work import Puzzle
from valetkey.server.pages.account.organizations import NotAllowedView
from valetkey.server.pages.authorize import NoticeKind, NoticeView
from valetkey.server.pages.components import (
    Back,
    Destination,
    KeyPart,
    LockedGroup,
    PriorAnswer,
    Reach,
    View,
    WayLink,
)
from valetkey.server.pages.device import CodeProblem
from valetkey.server.pages.frame import Trouble
from valetkey.server.pages.handoff import RestartView
from valetkey.server.pages.limit_fields import Flaw, Wrong
from valetkey.server.pages.samples.parts import (
    CALENDAR,
    CHIRP_DESK,
    DAY,
    DELETE,
    EDIT,
    EMAIL,
    EVIL,
    FOLLOW,
    FORM,
    HOSTILE,
    MANY,
    MESSAGES,
    MIKO,
    NOW,
    PLATFORM,
    POST,
    PROFILE,
    RAW,
    READ,
    SEND,
    SITE,
)
from valetkey.server.pages.samples.views import (
    ANSWER,
    APPROVAL,
    APPROVALS,
    BACK,
    BARE,
    CHOICE,
    CONFIRM_DEVICE,
    CONSENT,
    ENTER_CODE,
    ERROR,
    NO,
    PAYING,
    POSTING,
    SIGN_IN,
    SIGN_OUT,
    SIGN_UP,
    SPENDING,
)
from valetkey.server.pages.sign_in import SignInPurpose, SignInView
from valetkey.server.pages.sign_out import SignedOutView
from valetkey.server.pages.sign_up import SignUpProblem
from valetkey.server.pages.ways import SignInProblem

WAYS = (
    WayLink(name="google", label="Google", href="/continue/x/with/google"),
    WayLink(name="hostile", label=HOSTILE, href="/continue/x/with/hostile"),
)
NOT_ALLOWED = NotAllowedView(
    site=SITE,
    account=MIKO,
    app=CALENDAR,
    organizations=("Acme",),
    form=FORM,
    back=Back(place="calendar.example", href="https://calendar.example/?error=access_denied"),
)
CONSENT_WITHHELD = replace(
    NOT_ALLOWED,
    organizations=(),
    form=None,
    reason="Apps that send money are for people of 16 and older. Ask a parent under Family.",
)
REQUESTS: dict[str, View] = {
    "sign-in": SIGN_IN,
    "sign-in-refused": replace(SIGN_IN, username="miko", problem=SignInProblem.REFUSED),
    "sign-in-unsure": replace(SIGN_IN, username="miko", problem=SignInProblem.REFUSED, unsure=True),
    "sign-in-throttled": replace(
        SIGN_IN,
        username="miko",
        problem=SignInProblem.THROTTLED,
        retry_after=290,
        puzzle=Puzzle("1700000600.c2FtcGxl.bWFj", 14),
    ),
    "sign-in-throttled-here": replace(
        SIGN_IN, problem=SignInProblem.THROTTLED_HERE, retry_after=290
    ),
    "sign-in-no-username": replace(SIGN_IN, problem=SignInProblem.USERNAME_MISSING),
    "sign-in-no-password": replace(SIGN_IN, username="m", problem=SignInProblem.PASSWORD_MISSING),
    "sign-in-again": replace(SIGN_IN, username="miko", purpose=SignInPurpose.CONFIRM),
    "sign-in-bare": SignInView(site=BARE, form=FORM, create="/create"),
    "sign-in-again-bare": SignInView(site=BARE, form=FORM, purpose=SignInPurpose.CONFIRM),
    "sign-in-hostile": replace(
        SIGN_IN,
        app=HOSTILE,
        username=HOSTILE,
        decline=replace(NO, destination=Destination(reach=Reach.WEB, place=EVIL.host)),
    ),
    "sign-in-passkey": replace(SIGN_IN, passkey=FORM),
    "sign-in-passkey-refused": replace(
        SIGN_IN, passkey=FORM, problem=SignInProblem.PASSKEY_REFUSED
    ),
    "sign-in-passkey-expired": replace(
        SIGN_IN, passkey=FORM, problem=SignInProblem.PASSKEY_EXPIRED
    ),
    "sign-in-passkey-unverified": replace(
        SIGN_IN, passkey=FORM, problem=SignInProblem.PASSKEY_UNVERIFIED
    ),
    "sign-in-mail": replace(SIGN_IN, mail_code="/sign-in/email"),
    "sign-in-ways": replace(SIGN_IN, ways=WAYS),
    "sign-in-ways-only": replace(SIGN_IN, ways=WAYS, password=False),
    "choice": CHOICE,
    "choice-hostile": replace(CHOICE, app=HOSTILE, account=replace(MIKO, name=HOSTILE)),
    "sign-up": SIGN_UP,
    "sign-up-taken": replace(SIGN_UP, username="miko", problem=SignUpProblem.IN_USE),
    "sign-up-username": replace(SIGN_UP, problem=SignUpProblem.USERNAME),
    "sign-up-password": replace(SIGN_UP, username="miko", problem=SignUpProblem.PASSWORD),
    **{
        f"sign-up-password-{one}": replace(
            SIGN_UP, username="miko", problem=SignUpProblem.PASSWORD, password_problem=one
        )
        for one in PasswordProblem
    },
    "sign-up-email": replace(SIGN_UP, username="miko", problem=SignUpProblem.EMAIL),
    "sign-up-throttled": replace(SIGN_UP, problem=SignUpProblem.THROTTLED, retry_after=290),
    "sign-up-hostile": replace(SIGN_UP, app=HOSTILE, username=HOSTILE, name=HOSTILE, email=HOSTILE),
    "not-allowed": NOT_ALLOWED,
    "consent-withheld": CONSENT_WITHHELD,
    "not-allowed-requested": replace(NOT_ALLOWED, form=None, back=None, requested=True),
    "not-allowed-hostile": replace(
        NOT_ALLOWED, app=EVIL, organizations=(HOSTILE, "Bolt"), back=Back(place=HOSTILE, href="/x")
    ),
    "answer": ANSWER,
    "answer-hostile": replace(ANSWER, fields=((HOSTILE, HOSTILE),), place=HOSTILE),
    "consent": CONSENT,
    "consent-web": replace(
        CONSENT,
        app=CALENDAR,
        destination=Destination(reach=Reach.WEB, place="calendar.example"),
        ends=NOW + 30 * DAY,
    ),
    "consent-scheme": replace(
        CONSENT, destination=Destination(reach=Reach.SCHEME, place="com.example.stef"), switch=None
    ),
    "consent-one": replace(CONSENT, app=CHIRP_DESK, requested=(PROFILE,), cannot=()),
    "consent-more": replace(
        CONSENT,
        requested=(MESSAGES, SEND),
        granted=(PROFILE, READ, POST),
        cannot=(LockedGroup(name="Chirp", permissions=(EMAIL, FOLLOW, EDIT, DELETE)),),
    ),
    "consent-limits": replace(
        CONSENT, limits=(PAYING, POSTING), lasting=("", "once", "day"), ends=NOW + 30 * DAY
    ),
    "consent-limits-wrong": replace(
        CONSENT,
        limits=(PAYING, POSTING),
        lasting=("", "once", "day"),
        requested=(replace(POST, ticked=False), READ),
        typed={"until": "day", f"much:{PAYING.id}": "abc", f"much-per:{PAYING.id}": "month"},
        wrong=Wrong(field=f"much:{PAYING.id}", flaw=Flaw.AMOUNT),
    ),
    "consent-nothing-new": replace(CONSENT, requested=(), granted=(PROFILE,)),
    "consent-broad": replace(
        CONSENT,
        broad=True,
        requested=(
            READ,
            replace(POST, ticked=False),
            replace(
                SEND, answer=PriorAnswer.OPEN, ticked=False, brings=("read your direct messages",)
            ),
        ),
    ),
    "consent-paused": replace(CONSENT, requested=(), granted=(PROFILE, READ), cause="paused"),
    "consent-restored": replace(CONSENT, cause="restored"),
    "consent-again": replace(CONSENT, cause="confirm", requested=(), granted=(PROFILE,)),
    "consent-many": replace(CONSENT, requested=MANY, cannot=PLATFORM),
    "consent-hostile": replace(
        CONSENT,
        app=EVIL,
        account=replace(MIKO, name=HOSTILE, username=HOSTILE),
        destination=Destination(reach=Reach.WEB, place=EVIL.host),
        requested=(POST, replace(READ, id=HOSTILE, title=HOSTILE, reason=HOSTILE)),
    ),
    "consent-parts": replace(
        CONSENT,
        parts=tuple(
            KeyPart(holder=one, set_up=True) for one in ("device", "backend", "recovery_code")
        ),
        threshold=2,
    ),
    "consent-both-parts": replace(
        CONSENT,
        parts=tuple(KeyPart(holder=one, set_up=True) for one in ("device", "backend")),
        threshold=2,
    ),
    "consent-elsewhere": replace(
        CONSENT, requested=(READ,), destination=Destination(reach=Reach.OTHER_DEVICE)
    ),
    "enter-code": ENTER_CODE,
    "enter-code-filled": replace(ENTER_CODE, code="WDJB-MJHT"),
    "enter-code-refused": replace(ENTER_CODE, code="WDJB-MJHT", problem=CodeProblem.REFUSED),
    "enter-code-missing": replace(ENTER_CODE, problem=CodeProblem.MISSING),
    "enter-code-throttled": replace(
        ENTER_CODE, problem=CodeProblem.THROTTLED, code="WDJB", retry_after=290
    ),
    "confirm-device": CONFIRM_DEVICE,
    "confirm-device-far": replace(
        CONFIRM_DEVICE, app=CALENDAR, near=False, device="", address="2001:db8:85a3::8a2e:370:7334"
    ),
    "confirm-device-hostile": replace(
        CONFIRM_DEVICE, app=EVIL, device=HOSTILE, address=HOSTILE, code=HOSTILE, near=False
    ),
    "approvals": APPROVALS,
    "approvals-one": replace(APPROVALS, questions=(SPENDING,)),
    "approvals-none": replace(APPROVALS, questions=()),
    "approval": APPROVAL,
    "approval-spending": replace(APPROVAL, question=SPENDING),
    "approval-hostile": replace(
        APPROVAL, question=replace(SPENDING, app=RAW, words=HOSTILE, amount=HOSTILE)
    ),
    "sign-out": SIGN_OUT,
    "sign-out-apps": replace(SIGN_OUT, signed_in=("Calendar", "stefApp", HOSTILE)),
    "restart": RestartView(site=SITE, restart="/interaction/restart?interaction=x"),
    "signed-out": SignedOutView(site=SITE, sign_in="/sign-in", back=BACK),
    "signed-out-bare": SignedOutView(site=BARE),
    "connected": NoticeView(site=SITE, outcome=NoticeKind.CONNECTED, apps="/apps"),
    "cancelled": NoticeView(
        site=SITE,
        outcome=NoticeKind.CANCELLED,
    ),
    "error": ERROR,
    "error-back": replace(ERROR, trouble=Trouble.IMPOSSIBLE, back=BACK, code="invalid_scope"),
    "error-hostile": replace(ERROR, detail=HOSTILE, code=HOSTILE, reference=HOSTILE, site=BARE),
    **{
        f"error-{trouble.replace('_', '-')}": replace(
            ERROR,
            trouble=trouble,
            detail="",
        )
        for trouble in Trouble
    },
}
