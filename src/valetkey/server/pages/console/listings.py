"""What the pages about apps, catalogs, keys, the audit and the server display: plain data."""

from enum import StrEnum
from typing import ClassVar, Final

from msgspec import Struct

from valetkey.server.pages.components import App, PermissionItem
from valetkey.server.pages.console.charts import Chart, ChartKind, Step
from valetkey.server.pages.console.parts import Act, Area, ConsoleView
from valetkey.wire.catalog import Group, Risk


class AppFilter(StrEnum):
    """Which apps are listed."""

    ALL = "all"
    UNVERIFIED = "unverified"
    SUSPENDED = "suspended"


class AppRow(Struct, frozen=True, kw_only=True):
    """A row of the apps. ``origin`` is who registered it."""

    app: App
    origin: str
    suspended: bool
    created: int
    href: str


class AppsListView(ConsoleView, frozen=True, kw_only=True):
    """The apps that a search finds by name, domain or id."""

    template: ClassVar = "console/apps.html"
    enums: ClassVar = (Area, AppFilter)

    rows: tuple[AppRow, ...]
    here: str
    search: str = ""
    show: AppFilter = AppFilter.ALL
    next: str | None = None


class SecretRow(Struct, frozen=True, kw_only=True):
    """A secret of an app, without the secret. ``id`` names it, ``last_four`` are its last
    characters, "" if unknown. Times are seconds since 1970, 0 for never."""

    id: str
    last_four: str
    created: int
    until: int
    used: int
    remove: str | None = None


class AppDetailView(ConsoleView, frozen=True, kw_only=True):
    """One app. ``acts`` are the acts on it and their addresses; ``users`` is how many users it has,
    None if nobody counted; ``more``: there are more. ``declared``: a file declares it, so it is
    changed there."""

    template: ClassVar = "console/app.html"
    enums: ClassVar = (Area, Act, ChartKind, Step)

    app: App
    origin: str
    suspended: bool
    suspended_since: int
    created: int
    policy: str
    auth_method: str
    redirect_uris: tuple[str, ...]
    permissions: tuple[PermissionItem, ...]
    secrets: tuple[SecretRow, ...]
    charts: tuple[Chart, ...]
    acts: tuple[tuple[Act, str], ...]
    events: str | None = None
    users: int | None = None
    more: bool = False
    declared: bool = False
    last_act: Act | None = None


class CatalogRow(Struct, frozen=True, kw_only=True):
    """A row of the catalogs."""

    name: str
    resource: str
    permissions: int
    href: str


class CatalogsView(ConsoleView, frozen=True, kw_only=True):
    """The APIs and their catalogs of permissions."""

    template: ClassVar = "console/catalogs.html"

    rows: tuple[CatalogRow, ...]
    next: str | None = None


class CatalogPermission(Struct, frozen=True, kw_only=True):
    """A permission as its catalog has it. ``change`` is what the version did: "added", "changed",
    "removed", or "" for nothing."""

    id: str
    can: str
    kind: Group
    risk: Risk
    counted: bool = False
    implies: tuple[str, ...] = ()
    change: str = ""


class CatalogView(ConsoleView, frozen=True, kw_only=True):
    """One catalog. ``versions`` are numbers, times and addresses, newest first; ``version`` is the
    one on the page, compared with the one before. ``preview`` leads to the consent page."""

    template: ClassVar = "console/catalog.html"

    name: str
    resource: str
    permissions: tuple[CatalogPermission, ...]
    scopes: tuple[tuple[str, tuple[str, ...]], ...]
    preview: str
    version: int = 0
    versions: tuple[tuple[int, int, str], ...] = ()


class PolicyRow(Struct, frozen=True, kw_only=True):
    """A row of the policies. ``set`` is how many rules it has of its own."""

    name: str
    set: int
    href: str


class PoliciesView(ConsoleView, frozen=True, kw_only=True):
    """The policies."""

    template: ClassVar = "console/policies.html"

    rows: tuple[PolicyRow, ...]
    next: str | None = None


class PolicyView(ConsoleView, frozen=True, kw_only=True):
    """One policy: its rules, as names and values."""

    template: ClassVar = "console/policy.html"

    name: str
    rules: tuple[tuple[str, str], ...]


class KeyRow(Struct, frozen=True, kw_only=True):
    """A key of the server, without the key; ``held_by``: the token or service that has it,
    "" for the database."""

    kid: str
    use: str
    status: str
    since: int
    until: int
    held_by: str = ""


class KeysView(ConsoleView, frozen=True, kw_only=True):
    """The keys of the server. ``rotate`` leads to the act, None if the person may not."""

    template: ClassVar = "console/keys.html"
    enums: ClassVar = (Area, Act)

    rows: tuple[KeyRow, ...]
    rotate: str | None = None
    last_act: Act | None = None


AUDIT_FIELDS: Final = ("user", "app", "actor", "operation", "request")
"""What the audit is searched by: names of fields of the search."""


class AuditRow(Struct, frozen=True, kw_only=True):
    """A row of the audit."""

    id: str
    when: int
    operation: str
    actor: str
    target: str
    outcome: str
    request: str
    href: str


class AuditView(ConsoleView, frozen=True, kw_only=True):
    """Records of the audit, newest first. ``search`` has what was searched by, ``since`` and
    ``before`` are days. ``export`` is the address of the file."""

    template: ClassVar = "console/audit.html"

    rows: tuple[AuditRow, ...]
    here: str
    search: dict[str, str]
    wrong: tuple[str, ...] = ()
    next: str | None = None
    export: str | None = None


class AuditRecordView(ConsoleView, frozen=True, kw_only=True):
    """One record: its facts as names and values, and what it changed: names, values before, values
    after."""

    template: ClassVar = "console/audit_record.html"

    id: str
    when: int
    operation: str
    outcome: str
    reason: str
    facts: tuple[tuple[str, str, str | None], ...]
    changes: tuple[tuple[str, str, str], ...]


class JobRow(Struct, frozen=True, kw_only=True):
    """A message that waits. ``place`` is the host to which it goes."""

    id: str
    kind: str
    place: str
    due: int
    created: int
    tried: int
    retry: str | None = None


class JobsView(ConsoleView, frozen=True, kw_only=True):
    """The messages that wait, the next one first."""

    template: ClassVar = "console/jobs.html"
    enums: ClassVar = (Area, Act)

    rows: tuple[JobRow, ...]
    now: int
    next: str | None = None
    last_act: Act | None = None


class SettingRow(Struct, frozen=True, kw_only=True):
    """A setting. ``origin`` is where its value comes from; ``live``: it may change while the
    server runs."""

    name: str
    value: str
    origin: str
    live: bool


class SettingsView(ConsoleView, frozen=True, kw_only=True):
    """The settings of this process. ``changed``: only those that are no default."""

    template: ClassVar = "console/settings.html"

    rows: tuple[SettingRow, ...]
    here: str
    search: str = ""
    changed: bool = False
