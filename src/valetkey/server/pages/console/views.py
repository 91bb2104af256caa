"""What the overview, the health page and the pages about users display: plain data."""

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from valetkey.server.model.event import By, Kind
from valetkey.server.pages.components import AccessStatus, App, PermissionItem
from valetkey.server.pages.console.charts import Chart, ChartKind, Step
from valetkey.server.pages.console.parts import Act, Area, ConsoleView


class Check(StrEnum):
    """What the health page looks at."""

    DATABASE = "database"
    KEYS = "keys"
    MESSAGES = "messages"
    FOLLOWERS = "followers"
    AUDIT = "audit"


class Fact(StrEnum):
    """What the health page tells of a part."""

    READ = "read"
    KEY_AGE = "key_age"
    WAITING = "waiting"
    FAILED = "failed"
    LATE = "late"
    DELAY = "delay"
    LONGER = "longer"
    SEALED = "sealed"
    UNSEALED = "unsealed"
    STREAM = "stream"


class CheckFact(Struct, frozen=True):
    """Something that is so in a part of the server. ``of`` is what it is about: the use of a key,
    milliseconds, the name of a stream."""

    fact: Fact
    value: str
    of: str = ""


class CheckResult(Struct, frozen=True, kw_only=True):
    """How a part of the server is. ``good`` is None where nobody can tell."""

    check: Check
    good: bool | None
    facts: tuple[CheckFact, ...] = ()


class WaitingKind(StrEnum):
    """What waits for a person."""

    UNVERIFIED_APPS = "unverified_apps"
    SUSPENDED_APPS = "suspended_apps"
    FAILED_JOBS = "failed_jobs"
    REVIEWS = "reviews"


class WaitingItem(Struct, frozen=True, kw_only=True):
    """How many of a kind wait, and where. ``more``: there are more than ``count``."""

    kind: WaitingKind
    count: int
    href: str
    more: bool = False


class OverviewView(ConsoleView, frozen=True, kw_only=True):
    """What happens on the platform. ``steps`` are the addresses of the page for each step."""

    template: ClassVar = "console/overview.html"
    enums: ClassVar = (Area, Check, ChartKind, Step, WaitingKind)

    checks: tuple[CheckResult, ...]
    waiting: tuple[WaitingItem, ...]
    charts: tuple[Chart, ...]
    step: Step
    here: str


class HealthView(ConsoleView, frozen=True, kw_only=True):
    """How the parts of the server are."""

    template: ClassVar = "console/health.html"
    enums: ClassVar = (Area, Check)

    checks: tuple[CheckResult, ...]


class SearchBy(StrEnum):
    """By what users are searched."""

    EMAIL = "email"
    NAME = "name"
    USERNAME = "username"
    SUBJECT = "subject"


class UserRow(Struct, frozen=True, kw_only=True):
    """A row of the users. ``subject`` is the user's id."""

    subject: str
    name: str
    username: str
    email: str
    verified: bool
    disabled: bool
    created: int
    href: str


class UsersView(ConsoleView, frozen=True, kw_only=True):
    """The users that a search finds, newest first. ``by`` is what ``search`` is compared with."""

    template: ClassVar = "console/users.html"
    enums: ClassVar = (Area, SearchBy)

    rows: tuple[UserRow, ...]
    here: str
    search: str = ""
    by: SearchBy = SearchBy.EMAIL
    next: str | None = None


class UserFacts(Struct, frozen=True, kw_only=True):
    """What the support view says about the account. ``unused``: it is disabled because
    nobody used it. ``factors`` and ``sessions`` are counts."""

    subject: str
    name: str
    username: str
    email: str
    verified: bool
    disabled: bool
    unused: bool = False
    created: int
    factors: int
    sessions: int


class SupportPermission(Struct, frozen=True, kw_only=True):
    """A permission that an app has. ``stop`` leads to the act that takes it, None if staff may not
    or the app does not work without it."""

    item: PermissionItem
    stop: str | None = None


class SupportApp(Struct, frozen=True, kw_only=True):
    """An app that the user has connected. ``stop`` leads to the act that removes its access, None
    if the person may not."""

    app: App
    status: AccessStatus
    since: int
    last_used: int | None
    permissions: tuple[SupportPermission, ...]
    stop: str | None = None
    href: str | None = None


class SupportEvent(Struct, frozen=True, kw_only=True):
    """What happened in the account. ``app`` is the name of the app that it is about, ``device``
    that of the browser. ``subjects`` names the permissions, ``count`` is how often on that day."""

    when: int
    kind: Kind
    by: By
    app: str = ""
    device: str = ""
    unknown: bool = False
    subjects: tuple[str, ...] = ()
    reason: str = ""
    count: int = 1


class SupportView(ConsoleView, frozen=True, kw_only=True):
    """One user, for a person who helps them. ``last_act`` was just done, ``until`` is when the page
    has to be opened again. ``acts`` are the acts on the account and their addresses."""

    template: ClassVar = "console/support.html"
    enums: ClassVar = (Area, Act)

    user: UserFacts
    apps: tuple[SupportApp, ...]
    events: tuple[SupportEvent, ...]
    acts: tuple[tuple[Act, str], ...]
    until: int
    now: int
    last_act: Act | None = None
    next: str | None = None
