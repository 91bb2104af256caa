"""The overview and the pages about users, in their usual states."""

from typing import Any

from msgspec.structs import replace

from valetkey.server.pages.app_text import plain
from valetkey.server.pages.components import AccessStatus
from valetkey.server.pages.console.charts import Chart, ChartKind, ChartRow, Step, chart
from valetkey.server.pages.console.parts import (
    Act,
    ActView,
    Area,
)
from valetkey.server.pages.console.views import (
    Check,
    CheckFact,
    CheckResult,
    Fact,
    OverviewView,
    SupportApp,
    SupportEvent,
    SupportPermission,
    SupportView,
    UserFacts,
    UserRow,
    UsersView,
    WaitingItem,
    WaitingKind,
)
from valetkey.server.pages.samples.parts import (
    CALENDAR,
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
    SITE,
    STEF,
)

STAFF = replace(MIKO, name="Noor Haddad", username="noor")
AREAS = tuple(Area)
AROUND: dict[str, Any] = {"site": SITE, "account": STAFF, "areas": AREAS}
EVIL = plain(HOSTILE, 60)
MIDNIGHT = NOW - NOW % DAY


def numbers(kind: ChartKind, step: Step, *series: int) -> Chart:
    """Thirty steps of numbers that go up and down."""
    rows = [
        ChartRow(
            MIDNIGHT - (29 - at) * step.seconds,
            tuple((at * 37 + at * at) % 90 * most // 90 for most in series),
        )
        for at in range(30)
    ]
    return chart(kind, step, rows)


CHECKS = (
    CheckResult(check=Check.DATABASE, good=True, facts=(CheckFact(Fact.READ, "0.8"),)),
    CheckResult(check=Check.KEYS, good=True, facts=(CheckFact(Fact.KEY_AGE, "23", "ES256"),)),
    CheckResult(
        check=Check.MESSAGES,
        good=False,
        facts=(
            CheckFact(Fact.WAITING, "12"),
            CheckFact(Fact.FAILED, "9"),
            CheckFact(Fact.LATE, "3"),
        ),
    ),
    CheckResult(
        check=Check.FOLLOWERS,
        good=True,
        facts=(
            CheckFact(Fact.DELAY, "48210", "1000"),
            CheckFact(Fact.DELAY, "12", "2000"),
            CheckFact(Fact.LONGER, "1", "more"),
        ),
    ),
    CheckResult(
        check=Check.AUDIT,
        good=True,
        facts=(
            CheckFact(Fact.SEALED, "2"),
            CheckFact(Fact.UNSEALED, "7"),
            CheckFact(Fact.STREAM, "0", "siem"),
        ),
    ),
)
OVERVIEW = OverviewView(
    **AROUND,
    area=Area.OVERVIEW,
    checks=CHECKS,
    waiting=(
        WaitingItem(
            kind=WaitingKind.UNVERIFIED_APPS,
            count=1200,
            href="/console/apps?show=unverified",
            more=True,
        ),
        WaitingItem(kind=WaitingKind.FAILED_JOBS, count=3, href="/console/jobs"),
    ),
    charts=(
        numbers(ChartKind.CONSENTS, Step.DAY, 900, 120),
        numbers(ChartKind.SIGN_INS, Step.DAY, 12_000, 700),
        numbers(ChartKind.REFUSALS, Step.DAY, 40),
    ),
    step=Step.DAY,
    here="/console",
)
USER_ROW = UserRow(
    subject="0l5tk2ue8dq0e0hg4bb1g3n9kc",
    name="Miko Lind",
    username="miko",
    email="miko@mail.example",
    verified=True,
    disabled=False,
    created=NOW - 400 * DAY,
    href="/console/users/0l5tk2ue8dq0e0hg4bb1g3n9kc",
)
USERS = UsersView(
    **AROUND,
    area=Area.USERS,
    rows=(
        USER_ROW,
        replace(USER_ROW, name="Ada", username="ada", email="", created=NOW - DAY, href="/x"),
        replace(
            USER_ROW, name="Bo", username="bo", verified=False, disabled=True, href="/console/y"
        ),
    ),
    here="/console/users",
    next="/console/users?cursor=x",
)
FACTS = UserFacts(
    subject=USER_ROW.subject,
    name="Miko Lind",
    username="miko",
    email="miko@mail.example",
    verified=True,
    disabled=False,
    created=NOW - 400 * DAY,
    factors=1,
    sessions=2,
)
SUPPORT = SupportView(
    **AROUND,
    area=Area.USERS,
    user=FACTS,
    apps=(
        SupportApp(
            app=STEF,
            status=AccessStatus.ACTIVE,
            since=NOW - 40 * DAY,
            last_used=NOW - 3 * HOUR,
            permissions=(
                SupportPermission(item=PROFILE),
                SupportPermission(item=replace(READ, used=NOW - DAY)),
                SupportPermission(item=POST, stop="/console/grants/1/stop/post"),
                SupportPermission(item=MESSAGES, stop="/console/grants/1/stop/messages"),
            ),
            stop="/console/grants/1/stop-access",
            href="/console/apps/stefapp",
        ),
        SupportApp(
            app=CALENDAR,
            status=AccessStatus.PAUSED,
            since=NOW - 4 * DAY,
            last_used=None,
            permissions=(SupportPermission(item=EMAIL, stop="/console/grants/2/stop/email"),),
        ),
    ),
    events=(
        SupportEvent(
            when=NOW - 60,
            kind="downgraded",
            by="administrator",
            app="stefApp",
            subjects=(DELETE.title,),
            reason="The user asked us to.",
        ),
        SupportEvent(when=NOW - HOUR, kind="connected", by="app", app="stefApp", count=14),
        SupportEvent(
            when=NOW - 2 * HOUR,
            kind="signed-in",
            by="user",
            device="Firefox on Linux",
            unknown=True,
        ),
        SupportEvent(
            when=NOW - 40 * DAY,
            kind="granted",
            by="user",
            app="stefApp",
            subjects=(PROFILE.title, READ.title, POST.title),
        ),
    ),
    acts=((Act.SIGN_OUT, "/console/users/1/sign-out"), (Act.RESET_LINK, "/console/users/1/reset")),
    until=NOW + 1800,
    now=NOW,
    next="/console/users/1?cursor=x",
)
ACT = ActView(
    **AROUND,
    area=Area.USERS,
    act=Act.STOP_PERMISSION,
    subject=POST.title,
    app="stefApp",
    form=FORM,
    back="/console/users/1",
)
