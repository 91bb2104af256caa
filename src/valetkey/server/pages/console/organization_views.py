"""What the pages about organizations display: plain data."""

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from valetkey.server.model.organization import AppsRule
from valetkey.server.pages.components import PageForm
from valetkey.server.pages.console.parts import Act, Area, ConsoleView, EffectView


class OrganizationDone(StrEnum):
    """What was just done with a form."""

    ADDED = "added"
    EDITED = "edited"
    RULED = "ruled"
    JOINED = "joined"


class OrganizationRow(Struct, frozen=True, kw_only=True):
    """A row of the organizations. ``pending``: its rule is still being applied."""

    id: str
    name: str
    apps: AppsRule
    pending: bool
    created: int
    href: str


class OrganizationsView(ConsoleView, frozen=True, kw_only=True):
    """The organizations whose id or a word of whose name begins with ``search``. ``add`` leads
    to the form for another. Those who administer some see these, without ``here`` and ``add``."""

    template: ClassVar = "console/organizations.html"
    enums: ClassVar = (Area, Act)

    rows: tuple[OrganizationRow, ...]
    here: str | None
    search: str = ""
    add: str | None
    next: str | None = None
    last_act: Act | None = None


class AppLink(Struct, frozen=True, kw_only=True):
    """An app that a rule names. ``name`` is "" if there is none with this id."""

    id: str
    name: str = ""
    href: str | None = None


class RuleFacts(Struct, frozen=True, kw_only=True):
    """A rule. ``permissions`` are the most that any app may have, None for all; permissions are
    ids and words, "" if no catalog has them."""

    apps: AppsRule
    listed: tuple[AppLink, ...]
    blocked: tuple[AppLink, ...]
    permissions: tuple[tuple[str, str], ...] | None
    forbidden: tuple[tuple[str, str], ...]
    ask: bool


class MemberRow(Struct, frozen=True, kw_only=True):
    """A member. ``name`` is "" if the account is gone. ``source`` is where the group is that made
    them one, "" if an administrator added them. ``href`` leads to what they allow apps."""

    user: str
    name: str
    administrator: bool
    source: str
    created: int
    href: str
    remove: str


class MemberAccess(Struct, frozen=True, kw_only=True):
    """What a member allows an app, without what the rule withholds: ``withheld``. ``stop`` leads to
    the question whether it ends. ``everywhere``: it was not given for this organization alone."""

    app: AppLink
    paused: bool
    permissions: tuple[tuple[str, str], ...]
    withheld: tuple[tuple[str, str], ...]
    everywhere: bool
    created: int
    stop: str


class MemberView(ConsoleView, frozen=True, kw_only=True):
    """A member of an organization, and the apps that they connected. ``support`` leads to the
    support view, for staff who may open it."""

    template: ClassVar = "console/member.html"
    enums: ClassVar = (Area, Act)

    organization: str
    back: str
    member: MemberRow
    access: tuple[MemberAccess, ...]
    support: str | None = None
    last_act: Act | None = None


class RequestRow(Struct, frozen=True, kw_only=True):
    """A member who asks for an app, and where to answer."""

    user: str
    name: str
    app: AppLink
    permissions: tuple[tuple[str, str], ...]
    created: int
    allow: str
    decline: str


class OrganizationView(ConsoleView, frozen=True, kw_only=True):
    """One organization: its rule, its members, and the requests that wait. ``groups`` are sources
    and names. ``edit``, ``rule_form``, ``add_member`` and ``remove`` lead on, to those who may."""

    template: ClassVar = "console/organization.html"
    enums: ClassVar = (Area, Act, OrganizationDone)

    id: str
    name: str
    created: int
    pending: bool
    groups: tuple[tuple[str, str], ...]
    rule: RuleFacts
    members: tuple[MemberRow, ...]
    requests: tuple[RequestRow, ...]
    edit: str | None
    rule_form: str
    add_member: str | None
    remove: str | None
    next: str | None = None
    more_requests: str | None = None
    last_act: Act | None = None
    success: OrganizationDone | None = None


class OrganizationForm(StrEnum):
    """What is filled in."""

    ADD = "add"
    EDIT = "edit"
    RULE = "rule"
    MEMBER = "add-member"


class FormFlaw(StrEnum):
    """What is wrong with what was filled in. ``CONFLICT``: it is not possible now."""

    NONE = "none"
    ID = "id"
    NAME = "name"
    GROUPS = "groups"
    APPS = "apps"
    PERMISSIONS = "permissions"
    USER = "user"
    CONFLICT = "conflict"


class OrganizationFormView(ConsoleView, frozen=True, kw_only=True):
    """A form about an organization: ``values`` by name. With an ``effect``, it is confirmed:
    buttons ``#save`` and ``#change``; else ``#next``. ``field`` is where the flaw is, ``detail``
    the value that is wrong."""

    template: ClassVar = "console/organization_form.html"
    enums: ClassVar = (Area, OrganizationForm, FormFlaw)

    kind: OrganizationForm
    name: str
    form: PageForm
    values: dict[str, str]
    back: str
    effect: EffectView | None = None
    flaw: FormFlaw = FormFlaw.NONE
    field: str = ""
    detail: str = ""
