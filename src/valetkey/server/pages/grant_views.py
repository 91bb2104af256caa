"""What the pages about a user's grants show: the apps that hold one, its limits, and what they ask
the user meanwhile. As in ``views``: plain data, one record a page."""

from msgspec import Struct

from valetkey.server.pages.components import (
    Account,
    App,
    Branch,
    Connection,
    Device,
    Done,
    Entry,
    Form,
    Holder,
    Locked,
    Part,
    Permission,
    Receipt,
    Shelf,
    Site,
    Status,
)
from valetkey.server.pages.limit_fields import Limit, Wrong


class Question(Struct, frozen=True, kw_only=True):
    """What an app asks a user who is not looking at it. ``words`` are the app's own, ``what`` is
    what a key that it has already is to be used for; ``consent``: a yes leads to the consent page.
    """

    app: App
    words: str
    amount: str
    asked_at: int
    ends: int
    consent: bool
    href: str
    what: str = ""


class Approvals(Struct, frozen=True, kw_only=True):
    """All that waits for the user's answer."""

    site: Site
    account: Account
    questions: tuple[Question, ...]
    apps: str
    now: int


class ApprovalPage(Struct, frozen=True, kw_only=True):
    """One question: buttons ``#approve`` and ``#deny``, which post the ``action`` of their name;
    ``back`` is the list."""

    site: Site
    account: Account
    form: Form
    question: Question
    back: str
    now: int


class ConnectedApps(Struct, frozen=True, kw_only=True):
    """Apps that hold a key: one page of the list, narrowed by ``search`` and ``shelf``. ``next`` is
    the address of what follows, ``unused`` that of the page that stops what is not used, where
    there is anything. ``here`` is the list's own address, ``export`` that of the user's data.
    ``stopped`` is the name that goes with ``Done.STOPPED``; so many questions as ``waiting`` says
    wait at ``approvals``."""

    site: Site
    account: Account
    apps: tuple[Connection, ...]
    now: int
    here: str
    export: str
    search: str = ""
    shelf: Shelf = Shelf.ALL
    next: str | None = None
    unused: str | None = None
    done: Done = Done.NOTHING
    stopped: str = ""
    waiting: int = 0
    approvals: str = ""


class StopUnused(Struct, frozen=True, kw_only=True):
    """Asks once more before every app loses its key that has left it alone: boxes ``app`` with the
    grants' names, button ``#stop``; ``back`` is the list."""

    site: Site
    account: Account
    apps: tuple[Connection, ...]
    form: Form
    back: str
    now: int


class ConnectedApp(Struct, frozen=True, kw_only=True):
    """One app's key. All forms go to ``form`` and differ in ``action``.

    ``save`` comes with the ticked ``permission`` values, ``give`` with the ticked ``more``,
    ``pause`` and ``resume`` come alone, ``stop`` leads to the page that asks once more,
    ``stop-device`` comes with ``device``, ``cut`` and ``readmit`` with a ``hand``. ``branches`` are
    those who have the key from the app. ``permissions`` are those that the app holds, ``more``
    those that it could have besides, ``cannot`` is all the rest by API, ``back`` the address of
    the list, ``begins`` where the app itself lets its user begin. ``history`` and ``receipts`` have
    the newest first. ``unused``: the app has left its key alone for long. ``paused``: its user has
    paused it, whatever else its ``status`` says.
    """

    site: Site
    account: Account
    app: App
    form: Form
    permissions: tuple[Permission, ...]
    cannot: tuple[Locked, ...]
    status: Status
    since: int
    last_used: int | None
    devices: tuple[Device, ...]
    history: tuple[Entry, ...]
    back: str
    now: int
    more: tuple[Permission, ...] = ()
    branches: tuple[Branch, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    where: str = ""
    signs_in_only: bool = False
    unused: bool = False
    paused: bool = False
    ends: int | None = None
    begins: str | None = None
    done: Done = Done.NOTHING


class AppLimits(Struct, frozen=True, kw_only=True):
    """The limits of one app's key. All forms go to ``form`` and differ in ``action``.

    ``save`` comes with one ``permission`` and its numbers, ``end`` with ``until``. ``longest`` is
    how long the app itself asks for; ``told`` is what is said of the form before: ``saved``,
    ``wrong``, ``again`` (it waits for its button, now that the user has proved who they are) or
    nothing. ``wrong`` is the field that made no sense; ``until`` and ``date`` stand as they were
    typed. ``zone`` is where a day ends, unless the browser says otherwise. So many questions about
    this key are ``waiting``, at ``approvals``.
    """

    site: Site
    account: Account
    app: App
    form: Form
    limits: tuple[Limit, ...]
    ends: int | None
    longest: int | None
    back: str
    zone: str = "UTC"
    until: str = ""
    date: str = ""
    wrong: Wrong | None = None
    told: str = ""
    waiting: int = 0
    approvals: str = ""


class KeyParts(Struct, frozen=True, kw_only=True):
    """A key that is held in several parts, on one device: ``threshold`` of them open it. All forms
    go to ``form``: ``replace`` comes with a ``holder``, ``resume`` alone.

    ``because`` says why a suspended key is. ``ticket`` or ``code`` is what was just made for
    ``holder``, shown this once; ``picture`` the same as squares of ``size``, where there are any.
    """

    site: Site
    account: Account
    app: App
    form: Form
    device: str
    parts: tuple[Part, ...]
    threshold: int
    suspended: bool
    because: str
    back: str
    now: int
    holder: Holder | None = None
    ticket: str = ""
    code: str = ""
    size: int = 0
    picture: str = ""


class StopApp(Struct, frozen=True, kw_only=True):
    """Asks once more before an app loses its key: button ``#stop``; ``back`` is the app's page."""

    site: Site
    account: Account
    app: App
    form: Form
    devices: int
    back: str
