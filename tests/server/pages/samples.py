"""Each page in the states that people meet, with kind and with hostile words in them."""

from msgspec.structs import replace

from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import (
    Account,
    Actor,
    Answer,
    App,
    Back,
    Branch,
    Connection,
    Decline,
    Deed,
    Destination,
    Device,
    Done,
    Entry,
    Form,
    Holder,
    Kind,
    Language,
    Line,
    Locked,
    Need,
    Part,
    Permission,
    Reach,
    Receipt,
    Risk,
    Shelf,
    Site,
    Status,
    Trust,
)
from valetkey.server.pages.grant_views import (
    AppLimits,
    ApprovalPage,
    Approvals,
    ConnectedApp,
    ConnectedApps,
    KeyParts,
    Question,
    StopApp,
    StopUnused,
)
from valetkey.server.pages.limit_fields import Field, Flaw, Limit, Used, Wrong
from valetkey.server.pages.views import (
    AnswerForm,
    Cause,
    Choice,
    CodeProblem,
    ConfirmDevice,
    Consent,
    EnterCode,
    ErrorPage,
    Notice,
    Outcome,
    SignedOut,
    SignIn,
    SignInProblem,
    SignInPurpose,
    SignOut,
    SignUp,
    SignUpProblem,
    Trouble,
    View,
)

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
    languages=(
        Language(tag="en", name="English", href="?ui_locales=en"),
        Language(tag="de", name="Deutsch", href="?ui_locales=de"),
    ),
    help="/help",
    privacy="/privacy",
    terms="/terms",
)
FORM = Form(action="/here", csrf="c5rf-t0ken", hidden=(("pending", "p-17"),))
MIKO = Account(name="Miko Lind", username="miko", sign_out="/sign-out")

STEF = App(client_id="stefapp", name="stefApp", trust=Trust.UNVERIFIED, publisher="Stef Verhoeven")
CALENDAR = App(
    client_id="https://calendar.example/client.json",
    name="Calendar",
    trust=Trust.VERIFIED,
    publisher="Calendar Ltd",
    host="calendar.example",
    privacy="https://calendar.example/privacy",
    terms="https://calendar.example/terms",
)
DESK = App(client_id="desk", name="Chirp Desk", trust=Trust.OURS, logo="/static/key.svg")
EVIL = App(
    client_id='evil"><script>alert(3)</script>',
    name=plain(HOSTILE, 60),
    trust=Trust.UNVERIFIED,
    publisher=plain("Google " * 40, 60),
    host="accounts.google.com.sign-in.a-very-long-subdomain-that-never-seems-to-end.example",
    privacy="javascript:alert(4)",
    terms="http://plain.example/",
)
RAW = replace(EVIL, client_id="raw", name=HOSTILE, publisher="W" * 120)

PROFILE = Permission(
    id="profile:read",
    title="See your name and picture",
    kind=Kind.IDENTITY,
    detail="Not your e-mail address.",
    reason="So that you see which account you post from.",
    need=Need.REQUIRED,
)
READ = Permission(
    id="posts:read",
    title="Read your timeline",
    kind=Kind.VIEW,
    detail="Posts of yours and of those you follow.",
    need=Need.REQUIRED,
)
POST = Permission(
    id="posts:write",
    title="Post in your name",
    kind=Kind.ACT,
    detail="Everybody who follows you sees it.",
    reason="stefApp posts the song that you are listening to.",
    risk=Risk.MEDIUM,
)
STAY = Permission(
    id="offline_access",
    title="Go on when you have closed it",
    kind=Kind.STAY,
    detail="Without this you sign in anew each time.",
    risk=Risk.MEDIUM,
)
MESSAGES = Permission(
    id="messages:read",
    title="Read your direct messages",
    kind=Kind.VIEW,
    risk=Risk.HIGH,
    ticked=False,
    detail="What you and others wrote in private.",
)
SEND = Permission(
    id="messages:write",
    title="Send direct messages",
    kind=Kind.ACT,
    risk=Risk.HIGH,
    ticked=False,
    answer=Answer.REFUSED,
)
DELETE = Permission(id="posts:delete", title="Delete your posts", kind=Kind.ACT, risk=Risk.HIGH)
EDIT = Permission(id="profile:write", title="Change your profile", kind=Kind.ACT, risk=Risk.MEDIUM)
FOLLOW = Permission(id="follows:write", title="Follow and unfollow people", kind=Kind.ACT)
EMAIL = Permission(id="email", title="See your e-mail address", kind=Kind.IDENTITY)
PHOTO = Permission(id="photos:read", title="See your photos", kind=Kind.VIEW)
CATALOG = (
    Locked(name="Chirp", permissions=(FOLLOW, EDIT, MESSAGES, SEND, DELETE)),
    Locked(permissions=(EMAIL,)),
    Locked(name="Photos", permissions=(PHOTO, replace(DELETE, id="photos:delete")), whole=True),
)
MANY = tuple(
    Permission(
        id=f"thing-{n}:do",
        title=f"Do thing number {n} with everything that belongs to it and then some",
        kind=list(Kind)[n % 4],
        risk=list(Risk)[n % 3],
        need=list(Need)[n % 2],
        detail="It takes a while to say what this means, and so the line breaks more than once.",
        reason=plain(f"We want this. {HOSTILE}", 200),
    )
    for n in range(30)
)

PLATFORM = (
    Locked(name="Chirp", permissions=MANY),
    Locked(permissions=MANY[:2]),
    Locked(name=plain(HOSTILE, 60), permissions=MANY, whole=True),
    Locked(name="Photos", permissions=(PHOTO,), whole=True),
)

NO = Decline(form=FORM, destination=Destination(reach=Reach.DEVICE))
NO_ON_THE_WEB = replace(NO, destination=Destination(reach=Reach.WEB, place="calendar.example"))
SIGN_IN = SignIn(site=SITE, form=FORM, app="stefApp", decline=NO)
CONSENT = Consent(
    site=SITE,
    form=FORM,
    account=MIKO,
    app=STEF,
    destination=Destination(reach=Reach.DEVICE),
    asked=(STAY, POST, PROFILE, READ),
    cannot=CATALOG,
    apps="/apps",
    switch=Form(action="/switch", csrf="c5rf-t0ken"),
)
ROW = Connection(
    app=STEF,
    permissions=(PROFILE, READ, POST, STAY),
    status=Status.ACTIVE,
    since=NOW - 40 * DAY,
    last_used=NOW - 3 * HOUR,
    href="/apps/stefapp",
)
APPS = ConnectedApps(
    site=SITE,
    account=MIKO,
    apps=(
        ROW,
        replace(ROW, app=CALENDAR, permissions=(EMAIL,), status=Status.PAUSED, last_used=None),
        replace(
            ROW, app=DESK, last_used=NOW - DAY, permissions=(READ, POST, MESSAGES, SEND, DELETE)
        ),
    ),
    now=NOW,
    here="/apps",
    export="/export",
)
APP = ConnectedApp(
    site=SITE,
    account=MIKO,
    app=STEF,
    form=FORM,
    permissions=(PROFILE, READ, POST, STAY),
    cannot=CATALOG,
    status=Status.ACTIVE,
    since=NOW - 40 * DAY,
    last_used=NOW - 3 * HOUR,
    devices=(
        Device(id="f-1", name="Laptop", since=NOW - 40 * DAY, last_used=NOW - 3 * HOUR),
        Device(id="f-2", name="", since=NOW - 2 * DAY, last_used=None),
    ),
    history=(
        Entry(when=NOW - HOUR, deed=Deed.CUT, actor=Actor.USER, subjects=("Printer",)),
        Entry(when=NOW - 2 * HOUR, deed=Deed.READMITTED, actor=Actor.USER, subjects=("Planner",)),
        Entry(when=NOW - DAY, deed=Deed.REMOVED, actor=Actor.USER, subjects=(SEND.title,)),
        Entry(when=NOW - 2 * DAY, deed=Deed.DEVICE_ADDED, actor=Actor.APP),
        Entry(when=NOW - 3 * DAY, deed=Deed.REPLAYED, actor=Actor.SERVER, subjects=("Phone",)),
        Entry(
            when=NOW - 40 * DAY,
            deed=Deed.ALLOWED,
            actor=Actor.USER,
            subjects=(PROFILE.title, READ.title, POST.title, SEND.title),
        ),
    ),
    branches=(
        Branch(
            id="client:planner",
            app=replace(CALENDAR, client_id="planner", name="Planner"),
            can=(READ.title, POST.title),
            since=NOW - 20 * DAY,
            last=NOW,
            below=(
                Branch(
                    id="client:printer",
                    app=replace(CALENDAR, client_id="printer", name="Printer"),
                    can=(READ.title,),
                    since=NOW - 9 * DAY,
                    last=NOW - DAY,
                    cut=True,
                    below=(
                        Branch(
                            id="client:paper",
                            app=replace(CALENDAR, client_id="paper", name="Paper mill"),
                            can=(READ.title,),
                            since=NOW - 9 * DAY,
                            last=NOW - 2 * DAY,
                            over=True,
                        ),
                    ),
                ),
                Branch(
                    id="child-key",
                    app=None,
                    can=(READ.title,),
                    since=NOW - 3 * DAY,
                    last=NOW,
                ),
            ),
        ),
        Branch(
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
ENTER_CODE = EnterCode(site=SITE, form=FORM)
CONFIRM_DEVICE = ConfirmDevice(
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
QUESTION = Question(
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
APPROVALS = Approvals(
    site=SITE, account=MIKO, questions=(QUESTION, SPENDING), apps="/apps", now=NOW
)
APPROVAL = ApprovalPage(
    site=SITE, account=MIKO, form=FORM, question=QUESTION, back="/approvals", now=NOW
)
CHOICE = Choice(site=SITE, form=FORM, account=MIKO, app="Calendar", decline=NO_ON_THE_WEB)
SIGN_UP = SignUp(
    site=SITE, form=FORM, sign_in="/sign-in", shortest=8, app="Calendar", decline=NO_ON_THE_WEB
)
ANSWER = AnswerForm(
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
LIMITS = AppLimits(
    site=SITE,
    account=MIKO,
    app=STEF,
    form=FORM,
    limits=(PAYING, POSTING),
    ends=NOW + 30 * DAY,
    longest=None,
    back="/apps/stefapp",
)
RECEIPT = Receipt(
    when=NOW - 40 * DAY,
    language="en",
    place="127.0.0.1",
    asked=(
        Line(words="See your name", ticked=True, given=True, required=True),
        Line(words="Post in your name", ticked=True, given=True, reason="To post."),
        Line(words="Read your messages", ticked=False, given=True),
        Line(words="Send messages", ticked=False, given=False),
    ),
    kept=(),
    cannot=("Delete your posts", "See your e-mail address"),
    shut=("Photos", plain(HOSTILE, 60)),
)
PARTS = KeyParts(
    site=SITE,
    account=MIKO,
    app=STEF,
    form=FORM,
    device="Firefox on Linux",
    parts=(
        Part(holder=Holder.DEVICE, held=True, last_seen=NOW - 60),
        Part(holder=Holder.BACKEND, held=True, last_seen=NOW - 86400),
        Part(holder=Holder.RECOVERY_CODE, held=False, spent=True, last_seen=NOW - 86400 * 9),
    ),
    threshold=2,
    suspended=False,
    because="",
    back="/apps/stefapp",
    now=NOW,
)
STOP = StopApp(site=SITE, account=MIKO, app=STEF, form=FORM, devices=2, back="/apps/stefapp")
SIGN_OUT = SignOut(site=SITE, account=MIKO, form=FORM, apps="/apps", back="/apps")
ERROR = ErrorPage(
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
    "sign-in-bare": SignIn(site=BARE, form=FORM, forgot="/forgot", create="/create"),
    "sign-in-again-bare": SignIn(site=BARE, form=FORM, purpose=SignInPurpose.CONFIRM),
    "sign-in-hostile": replace(
        SIGN_IN,
        app=HOSTILE,
        username=HOSTILE,
        decline=replace(NO, destination=Destination(reach=Reach.WEB, place=EVIL.host)),
    ),
    "choice": CHOICE,
    "choice-hostile": replace(CHOICE, app=HOSTILE, account=replace(MIKO, name=HOSTILE)),
    "sign-up": SIGN_UP,
    "sign-up-taken": replace(SIGN_UP, username="miko", problem=SignUpProblem.TAKEN),
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
    "consent-one": replace(CONSENT, app=DESK, asked=(PROFILE,), cannot=()),
    "consent-more": replace(
        CONSENT,
        asked=(MESSAGES, SEND),
        kept=(PROFILE, READ, POST),
        cannot=(Locked(name="Chirp", permissions=(EMAIL, FOLLOW, EDIT, DELETE)),),
    ),
    "consent-limits": replace(
        CONSENT, limits=(PAYING, POSTING), lasting=("", "once", "day"), ends=NOW + 30 * DAY
    ),
    "consent-limits-wrong": replace(
        CONSENT,
        limits=(PAYING, POSTING),
        lasting=("", "once", "day"),
        asked=(replace(POST, ticked=False), READ),
        typed={"until": "day", f"much:{PAYING.id}": "abc", f"much-per:{PAYING.id}": "month"},
        wrong=Wrong(field=f"much:{PAYING.id}", flaw=Flaw.AMOUNT),
    ),
    "consent-nothing-new": replace(CONSENT, asked=(), kept=(PROFILE,)),
    "consent-broad": replace(
        CONSENT,
        broad=True,
        asked=(
            READ,
            replace(POST, ticked=False),
            replace(SEND, answer=Answer.OPEN, ticked=False, brings=("read your direct messages",)),
        ),
    ),
    "consent-paused": replace(CONSENT, asked=(), kept=(PROFILE, READ), cause=Cause.PAUSED),
    "consent-restored": replace(CONSENT, cause=Cause.RESTORED),
    "consent-again": replace(CONSENT, cause=Cause.CONFIRM, asked=(), kept=(PROFILE,)),
    "consent-many": replace(CONSENT, asked=MANY, cannot=PLATFORM),
    "consent-hostile": replace(
        CONSENT,
        app=EVIL,
        account=replace(MIKO, name=HOSTILE, username=HOSTILE),
        destination=Destination(reach=Reach.WEB, place=EVIL.host),
        asked=(POST, replace(READ, id=HOSTILE, title=HOSTILE, reason=HOSTILE, detail=HOSTILE)),
    ),
    "consent-parts": replace(
        CONSENT,
        parts=tuple(
            Part(holder=one, held=True)
            for one in (Holder.DEVICE, Holder.BACKEND, Holder.RECOVERY_CODE)
        ),
        threshold=2,
    ),
    "consent-both-parts": replace(
        CONSENT,
        parts=tuple(Part(holder=one, held=True) for one in (Holder.DEVICE, Holder.BACKEND)),
        threshold=2,
    ),
    "consent-elsewhere": replace(
        CONSENT, asked=(READ,), destination=Destination(reach=Reach.ELSEWHERE)
    ),
    "limits": LIMITS,
    "limits-saved": replace(LIMITS, limits=(POSTING,), told="saved"),
    "limits-wrong": replace(LIMITS, ends=None, longest=30 * DAY, told="wrong"),
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
    "limits-again": replace(LIMITS, told="again"),
    "limits-answered": replace(LIMITS, told="answered"),
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
    "apps-one": replace(APPS, apps=(ROW,), done=Done.STOPPED, stopped="Calendar"),
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
        done=Done.UNUSED_STOPPED,
    ),
    "apps-no-match": replace(APPS, apps=(), search="nothing"),
    "apps-look-on": replace(APPS, apps=(), shelf=Shelf.SENSITIVE, next="/apps?from=x"),
    "unused": StopUnused(
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
    "unused-none": StopUnused(site=SITE, account=MIKO, apps=(), form=FORM, back="/apps", now=NOW),
    "apps-none": replace(APPS, apps=()),
    "apps-hostile": replace(
        APPS,
        apps=(replace(ROW, app=EVIL), replace(ROW, app=RAW, permissions=MANY)),
        stopped=HOSTILE,
    ),
    "app": APP,
    "app-saved": replace(APP, done=Done.SAVED, ends=NOW + 30 * DAY),
    "app-given": replace(
        APP,
        done=Done.GIVEN,
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
        receipts=(RECEIPT, replace(RECEIPT, when=NOW - 90 * DAY, kept=("Read your timeline",))),
        history=(
            Entry(
                when=NOW - DAY,
                deed=Deed.PAUSED,
                actor=Actor.OPERATOR,
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
                    Part(holder=Holder.DEVICE, held=True, alarm=True),
                    Part(holder=Holder.BACKEND, held=True),
                    Part(holder=Holder.SECOND_DEVICE, held=False),
                    Part(holder=Holder.RECOVERY_CODE, held=False, spent=True),
                ),
            ),
        ),
    ),
    "app-signs-in": replace(APP, permissions=(EMAIL,), signs_in_only=True),
    "app-paused": replace(
        APP, app=CALENDAR, status=Status.PAUSED, paused=True, done=Done.PAUSED, devices=()
    ),
    "app-suspended": replace(APP, app=CALENDAR, status=Status.SUSPENDED, paused=True),
    "app-many": replace(APP, app=RAW, permissions=MANY, cannot=PLATFORM),
    "app-everything": replace(APP, app=DESK, cannot=(), last_used=NOW - 10),
    "parts": PARTS,
    "parts-alarm": replace(
        PARTS,
        app=EVIL,
        suspended=True,
        because="it was shown without the others",
        parts=(
            replace(PARTS.parts[0], alarm=True),
            PARTS.parts[1],
            Part(holder=Holder.SECOND_DEVICE, held=False),
        ),
    ),
    "parts-code": replace(
        PARTS, holder=Holder.RECOVERY_CODE, code="7Q4K-WM2T-0A9C-ZX5N-H3PB-8RVD-E6GJ"
    ),
    "parts-ticket": replace(
        PARTS,
        holder=Holder.DEVICE,
        ticket="vk_kt_" + "A1b2-" * 22,
        size=29,
        picture="M4 4h7v7h-7zM18 4h7v7h-7zM4 18h7v7h-7zM14 14h1v1h-1z",
    ),
    "stop": STOP,
    "stop-one": replace(STOP, app=EVIL, devices=1),
    "sign-out": SIGN_OUT,
    "sign-out-apps": replace(SIGN_OUT, signed_in=("Calendar", "stefApp", HOSTILE)),
    "signed-out": SignedOut(site=SITE, sign_in="/sign-in", back=BACK),
    "signed-out-bare": SignedOut(site=BARE),
    "connected": Notice(
        site=SITE, outcome=Outcome.CONNECTED, app="Calendar", apps="/apps", back=BACK
    ),
    "cancelled": Notice(site=SITE, outcome=Outcome.CANCELLED, app="stefApp"),
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
