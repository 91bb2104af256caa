"""What each page for people shows: plain data, one record a page.

A handler fills a record in, ``render`` turns it into HTML. Strings are raw, since the templates
escape them; what an app supplied has been through ``text.plain`` before. Moments are Unix seconds,
spans are seconds. ``None`` stands for a link, a moment or an image that does not exist.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from valetkey.server.pages.components import (
    Account,
    App,
    Back,
    Decline,
    Destination,
    Form,
    Locked,
    Part,
    Permission,
    Site,
)
from valetkey.server.pages.grant_views import (
    AppLimits,
    ApprovalPage,
    Approvals,
    ConnectedApp,
    ConnectedApps,
    KeyParts,
    StopApp,
    StopUnused,
)
from valetkey.server.pages.limit_fields import Limit, Wrong


class SignInPurpose(StrEnum):
    """Signing in, or proving once more that it is still the same person."""

    SIGN_IN = "sign_in"
    CONFIRM = "confirm"


class SignInProblem(StrEnum):
    """Why the form is shown again. An unknown user and a wrong password are one: ``REFUSED``."""

    NONE = "none"
    USERNAME_MISSING = "username_missing"
    PASSWORD_MISSING = "password_missing"
    REFUSED = "refused"
    THROTTLED = "throttled"
    THROTTLED_HERE = "throttled_here"


class SignIn(Struct, frozen=True, kw_only=True):
    """The sign-in form: fields ``username`` and ``password``, button ``#sign-in``.

    ``app`` is the name of the app that waits, which ``decline`` tells no. ``retry_after`` goes with
    ``THROTTLED``.
    """

    site: Site
    form: Form
    app: str | None = None
    username: str = ""
    purpose: SignInPurpose = SignInPurpose.SIGN_IN
    problem: SignInProblem = SignInProblem.NONE
    retry_after: int = 0
    forgot: str | None = None
    create: str | None = None
    decline: Decline | None = None


class Cause(StrEnum):
    """Why the page is shown: something is asked for, the app insists, anybody could pose as it, the
    key is paused, a backup was restored since, the key has ended, or the app describes itself
    otherwise than before (``Consent.changed`` says so too)."""

    PERMISSIONS = "permissions"
    ASKED = "asked"
    CONFIRM = "confirm"
    PAUSED = "paused"
    RESTORED = "restored"
    ENDED = "ended"
    CHANGED = "changed"


class Choice(Struct, frozen=True, kw_only=True):
    """As whom to go on: buttons ``#continue`` and ``#another``, whose ``action`` is ``continue`` or
    ``another``."""

    site: Site
    form: Form
    account: Account
    app: str
    decline: Decline | None = None


class SignUpProblem(StrEnum):
    """Why the form is shown again."""

    NONE = "none"
    USERNAME = "username"
    TAKEN = "taken"
    PASSWORD = "password"
    EMAIL = "email"
    THROTTLED = "throttled"


class SignUp(Struct, frozen=True, kw_only=True):
    """A new account: fields ``username``, ``name``, ``email`` and ``password``, button
    ``#sign-up``. ``sign_in`` is where those go who have one. ``shortest`` is the least length of a
    password; ``retry_after`` goes with ``THROTTLED``."""

    site: Site
    form: Form
    sign_in: str
    shortest: int
    app: str | None = None
    username: str = ""
    name: str = ""
    email: str = ""
    problem: SignUpProblem = SignUpProblem.NONE
    retry_after: int = 0
    decline: Decline | None = None


class AnswerForm(Struct, frozen=True, kw_only=True):
    """An answer that travels to an app in a form: ``#answer``, button ``#continue``. ``at_once``: a
    script sends it, where there is script; else the user does. ``place`` says where it leads."""

    site: Site
    action: str
    fields: tuple[tuple[str, str], ...]
    place: str
    at_once: bool = True


class Consent(Struct, frozen=True, kw_only=True):
    """The decision: boxes ``permission``, buttons ``#allow`` and ``#cancel``.

    What is posted has the ``action`` ``allow`` or ``cancel``. ``asked`` is what is to be decided
    now, ``kept`` what the app holds already and keeps, ``cannot`` all the rest by API; the page
    puts each in order itself. ``broad``: the app asks for so much that nothing risky is ticked.
    ``ends`` is when the key stops by itself. ``switch`` is posted to go on as somebody else, and
    ``apps`` is the address of the connected apps. ``changed``: the app describes itself, and does
    so otherwise than when it was allowed. ``limits`` are of what is asked and can be limited, and
    ``lasting`` are the ends that the user can choose ("" is the app's own, or none), empty where
    they are not asked until when; ``once``: the app asks for just once. ``parts`` are those in
    which the key will be held, of which ``threshold`` open it; none, for an ordinary one. ``typed``
    is what the form said the last time, where ``wrong`` is a field of it that made no sense.
    """

    site: Site
    form: Form
    account: Account
    app: App
    destination: Destination
    asked: tuple[Permission, ...]
    cannot: tuple[Locked, ...]
    apps: str
    kept: tuple[Permission, ...] = ()
    cause: Cause = Cause.PERMISSIONS
    broad: bool = False
    switch: Form | None = None
    ends: int | None = None
    changed: bool = False
    limits: tuple[Limit, ...] = ()
    lasting: tuple[str, ...] = ()
    once: bool = False
    parts: tuple[Part, ...] = ()
    threshold: int = 1
    typed: Mapping[str, str] = {}
    wrong: Wrong | None = None


class CodeProblem(StrEnum):
    """Why the code is asked for again. Wrong and over are one: ``REFUSED``."""

    NONE = "none"
    MISSING = "missing"
    REFUSED = "refused"
    THROTTLED = "throttled"


class EnterCode(Struct, frozen=True, kw_only=True):
    """The code that another device shows: field ``user_code``, button ``#continue``.

    ``code`` is what stands in the field. ``retry_after`` goes with ``THROTTLED``.
    """

    site: Site
    form: Form
    code: str = ""
    problem: CodeProblem = CodeProblem.NONE
    retry_after: int = 0


class ConfirmDevice(Struct, frozen=True, kw_only=True):
    """Whether the user means the request that another device made: buttons ``#confirm`` and
    ``#disown``, which post the ``action`` of their name.

    ``code`` is what that device shows, ``address`` where it asked from, ``device`` what it is, as
    far as it says; ``near``: this browser is in the same network.
    """

    site: Site
    form: Form
    app: App
    code: str
    asked_at: int
    now: int
    device: str
    address: str
    near: bool


class SignOut(Struct, frozen=True, kw_only=True):
    """Asks before the session ends: button ``#sign-out``; ``back`` is where "no" leads.
    ``signed_in`` names the apps that the user is signed in to in this browser."""

    site: Site
    account: Account
    form: Form
    apps: str
    back: str
    signed_in: tuple[str, ...] = ()


class SignedOut(Struct, frozen=True, kw_only=True):
    """The session is over. ``back`` is the app's registered address for afterwards, ``frames`` are
    pages of apps, which sign their user out as the browser loads them."""

    site: Site
    sign_in: str | None = None
    back: Back | None = None
    frames: tuple[str, ...] = ()


class Outcome(StrEnum):
    """How a visit ended that leaves nothing to do here."""

    CONNECTED = "connected"
    CANCELLED = "cancelled"


class Notice(Struct, frozen=True, kw_only=True):
    """The end of the way: the window can be closed. ``app`` is the name of the app it was about."""

    site: Site
    outcome: Outcome
    app: str = ""
    apps: str | None = None
    back: Back | None = None


class Trouble(StrEnum):
    """What went wrong, for people; the registered code is for those who write software."""

    UNKNOWN_APP = "unknown_app"
    WRONG_ADDRESS = "wrong_address"
    BAD_REQUEST = "bad_request"
    IMPOSSIBLE = "impossible"
    EXPIRED = "expired"
    FORGED = "forged"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class ErrorPage(Struct, frozen=True, kw_only=True):
    """Something went wrong, and who can mend it.

    ``code`` is the registered error code, ``reference`` finds the request in the log, ``detail`` is
    the public description for developers. ``back`` only where the address was checked.
    """

    site: Site
    trouble: Trouble
    code: str
    reference: str
    when: int
    detail: str = ""
    back: Back | None = None


View = (
    SignIn
    | AppLimits
    | Choice
    | SignUp
    | AnswerForm
    | Consent
    | ConnectedApps
    | ConnectedApp
    | StopApp
    | KeyParts
    | Approvals
    | ApprovalPage
    | EnterCode
    | ConfirmDevice
    | StopUnused
    | SignOut
    | SignedOut
    | Notice
    | ErrorPage
)
