"""Each page in the states that people meet, with kind and with hostile words in them."""

from msgspec.structs import replace

from valetkey.server.pages.account_choice import ChoiceView
from valetkey.server.pages.approvals import ApprovalsView, ApprovalView, QuestionRow
from valetkey.server.pages.apps import StopAppView
from valetkey.server.pages.apps_list import AppsView, StopUnusedView
from valetkey.server.pages.authorize import AnswerFormView, NoticeKind, NoticeView
from valetkey.server.pages.components import (
    GROUPS,
    RISKS,
    AccessStatus,
    Account,
    App,
    Back,
    ConnectionItem,
    Decline,
    DelegateItem,
    Destination,
    DeviceItem,
    HistoryEntry,
    KeyPart,
    LockedGroup,
    Need,
    PageForm,
    PermissionItem,
    PriorAnswer,
    Reach,
    ReceiptItem,
    ReceiptLine,
    Shelf,
    Site,
    Success,
    Trust,
    View,
    plain,
)
from valetkey.server.pages.connected import AppView
from valetkey.server.pages.consent import ConsentView
from valetkey.server.pages.device import CodeProblem, EnterCodeView
from valetkey.server.pages.frame import ErrorView, Trouble
from valetkey.server.pages.interaction import ConfirmDeviceView
from valetkey.server.pages.limit_fields import Field, Flaw, Limit, Used, Wrong
from valetkey.server.pages.limits import LimitsView
from valetkey.server.pages.shards import PartsView
from valetkey.server.pages.sign_in import SignInProblem, SignInPurpose, SignInView
from valetkey.server.pages.sign_out import SignedOutView, SignOutView
from valetkey.server.pages.sign_up import SignUpProblem, SignUpView

NOW = 1_795_509_000  # 24 November 2026, 08:30 UTC
HOUR, DAY = 3_600, 86_400
HOSTILE = (
    "<script>alert(1)</script>\"><img src=x onerror=alert(2)>' style=color:red "
    "\u202eelgooG\u2066 {{ 7*7 }}"
)

SITE = Site(
    name="Chirp",
    static="/static",
    home="/",
    privacy="/privacy",
    terms="/terms",
)
FORM = PageForm(action="/here", csrf="c5rf-t0ken", hidden=(("pending", "p-17"),))
MIKO = Account(name="Miko Lind", username="miko", sign_out="/sign-out")

STEF = App(client_id="stefapp", name="stefApp", trust=Trust.UNVERIFIED)
CALENDAR = App(
    client_id="https://calendar.example/client.json",
    name="Calendar",
    trust=Trust.VERIFIED,
    host="calendar.example",
    privacy="https://calendar.example/privacy",
    terms="https://calendar.example/terms",
)
DESK = App(client_id="desk", name="Chirp Desk", trust=Trust.VERIFIED, logo="/static/key.svg")
EVIL = App(
    client_id='evil"><script>alert(3)</script>',
    name=plain(HOSTILE, 60),
    trust=Trust.UNVERIFIED,
    host="accounts.google.com.sign-in.a-very-long-subdomain-that-never-seems-to-end.example",
    privacy="javascript:alert(4)",
    terms="http://plain.example/",
)
RAW = replace(EVIL, client_id="raw", name=HOSTILE * 120)

PROFILE = PermissionItem(
    id="profile:read",
    title="See your name and picture",
    kind="identity",
    reason="So that you see which account you post from.",
    need=Need.REQUIRED,
)
READ = PermissionItem(
    id="posts:read",
    title="Read your timeline",
    kind="view",
    need=Need.REQUIRED,
)
POST = PermissionItem(
    id="posts:write",
    title="Post in your name",
    kind="act",
    reason="stefApp posts the song that you are listening to.",
    risk="medium",
)
STAY = PermissionItem(
    id="offline_access",
    title="Go on when you have closed it",
    kind="stay",
    risk="medium",
)
MESSAGES = PermissionItem(
    id="messages:read",
    title="Read your direct messages",
    kind="view",
    risk="high",
    ticked=False,
)
SEND = PermissionItem(
    id="messages:write",
    title="Send direct messages",
    kind="act",
    risk="high",
    ticked=False,
    answer=PriorAnswer.REFUSED,
)
DELETE = PermissionItem(id="posts:delete", title="Delete your posts", kind="act", risk="high")
EDIT = PermissionItem(id="profile:write", title="Change your profile", kind="act", risk="medium")
FOLLOW = PermissionItem(id="follows:write", title="Follow and unfollow people", kind="act")
EMAIL = PermissionItem(id="email", title="See your e-mail address", kind="identity")
PHOTO = PermissionItem(id="photos:read", title="See your photos", kind="view")
CATALOG = (
    LockedGroup(name="Chirp", permissions=(FOLLOW, EDIT, MESSAGES, SEND, DELETE)),
    LockedGroup(permissions=(EMAIL,)),
    LockedGroup(
        name="Photos", permissions=(PHOTO, replace(DELETE, id="photos:delete")), whole=True
    ),
)
MANY = tuple(
    PermissionItem(
        id=f"thing-{n}:do",
        title=f"Do thing number {n} with everything that belongs to it and then some",
        kind=GROUPS[n % 4],
        risk=RISKS[n % 3],
        need=list(Need)[n % 2],
        reason=plain(f"We want this. {HOSTILE}", 200),
    )
    for n in range(30)
)

PLATFORM = (
    LockedGroup(name="Chirp", permissions=MANY),
    LockedGroup(permissions=MANY[:2]),
    LockedGroup(name=plain(HOSTILE, 60), permissions=MANY, whole=True),
    LockedGroup(name="Photos", permissions=(PHOTO,), whole=True),
)

NO = Decline(form=FORM, destination=Destination(reach=Reach.DEVICE))
NO_ON_THE_WEB = replace(NO, destination=Destination(reach=Reach.WEB, place="calendar.example"))
SIGN_IN = SignInView(site=SITE, form=FORM, app="stefApp", decline=NO)
CONSENT = ConsentView(
    site=SITE,
    form=FORM,
    account=MIKO,
    app=STEF,
    destination=Destination(reach=Reach.DEVICE),
    requested=(STAY, POST, PROFILE, READ),
    cannot=CATALOG,
    apps="/apps",
    switch=PageForm(action="/switch", csrf="c5rf-t0ken"),
)
ROW = ConnectionItem(
    app=STEF,
    permissions=(PROFILE, READ, POST, STAY),
    status=AccessStatus.ACTIVE,
    since=NOW - 40 * DAY,
    last_used=NOW - 3 * HOUR,
    href="/apps/stefapp",
)
APPS = AppsView(
    site=SITE,
    account=MIKO,
    apps=(
        ROW,
        replace(
            ROW, app=CALENDAR, permissions=(EMAIL,), status=AccessStatus.PAUSED, last_used=None
        ),
        replace(
            ROW, app=DESK, last_used=NOW - DAY, permissions=(READ, POST, MESSAGES, SEND, DELETE)
        ),
    ),
    now=NOW,
    here="/apps",
    export="/export",
)
APP = AppView(
    site=SITE,
    account=MIKO,
    app=STEF,
    form=FORM,
    permissions=(PROFILE, READ, POST, STAY),
    cannot=CATALOG,
    status=AccessStatus.ACTIVE,
    since=NOW - 40 * DAY,
    last_used=NOW - 3 * HOUR,
    devices=(
        DeviceItem(id="f-1", name="Laptop", since=NOW - 40 * DAY, last_used=NOW - 3 * HOUR),
        DeviceItem(id="f-2", name="", since=NOW - 2 * DAY, last_used=None),
    ),
    history=(
        HistoryEntry(when=NOW - HOUR, kind="cut", by="user", subjects=("Printer",)),
        HistoryEntry(when=NOW - 2 * HOUR, kind="readmitted", by="user", subjects=("Planner",)),
        HistoryEntry(when=NOW - DAY, kind="downgraded", by="user", subjects=(SEND.title,)),
        HistoryEntry(when=NOW - 2 * DAY, kind="connected", by="app"),
        HistoryEntry(when=NOW - 3 * DAY, kind="replayed", by="server", subjects=("Phone",)),
        HistoryEntry(
            when=NOW - 40 * DAY,
            kind="granted",
            by="user",
            subjects=(PROFILE.title, READ.title, POST.title, SEND.title),
        ),
    ),
    branches=(
        DelegateItem(
            id="client:planner",
            app=replace(CALENDAR, client_id="planner", name="Planner"),
            can=(READ.title, POST.title),
            since=NOW - 20 * DAY,
            last=NOW,
            below=(
                DelegateItem(
                    id="client:printer",
                    app=replace(CALENDAR, client_id="printer", name="Printer"),
                    can=(READ.title,),
                    since=NOW - 9 * DAY,
                    last=NOW - DAY,
                    cut=True,
                    below=(
                        DelegateItem(
                            id="client:paper",
                            app=replace(CALENDAR, client_id="paper", name="Paper mill"),
                            can=(READ.title,),
                            since=NOW - 9 * DAY,
                            last=NOW - 2 * DAY,
                            over=True,
                        ),
                    ),
                ),
                DelegateItem(
                    id="child-key",
                    app=None,
                    can=(READ.title,),
                    since=NOW - 3 * DAY,
                    last=NOW,
                ),
            ),
        ),
        DelegateItem(
            id="client:archive",
            app=replace(CALENDAR, client_id="archive", name="Archive"),
            can=(READ.title,),
            since=NOW - 5 * DAY,
            last=NOW - DAY,
        ),
    ),
    back="/apps",
    now=NOW,
)
ENTER_CODE = EnterCodeView(site=SITE, form=FORM)
CONFIRM_DEVICE = ConfirmDeviceView(
    site=SITE,
    form=FORM,
    app=STEF,
    code="WDJB-MJHT",
    asked_at=NOW - 90,
    now=NOW,
    device="Firefox on Linux",
    address="203.0.113.7",
    near=True,
)
QUESTION = QuestionRow(
    app=CALENDAR,
    words="Lane 4: W4SCT",
    amount="",
    asked_at=NOW - 90,
    ends=NOW + 510,
    consent=True,
    href="/approvals/a-1",
)
SPENDING = replace(
    QUESTION,
    app=STEF,
    words="",
    amount="25.00 EUR",
    what="Pay from your account",
    consent=False,
)
APPROVALS = ApprovalsView(
    site=SITE, account=MIKO, questions=(QUESTION, SPENDING), apps="/apps", now=NOW
)
APPROVAL = ApprovalView(
    site=SITE, account=MIKO, form=FORM, question=QUESTION, back="/approvals", now=NOW
)
CHOICE = ChoiceView(site=SITE, form=FORM, account=MIKO, app="Calendar", decline=NO_ON_THE_WEB)
SIGN_UP = SignUpView(
    site=SITE, form=FORM, sign_in="/sign-in", shortest=8, app="Calendar", decline=NO_ON_THE_WEB
)
ANSWER = AnswerFormView(
    site=SITE,
    action="https://calendar.example/callback",
    fields=(("code", "vk_code_1"), ("state", "s"), ("iss", "https://id.example")),
    place="calendar.example",
    at_once=False,
)
PERS = ("hour", "day", "month", "total")
PAYING = Limit(
    id="payments.send",
    title="Pay from your account",
    often=tuple(Field(name=f"often-{per}", per=per, value="5", most="10") for per in PERS),
    much=tuple(Field(name=f"much-{per}", per=per, value="12.50") for per in PERS),
    ask=Field(name="ask", per="", value="50.00"),
    unit="EUR",
    step="0.01",
    opens="08:00",
    closes="20:00",
    zone="Europe/Berlin",
    zone_set=True,
    used=(
        Used(per="day", used="3", most="5", until=NOW + HOUR),
        Used(per="total", used="12.50", most="100.00 EUR", until=None),
    ),
)
POSTING = Limit(
    id=POST.id,
    title=POST.title,
    often=tuple(Field(name=f"often-{per}", per=per) for per in PERS),
)
LIMITS = LimitsView(
    site=SITE,
    account=MIKO,
    app=STEF,
    form=FORM,
    limits=(PAYING, POSTING),
    ends=NOW + 30 * DAY,
    longest=None,
    back="/apps/stefapp",
)
RECEIPT = ReceiptItem(
    when=NOW - 40 * DAY,
    language="en",
    place="127.0.0.1",
    requested=(
        ReceiptLine(words="See your name", ticked=True, allowed=True, required=True),
        ReceiptLine(words="Post in your name", ticked=True, allowed=True, reason="To post."),
        ReceiptLine(words="Read your messages", ticked=False, allowed=True),
        ReceiptLine(words="Send messages", ticked=False, allowed=False),
    ),
    already=(),
    cannot=("Delete your posts", "See your e-mail address"),
    shut=("Photos", plain(HOSTILE, 60)),
)
PARTS = PartsView(
    site=SITE,
    account=MIKO,
    app=STEF,
    form=FORM,
    device="Firefox on Linux",
    parts=(
        KeyPart(holder="device", set_up=True, last_seen=NOW - 60),
        KeyPart(holder="backend", set_up=True, last_seen=NOW - 86400),
        KeyPart(holder="recovery_code", set_up=False, spent=True, last_seen=NOW - 86400 * 9),
    ),
    threshold=2,
    suspended=False,
    back="/apps/stefapp",
    now=NOW,
)
STOP = StopAppView(site=SITE, account=MIKO, app=STEF, form=FORM, devices=2, back="/apps/stefapp")
SIGN_OUT = SignOutView(site=SITE, account=MIKO, form=FORM, apps="/apps", back="/apps")
ERROR = ErrorView(
    site=SITE,
    trouble=Trouble.WRONG_ADDRESS,
    code="invalid_request",
    reference="01J8-7Q4K-ZX",
    when=NOW,
    detail="redirect_uri is not registered for this client",
)
BACK = Back(place="Calendar", href="https://calendar.example/bye")
BARE = Site(name="Example Identity", static="/static")

SAMPLES: dict[str, View] = {
    "sign-in": SIGN_IN,
    "sign-in-refused": replace(SIGN_IN, username="miko", problem=SignInProblem.REFUSED),
    "sign-in-throttled": replace(SIGN_IN, problem=SignInProblem.THROTTLED, retry_after=290),
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
    "choice": CHOICE,
    "choice-hostile": replace(CHOICE, app=HOSTILE, account=replace(MIKO, name=HOSTILE)),
    "sign-up": SIGN_UP,
    "sign-up-taken": replace(SIGN_UP, username="miko", problem=SignUpProblem.IN_USE),
    "sign-up-username": replace(SIGN_UP, problem=SignUpProblem.USERNAME),
    "sign-up-password": replace(SIGN_UP, username="miko", problem=SignUpProblem.PASSWORD),
    "sign-up-email": replace(SIGN_UP, username="miko", problem=SignUpProblem.EMAIL),
    "sign-up-throttled": replace(SIGN_UP, problem=SignUpProblem.THROTTLED, retry_after=290),
    "sign-up-hostile": replace(SIGN_UP, app=HOSTILE, username=HOSTILE, name=HOSTILE, email=HOSTILE),
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
    "consent-one": replace(CONSENT, app=DESK, requested=(PROFILE,), cannot=()),
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
    "limits": LIMITS,
    "limits-saved": replace(LIMITS, limits=(POSTING,), notice="saved"),
    "limits-wrong": replace(LIMITS, ends=None, longest=30 * DAY, notice="wrong"),
    "limits-field": replace(
        LIMITS,
        limits=(
            replace(PAYING, often=tuple(replace(f, value="abc") for f in PAYING.often)),
            POSTING,
        ),
        wrong=Wrong(field="often-day", flaw=Flaw.MOST, most="10", permission=PAYING.id),
    ),
    "limits-day": replace(
        LIMITS, until="date", date="2020-01-01", wrong=Wrong(field="date", flaw=Flaw.DAY)
    ),
    "limits-again": replace(LIMITS, notice="again"),
    "limits-answered": replace(LIMITS, notice="answered"),
    "limits-none": replace(LIMITS, limits=()),
    "limits-hostile": replace(
        LIMITS,
        app=EVIL,
        limits=(replace(PAYING, id=HOSTILE, title=HOSTILE, unit=HOSTILE, zone=HOSTILE),),
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
    "apps": APPS,
    "apps-waiting": replace(APPS, apps=(ROW,), waiting=2, approvals="/approvals"),
    "apps-one": replace(APPS, apps=(ROW,), success=Success.STOPPED, stopped="Calendar"),
    "apps-narrowed": replace(
        APPS,
        search="chi",
        shelf=Shelf.UNUSED,
        apps=(
            replace(ROW, unused=True, last_used=NOW - 70 * DAY, where="Firefox on Android"),
            replace(ROW, app=CALENDAR, permissions=(EMAIL,), signs_in_only=True),
        ),
        next="/apps?from=x",
        unused="/unused",
        success=Success.UNUSED_STOPPED,
    ),
    "apps-no-match": replace(APPS, apps=(), search="nothing"),
    "apps-look-on": replace(APPS, apps=(), shelf=Shelf.SENSITIVE, next="/apps?from=x"),
    "unused": StopUnusedView(
        site=SITE,
        account=MIKO,
        apps=(
            replace(ROW, unused=True, last_used=NOW - 70 * DAY),
            replace(ROW, app=EVIL, href="/apps/evil", last_used=None),
        ),
        form=FORM,
        back="/apps",
        now=NOW,
    ),
    "unused-none": StopUnusedView(
        site=SITE, account=MIKO, apps=(), form=FORM, back="/apps", now=NOW
    ),
    "apps-none": replace(APPS, apps=()),
    "apps-hostile": replace(
        APPS,
        apps=(replace(ROW, app=EVIL), replace(ROW, app=RAW, permissions=MANY)),
        stopped=HOSTILE,
    ),
    "app": APP,
    "app-saved": replace(APP, success=Success.SAVED, ends=NOW + 30 * DAY),
    "app-given": replace(
        APP,
        success=Success.ALLOWED,
        where="Firefox on Linux",
        unused=True,
        permissions=(
            PROFILE,
            replace(READ, used=NOW - 3 * DAY),
            replace(POST, idle=True, used=NOW - 70 * DAY),
        ),
        more=(
            replace(MESSAGES, reason="To show them beside your timeline."),
            replace(SEND, brings=("read your direct messages",)),
        ),
        receipts=(RECEIPT, replace(RECEIPT, when=NOW - 90 * DAY, already=("Read your timeline",))),
        history=(
            HistoryEntry(
                when=NOW - DAY,
                kind="paused",
                by="administrator",
                reason="Somebody reported this app.",
            ),
        ),
    ),
    "app-parts": replace(
        APP,
        devices=(
            replace(
                APP.devices[0],
                suspended=True,
                threshold=2,
                see_parts="/apps/stefapp/shards/phone",
                parts=(
                    KeyPart(holder="device", set_up=True, alarm=True),
                    KeyPart(holder="backend", set_up=True),
                    KeyPart(holder="second_device", set_up=False),
                    KeyPart(holder="recovery_code", set_up=False, spent=True),
                ),
            ),
        ),
    ),
    "app-signs-in": replace(APP, permissions=(EMAIL,), signs_in_only=True),
    "app-paused": replace(
        APP,
        app=CALENDAR,
        status=AccessStatus.PAUSED,
        paused=True,
        success=Success.PAUSED,
        devices=(),
    ),
    "app-suspended": replace(APP, app=CALENDAR, status=AccessStatus.SUSPENDED, paused=True),
    "app-many": replace(APP, app=RAW, permissions=MANY, cannot=PLATFORM),
    "app-everything": replace(APP, app=DESK, cannot=(), last_used=NOW - 10),
    "parts": PARTS,
    "parts-alarm": replace(
        PARTS,
        app=EVIL,
        suspended=True,
        parts=(
            replace(PARTS.parts[0], alarm=True),
            PARTS.parts[1],
            KeyPart(holder="second_device", set_up=False),
        ),
    ),
    "parts-code": replace(PARTS, holder="recovery_code", code="7Q4K-WM2T-0A9C-ZX5N-H3PB-8RVD-E6GJ"),
    "parts-ticket": replace(
        PARTS,
        holder="device",
        ticket="vk_kt_" + "A1b2-" * 22,
        size=29,
        picture="M4 4h7v7h-7zM18 4h7v7h-7zM4 18h7v7h-7zM14 14h1v1h-1z",
    ),
    "stop": STOP,
    "stop-one": replace(STOP, app=EVIL, devices=1),
    "sign-out": SIGN_OUT,
    "sign-out-apps": replace(SIGN_OUT, signed_in=("Calendar", "stefApp", HOSTILE)),
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
