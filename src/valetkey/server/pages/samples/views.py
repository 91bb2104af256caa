"""Each page in its usual state."""

from msgspec.structs import replace

from valetkey.server.pages.account_choice import ChoiceView
from valetkey.server.pages.app_text import plain
from valetkey.server.pages.approvals import ApprovalsView, ApprovalView, QuestionRow
from valetkey.server.pages.apps import StopAppView
from valetkey.server.pages.apps_list import AppsView
from valetkey.server.pages.authorize import AnswerFormView
from valetkey.server.pages.components import (
    AccessStatus,
    Back,
    ConnectionItem,
    Decline,
    DelegateItem,
    Destination,
    DeviceItem,
    HistoryEntry,
    KeyPart,
    PageForm,
    Reach,
    ReceiptItem,
    ReceiptLine,
    Site,
)
from valetkey.server.pages.connected import AppView
from valetkey.server.pages.consent import ConsentView
from valetkey.server.pages.device import EnterCodeView
from valetkey.server.pages.frame import ErrorView, Trouble
from valetkey.server.pages.interaction import ConfirmDeviceView
from valetkey.server.pages.limit_fields import Field, Limit, Used
from valetkey.server.pages.limits import LimitsView
from valetkey.server.pages.samples.parts import (
    CALENDAR,
    CATALOG,
    CHIRP_DESK,
    DAY,
    DELETE,
    EMAIL,
    FORM,
    HOSTILE,
    HOUR,
    MESSAGES,
    MIKO,
    NOW,
    POST,
    PROFILE,
    READ,
    SEND,
    SITE,
    STAY,
    STEF,
)
from valetkey.server.pages.shards import PartsView
from valetkey.server.pages.sign_in import SignInView
from valetkey.server.pages.sign_out import SignOutView
from valetkey.server.pages.sign_up import SignUpView

NO = Decline(form=FORM, destination=Destination(reach=Reach.DEVICE))
NO_ON_THE_WEB = replace(NO, destination=Destination(reach=Reach.WEB, place="calendar.example"))
SIGN_IN = SignInView(site=SITE, form=FORM, app="stefApp", decline=NO, forgot="/forgot")
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
            ROW,
            app=CHIRP_DESK,
            last_used=NOW - DAY,
            permissions=(READ, POST, MESSAGES, SEND, DELETE),
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
    site=SITE, form=FORM, sign_in="/sign-in", shortest=15, app="Calendar", decline=NO_ON_THE_WEB
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
    reference="4f2a91c07be35d8806a1f2c9",
    when=NOW,
    detail="redirect_uri is not registered for this client",
)
BACK = Back(place="Calendar", href="https://calendar.example/bye")
BARE = Site(name="Example Identity", static="/static")
