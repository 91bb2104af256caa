"""What the console's pages share: the areas, and the records that several pages display."""

from enum import StrEnum
from typing import ClassVar, Final

from msgspec import Struct

from valetkey.server.pages.components import Account, PageForm, View

CONSOLE: Final = "/console"

REASON: Final = 200
"""Characters of a reason, at most."""


class Area(StrEnum):
    """The parts of the console, in the order of the navigation. The values are the last segments
    of their paths, but for the overview, which is the console itself."""

    OVERVIEW = "overview"
    USERS = "users"
    APPS = "apps"
    ORGANIZATIONS = "organizations"
    CATALOGS = "catalogs"
    POLICIES = "policies"
    KEYS = "keys"
    AUDIT = "audit"
    JOBS = "jobs"
    SETTINGS = "settings"
    HEALTH = "health"

    @property
    def path(self) -> str:
        """Its path."""
        return CONSOLE if self is Area.OVERVIEW else f"{CONSOLE}/{self}"


class ConsoleView(View, frozen=True, kw_only=True):
    """A page of the console. ``area`` is the part to which it belongs, ``areas`` are those that
    the person may open, ``account`` is the person."""

    enums: ClassVar[tuple[type[StrEnum], ...]] = (Area,)

    account: Account
    area: Area
    areas: tuple[Area, ...]


class Act(StrEnum):
    """What staff do with a reason. The values are the last segments of their paths."""

    OPEN = "open"
    STOP_PERMISSION = "stop-permission"
    STOP_ACCESS = "stop-access"
    SIGN_OUT = "sign-out"
    RESET_LINK = "reset-link"
    SUSPEND = "suspend"
    RESTORE = "restore"
    VERIFY = "verify"
    UNVERIFY = "unverify"
    ADD_SECRET = "add-secret"
    REMOVE_SECRET = "remove-secret"
    ROTATE = "rotate"
    RETRY = "retry"
    REMOVE_ORGANIZATION = "remove"
    REMOVE_MEMBER = "remove-member"
    ALLOW_APP = "allow-app"
    DECLINE_APP = "decline-app"


class EffectView(Struct, frozen=True, kw_only=True):
    """What a change would do: ``members`` are those that it is about, ``affected`` those of them
    whose access changes. ``narrowed``, ``widened`` and ``stopped`` are numbers of grants.
    ``more``: there are more members."""

    members: int
    affected: int
    narrowed: int
    widened: int
    stopped: int
    more: bool = False


class ActFlaw(StrEnum):
    """Why an act was not done. ``CONFLICT``: what it is about has changed meanwhile, or does not
    allow it now."""

    NONE = "none"
    NO_REASON = "no_reason"
    CONFLICT = "conflict"


class ActView(ConsoleView, frozen=True, kw_only=True):
    """Confirm an act: field ``reason``, button ``#confirm``. ``subject`` names what it is about,
    ``app`` the app where that is a permission, ``back`` is the path of the page before. ``reason``
    is what was typed, ``detail`` why the act is not possible, for staff. ``wants_reason``: there
    is a field for it. ``effect`` is what it would do, None where nobody counts that."""

    template: ClassVar = "console/act.html"
    enums: ClassVar = (Area, Act, ActFlaw)

    act: Act
    subject: str
    app: str = ""
    form: PageForm
    back: str
    reason: str = ""
    flaw: ActFlaw = ActFlaw.NONE
    detail: str = ""
    wants_reason: bool = True
    effect: EffectView | None = None


class OnceView(ConsoleView, frozen=True, kw_only=True):
    """A value that is displayed once: ``#value``. ``until`` is when it ends, in seconds since
    1970, 0 for never."""

    template: ClassVar = "console/once.html"
    enums: ClassVar = (Area, Act)

    act: Act
    subject: str
    value: str
    until: int
    back: str


class NoFactorView(ConsoleView, frozen=True, kw_only=True):
    """Staff need a second factor, and this person has none: ``add`` leads to where they add it."""

    template: ClassVar = "console/no_factor.html"

    add: str
