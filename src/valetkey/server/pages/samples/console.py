"""The pages of the console, in the states that staff meet."""

from msgspec.structs import replace

from valetkey.server.pages.components import View
from valetkey.server.pages.console.charts import ChartKind, Step, chart
from valetkey.server.pages.console.listings import (
    AppFilter,
    AuditRecordView,
    CatalogRow,
    CatalogsView,
    PolicyView,
)
from valetkey.server.pages.console.parts import (
    Act,
    ActFlaw,
    Area,
    NoFactorView,
    OnceView,
)
from valetkey.server.pages.console.views import (
    HealthView,
    SearchBy,
)
from valetkey.server.pages.samples.console_lists import (
    APP,
    APPS,
    AUDIT,
    AUDIT_ROW,
    CATALOG,
    JOBS,
    KEYS,
    POLICIES,
    SETTINGS,
)
from valetkey.server.pages.samples.console_people import (
    ACT,
    AROUND,
    CHECKS,
    EVIL,
    FACTS,
    OVERVIEW,
    STAFF,
    SUPPORT,
    USER_ROW,
    USERS,
)
from valetkey.server.pages.samples.parts import (
    CALENDAR,
    HOSTILE,
    HOUR,
    NOW,
    POST,
    SITE,
    STEF,
)

CONSOLE: dict[str, View] = {
    "console": OVERVIEW,
    "console-quiet": replace(
        OVERVIEW,
        waiting=(),
        charts=(chart(ChartKind.CONSENTS, Step.HOUR, ()),),
        step=Step.HOUR,
        areas=(Area.OVERVIEW,),
    ),
    "console-no-factor": NoFactorView(
        site=SITE, account=STAFF, area=Area.OVERVIEW, areas=(), add="/security"
    ),
    "console-health": HealthView(**AROUND, area=Area.HEALTH, checks=CHECKS),
    "console-users": USERS,
    "console-users-none": replace(
        USERS, rows=(), search="nobody@mail.example", by=SearchBy.EMAIL, next=None
    ),
    "console-users-hostile": replace(
        USERS,
        rows=(replace(USER_ROW, name=EVIL, username=EVIL, email=EVIL),),
        search=HOSTILE,
        by=SearchBy.NAME,
    ),
    "console-support": SUPPORT,
    "console-support-done": replace(SUPPORT, last_act=Act.STOP_PERMISSION, next=None),
    "console-support-empty": replace(
        SUPPORT,
        user=replace(FACTS, email="", created=0, disabled=True, factors=0),
        apps=(),
        events=(),
        acts=(),
        last_act=Act.OPEN,
        next=None,
    ),
    "console-support-hostile": replace(
        SUPPORT,
        user=replace(FACTS, name=EVIL, username=EVIL, email=EVIL),
        apps=(replace(SUPPORT.apps[0], app=replace(STEF, name=EVIL)),),
        events=(replace(SUPPORT.events[0], app=EVIL, device=EVIL, subjects=(EVIL,), reason=EVIL),),
    ),
    **{f"console-act-{act}": replace(ACT, act=act) for act in Act},
    "console-act-no-reason": replace(
        ACT, act=Act.SUSPEND, subject="Calendar", flaw=ActFlaw.NO_REASON
    ),
    "console-act-conflict": replace(
        ACT,
        act=Act.ROTATE,
        flaw=ActFlaw.CONFLICT,
        detail="The keys were rotated a minute ago.",
        reason=HOSTILE,
        subject=EVIL,
    ),
    "console-act-silent": replace(ACT, act=Act.RETRY, wants_reason=False),
    "console-link": OnceView(
        **AROUND,
        area=Area.USERS,
        act=Act.RESET_LINK,
        subject="Miko Lind",
        value="https://id.example/forgot/0l5tk2ue8d?code=n9kcn9kcn9kcn9kcn9kcn9kcn9kcn9kcn9kcn9k",
        until=NOW + HOUR,
        back="/console/users/1",
    ),
    "console-secret": OnceView(
        **AROUND,
        area=Area.APPS,
        act=Act.ADD_SECRET,
        subject="Calendar",
        value="cs_n9kcn9kcn9kcn9kcn9kcn9kcn9kcn9kcn9kcn9k",
        until=0,
        back="/console/apps/calendar",
    ),
    "console-apps": APPS,
    "console-apps-none": replace(
        APPS, rows=(), search="zebra", show=AppFilter.SUSPENDED, next="/console/apps?cursor=y"
    ),
    "console-apps-hostile": replace(
        APPS,
        rows=(replace(APPS.rows[0], app=replace(STEF, name=EVIL, client_id=EVIL)),),
        search=HOSTILE,
    ),
    "console-app": APP,
    "console-app-suspended": replace(
        APP,
        app=replace(CALENDAR, why_suspended=EVIL),
        suspended=True,
        suspended_since=NOW - HOUR,
        acts=((Act.RESTORE, "/console/apps/calendar/restore"),),
        last_act=Act.SUSPEND,
        declared=True,
        charts=(),
        secrets=(),
        permissions=(),
        redirect_uris=(),
        users=None,
        events=None,
    ),
    "console-app-hostile": replace(
        APP,
        app=replace(CALENDAR, name=EVIL, client_id=EVIL),
        redirect_uris=(f"https://calendar.example/{EVIL}",),
        permissions=(replace(POST, title=EVIL, reason=EVIL),),
    ),
    "console-catalogs": CatalogsView(
        **AROUND,
        area=Area.CATALOGS,
        rows=(
            CatalogRow(
                name="Chirp", resource="https://chirp.example", permissions=12, href="/console/c"
            ),
            CatalogRow(name=EVIL, resource=EVIL, permissions=2, href="/console/d"),
        ),
    ),
    "console-catalog": CATALOG,
    "console-catalog-first": replace(CATALOG, versions=(), scopes=(), version=0),
    "console-policies": POLICIES,
    "console-policy": PolicyView(
        **AROUND,
        area=Area.POLICIES,
        name="fapi2",
        rules=(("id_token_algorithm", "ES256"), ("pushed", "required"), ("status_list", "")),
    ),
    "console-policy-default": PolicyView(**AROUND, area=Area.POLICIES, name="default", rules=()),
    "console-keys": KEYS,
    "console-keys-read": replace(KEYS, rotate=None, last_act=Act.ROTATE),
    "console-audit": AUDIT,
    "console-audit-wrong": replace(
        AUDIT,
        rows=(),
        search={**AUDIT.search, "user": HOSTILE, "since": "yesterday"},
        wrong=("user", "since"),
        next=None,
        export=None,
    ),
    "console-record": AuditRecordView(
        **AROUND,
        area=Area.AUDIT,
        id=AUDIT_ROW.id,
        when=NOW,
        operation="apps.suspend",
        outcome="done",
        reason=EVIL,
        facts=(
            ("actor", "user 0l5tk2ue8dq0e0hg4bb1g3n9kc", "/console/users/0l5tk2ue8d"),
            ("request_id", AUDIT_ROW.request, "/console/audit?request=4f2a"),
            ("address", "203.0.113.7", None),
        ),
        changes=(("status", "active", "suspended"), (EVIL, EVIL, EVIL)),
    ),
    "console-record-refused": AuditRecordView(
        **AROUND,
        area=Area.AUDIT,
        id=AUDIT_ROW.id,
        when=NOW,
        operation="keys.rotate",
        outcome="refused",
        reason="",
        facts=(("why", "not-allowed", None),),
        changes=(),
    ),
    "console-jobs": JOBS,
    "console-jobs-none": replace(JOBS, rows=(), last_act=Act.RETRY),
    "console-settings": SETTINGS,
    "console-settings-none": replace(SETTINGS, rows=(), search=HOSTILE, changed=True),
}
"""Each page in its usual state, and in others."""
