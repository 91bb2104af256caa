"""The lists of the console and what they lead to, in their usual states."""

from msgspec.structs import replace

from valetkey.server.pages.console.charts import ChartKind, Step
from valetkey.server.pages.console.listings import (
    AppDetailView,
    AppRow,
    AppsListView,
    AuditRow,
    AuditView,
    CatalogPermission,
    CatalogView,
    JobRow,
    JobsView,
    KeyRow,
    KeysView,
    PoliciesView,
    PolicyRow,
    SecretRow,
    SettingRow,
    SettingsView,
)
from valetkey.server.pages.console.parts import (
    Act,
    Area,
)
from valetkey.server.pages.samples.console_people import (
    AROUND,
    EVIL,
    numbers,
)
from valetkey.server.pages.samples.parts import (
    CALENDAR,
    CHIRP_DESK,
    DAY,
    EMAIL,
    HOUR,
    MESSAGES,
    NOW,
    POST,
    PROFILE,
    STEF,
)

APPS = AppsListView(
    **AROUND,
    area=Area.APPS,
    rows=(
        AppRow(
            app=STEF,
            origin="registered",
            suspended=False,
            created=NOW - 90 * DAY,
            href="/console/apps/stefapp",
        ),
        AppRow(
            app=CALENDAR,
            origin="document",
            suspended=True,
            created=NOW - 9 * DAY,
            href="/console/apps/calendar",
        ),
        AppRow(
            app=CHIRP_DESK, origin="declared", suspended=False, created=0, href="/console/apps/desk"
        ),
    ),
    here="/console/apps",
    next="/console/apps?cursor=x",
)
APP = AppDetailView(
    **AROUND,
    area=Area.APPS,
    app=CALENDAR,
    origin="registered",
    suspended=False,
    suspended_since=0,
    created=NOW - 9 * DAY,
    policy="default",
    auth_method="client_secret_basic",
    redirect_uris=("https://calendar.example/callback", "https://calendar.example/other"),
    permissions=(PROFILE, EMAIL, POST, MESSAGES),
    secrets=(
        SecretRow(
            id="1",
            last_four="x7Qa",
            created=NOW - 9 * DAY,
            until=NOW + 7 * DAY,
            used=NOW - HOUR,
            remove="/console/apps/calendar/secrets/1",
        ),
        SecretRow(
            id="2",
            last_four="",
            created=NOW - DAY,
            until=0,
            used=0,
            remove="/console/apps/calendar/secrets/2",
        ),
    ),
    charts=(numbers(ChartKind.TOKENS, Step.DAY, 5000), numbers(ChartKind.REFUSALS, Step.DAY, 12)),
    acts=(
        (Act.SUSPEND, "/console/apps/calendar/suspend"),
        (Act.UNVERIFY, "/console/apps/calendar/unverify"),
        (Act.ADD_SECRET, "/console/apps/calendar/add-secret"),
    ),
    events="/console/audit?app=calendar",
    users=10_000,
    more=True,
)
CATALOG = CatalogView(
    **AROUND,
    area=Area.CATALOGS,
    name="Chirp",
    resource="https://chirp.example",
    permissions=(
        CatalogPermission(id="posts:read", can="read your timeline", kind="view", risk="low"),
        CatalogPermission(
            id="posts:write",
            can="post in your name",
            kind="act",
            risk="medium",
            counted=True,
            implies=("posts:read",),
            change="changed",
        ),
        CatalogPermission(
            id="messages:read",
            can="read your direct messages",
            kind="view",
            risk="high",
            change="added",
        ),
        CatalogPermission(id="polls", can=EVIL, kind="act", risk="low", change="removed"),
    ),
    scopes=(("posts", ("posts:read", "posts:write")),),
    preview="/console/catalogs/~aHR0/preview",
    version=2,
    versions=((2, NOW - DAY, "/console/catalogs/~aHR0"), (1, NOW - 90 * DAY, "/console/c?v=1")),
)
AUDIT_ROW = AuditRow(
    id="0l5tk2ue8dq0e0hg4bb1g3n9kc",
    when=NOW - 60,
    operation="grants.narrow",
    actor="user 0l5tk2ue8dq0e0hg4bb1g3n9kc",
    target="/grants/0l5tk2ue8dq0e0hg4bb1g3n9kc",
    outcome="done",
    request="4f2a9b7c1d3e5f60718293a4",
    href="/console/audit/0l5tk2ue8dq0e0hg4bb1g3n9kc",
)
AUDIT = AuditView(
    **AROUND,
    area=Area.AUDIT,
    rows=(
        AUDIT_ROW,
        replace(AUDIT_ROW, operation="apps.suspend", actor="local:root", outcome="refused"),
        replace(AUDIT_ROW, operation="signed-in", target=EVIL, request=""),
    ),
    here="/console/audit",
    search={"user": "", "app": "", "actor": "", "operation": "", "request": "", "since": ""},
    next="/console/audit?cursor=x",
    export="/console/audit/export",
)
JOBS = JobsView(
    **AROUND,
    area=Area.JOBS,
    rows=(
        JobRow(
            id="1",
            kind="back-channel logout",
            place="calendar.example",
            due=NOW + 30,
            created=NOW - HOUR,
            tried=4,
            retry="/console/jobs/1/retry",
        ),
        JobRow(id="2", kind="mail", place="", due=NOW + 60, created=NOW - 5, tried=0),
    ),
    now=NOW,
)
KEYS = KeysView(
    **AROUND,
    area=Area.KEYS,
    rows=(
        KeyRow(
            kid="k3Zr8Q", use="ES256", status="coming", since=NOW - DAY, until=0, held_by="PKCS#11"
        ),
        KeyRow(kid="a8Tq0x", use="ES256", status="current", since=NOW - 30 * DAY, until=0),
        KeyRow(kid="Zr0aKq", use="ES256", status="retiring", since=NOW - DAY, until=NOW + HOUR),
    ),
    rotate="/console/keys/rotate",
)
POLICIES = PoliciesView(
    **AROUND,
    area=Area.POLICIES,
    rows=(
        PolicyRow(name="default", set=0, href="/console/policies/default"),
        PolicyRow(name="fapi2", set=6, href="/console/policies/fapi2"),
    ),
)
SETTINGS = SettingsView(
    **AROUND,
    area=Area.SETTINGS,
    rows=(
        SettingRow(name="issuer", value="https://id.example", origin="valetkey.toml", live=False),
        SettingRow(name="name", value="Chirp", origin="VALETKEY_NAME", live=True),
        SettingRow(name="workers", value="1", origin="default", live=False),
    ),
    here="/console/settings",
)
