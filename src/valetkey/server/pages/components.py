"""The parts of views: the site around a page, the app, its permissions, and its history."""

from enum import StrEnum
from typing import ClassVar, Final, get_args

from msgspec import Struct

from valetkey.server.model.event import By, Kind
from valetkey.wire.catalog import Group, Risk
from valetkey.wire.key_shards import Holder

GROUPS: Final[tuple[Group, ...]] = get_args(Group)
"""What permissions are for. A page lists them in this order."""

RISKS: Final[tuple[Risk, ...]] = get_args(Risk)[::-1]
"""What permissions could do in bad hands, the riskiest first."""


class Site(Struct, frozen=True, kw_only=True):
    """The frame around each page: the name of the site, its links, and its brand.

    ``static`` is the path under which the files of ``pages/static`` are served, without a slash at
    its end. ``forgot`` is where a forgotten password is reset. ``style``, ``favicon``, ``logo`` and
    ``logo_dark`` are paths of the brand's files. ``wide``: the logo contains the name. ``scheme``
    is the value of ``color-scheme``. ``powered_by``: the footer names valetkey.
    """

    name: str
    static: str
    home: str | None = None
    privacy: str | None = None
    terms: str | None = None
    help: str | None = None
    forgot: str | None = None
    style: str | None = None
    favicon: str | None = None
    logo: str | None = None
    logo_dark: str | None = None
    wide: bool = False
    scheme: str = "light dark"
    powered_by: bool = True

    @property
    def icon(self) -> str | None:
        """A square picture of the brand."""
        return self.favicon or (None if self.wide else self.logo)


class WayLink(Struct, frozen=True, kw_only=True):
    """A way to sign in, or to sign out elsewhere: the link ``a.way`` leads to ``href``."""

    name: str
    label: str
    href: str


class PageForm(Struct, frozen=True, kw_only=True):
    """Where a form is posted, its CSRF token, and its hidden fields."""

    action: str
    csrf: str
    hidden: tuple[tuple[str, str], ...] = ()


class Section(StrEnum):
    """The parts of the signed-in user's pages, in the order of the navigation. The values are the
    first segments of their paths."""

    APPS = "apps"
    ACTIVITY = "activity"
    SECURITY = "security"
    PROFILE = "profile"


class Account(Struct, frozen=True, kw_only=True):
    """The user who is signed in. ``sign_out`` is the path of the sign-out page, ``linked`` that of
    the accounts that they can link. ``sections`` are those that have a page."""

    name: str
    username: str
    sign_out: str
    linked: str | None = None
    sections: tuple[Section, ...] = ()


class Trust(StrEnum):
    """Whether the operator has verified the app."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"


class App(Struct, frozen=True, kw_only=True):
    """A client, as people see it.

    ``host`` is what vouches for it, such as the host of a client identifier that is a URL: unlike
    the name it cannot be made up. ``logo`` is a path on this server. ``privacy`` and ``terms`` are
    the app's own pages; a link that is not https is left out. ``why_suspended`` is the reason that
    the platform gave for suspending it.
    """

    client_id: str
    name: str
    trust: Trust
    host: str = ""
    logo: str | None = None
    privacy: str | None = None
    terms: str | None = None
    why_suspended: str = ""


class Need(StrEnum):
    """Whether the app works without a permission."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class PriorAnswer(StrEnum):
    """What the user decided about a permission before."""

    OPEN = "open"
    ALLOWED = "allowed"
    REFUSED = "refused"


class PermissionItem(Struct, frozen=True, kw_only=True):
    """One thing that a key can open, in the catalog's words and in the user's language.

    ``reason`` is why the app asks for it, in the app's words; ``brings`` is what comes with it;
    ``ticked`` is how its box stands at first. ``used`` is the day on which the app last made use of
    it, as far as is known, and ``idle`` says that this is long ago. A required permission is shown
    as a box that is ticked and cannot be changed. Browsers do not send such a box, and nobody
    should trust one that is sent: a handler counts what is required as given with the yes.
    """

    id: str
    title: str
    kind: Group
    risk: Risk = "low"
    reason: str = ""
    brings: tuple[str, ...] = ()
    need: Need = Need.OPTIONAL
    answer: PriorAnswer = PriorAnswer.OPEN
    ticked: bool = True
    used: int | None = None
    idle: bool = False


class LockedGroup(Struct, frozen=True, kw_only=True):
    """The permissions of one API that the app doesn't have. ``name`` is the API's name, "" for the
    user's account on this server. ``whole``: the app has no permission of this API."""

    permissions: tuple[PermissionItem, ...]
    name: str = ""
    whole: bool = False


class Reach(StrEnum):
    """Where a redirect URI leads: to a website, a loopback port, or an app's own scheme; elsewhere
    is an app on another device, to which nobody is sent."""

    WEB = "web"
    DEVICE = "device"
    SCHEME = "scheme"
    OTHER_DEVICE = "other_device"


class Destination(Struct, frozen=True, kw_only=True):
    """Where the browser goes afterwards: ``place`` is the host, or the scheme without colon."""

    reach: Reach
    place: str = ""


class Decline(Struct, frozen=True, kw_only=True):
    """Cancelling before sign-in: button ``#decline``, and where it leads."""

    form: PageForm
    destination: Destination


class Back(Struct, frozen=True, kw_only=True):
    """A way back that was checked: ``place`` says in words where ``href`` leads."""

    place: str
    href: str


class AccessStatus(StrEnum):
    """Whether an app's key works now. ``over``: the time that its user set has come, or the app is
    gone; ``suspended``: the operator has suspended the app."""

    ACTIVE = "active"
    PAUSED = "paused"
    OVER = "over"
    SUSPENDED = "suspended"


class ConnectionItem(Struct, frozen=True, kw_only=True):
    """One row of the connected apps: what the app may do, since when, and when it last did, and on
    which device. ``signs_in_only``: it can do nothing but recognise the user. ``unused``: it has
    left its key alone for long."""

    app: App
    permissions: tuple[PermissionItem, ...]
    status: AccessStatus
    since: int
    last_used: int | None
    href: str
    where: str = ""
    signs_in_only: bool = False
    unused: bool = False


class Shelf(StrEnum):
    """Which of the connected apps are shown."""

    ALL = "all"
    ACTIVE = "active"
    UNUSED = "unused"
    SENSITIVE = "sensitive"


class ReceiptLine(Struct, frozen=True, kw_only=True):
    """A permission on a receipt: its words as they were shown, how its box was left, and whether
    the app has had it since. ``reason`` is the app's own word."""

    words: str
    ticked: bool
    allowed: bool
    required: bool = False
    reason: str = ""


class ReceiptItem(Struct, frozen=True, kw_only=True):
    """What was shown when the user said yes: what was asked, what the app had already, what it
    could not do, and the APIs of which it could do nothing at all (``shut``)."""

    when: int
    language: str
    place: str
    requested: tuple[ReceiptLine, ...]
    already: tuple[str, ...]
    cannot: tuple[str, ...]
    shut: tuple[str, ...] = ()


class KeyPart(Struct, frozen=True, kw_only=True):
    """A part of a split key. ``set_up``: its holder has it; ``spent``: it is used up; ``alarm``:
    somebody misused it."""

    holder: Holder
    set_up: bool
    spent: bool = False
    last_seen: int | None = None
    alarm: bool = False


class DeviceItem(Struct, frozen=True, kw_only=True):
    """The app on one device. ``id`` is what the stop button sends; ``count`` sign-ins of the same
    name are one device. A key that is held in ``parts``, of which ``threshold`` open it, has a page
    for them, ``see_parts``."""

    id: str
    name: str
    count: int = 1
    since: int
    last_used: int | None
    parts: tuple[KeyPart, ...] = ()
    threshold: int = 1
    see_parts: str = ""
    suspended: bool = False


class DelegateItem(Struct, frozen=True, kw_only=True):
    """A service that acts with delegated access. ``id`` is what its button sends. ``app`` is None
    for delegates that never registered here. ``can`` is all that was ever delegated to it, ``last``
    the day on which it last was. ``cut``: the user has revoked it; ``over``: the user has revoked
    one above it."""

    id: str
    app: App | None
    can: tuple[str, ...]
    since: int
    last: int
    cut: bool = False
    over: bool = False
    below: tuple["DelegateItem", ...] = ()


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One line of a grant's history; ``subjects`` names the permissions or the device concerned,
    ``reason`` is why, in the words of the one who did it, and ``count`` how often on that day."""

    when: int
    kind: Kind
    by: By
    subjects: tuple[str, ...] = ()
    reason: str = ""
    count: int = 1


class Success(StrEnum):
    """What the last form achieved: a message on top of the page."""

    NOTHING = "nothing"
    SAVED = "saved"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    DEVICE_STOPPED = "device_stopped"
    ALLOWED = "allowed"
    CUT = "cut"
    READMITTED = "readmitted"
    CONFIRMED = "confirmed"
    UNUSED_STOPPED = "unused_stopped"


# What a page displays: plain data, one record for each page, defined beside its handler. A handler
# fills the record, and ``render`` turns it into HTML. Strings are raw, since templates escape them;
# text from apps has been through ``app_text.plain``. Times are Unix seconds, durations are seconds.
# ``None`` means that a link, a time or an image doesn't exist.


class View(Struct, frozen=True, kw_only=True):
    """A page. ``template`` is its file in ``templates``, which sees the record as ``view``, and
    each of ``enums`` by its name. ``section`` is the part of the user's pages to which it belongs,
    None for pages without the navigation; a page with one has an ``account``."""

    template: ClassVar[str]
    enums: ClassVar[tuple[type[StrEnum], ...]] = ()
    section: ClassVar[Section | None] = None

    site: Site

    @property
    def included(self) -> tuple[str, ...]:
        """The templates that the page includes by names that stand in the record."""
        return ()
