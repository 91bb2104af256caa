"""Ways to sign in, and which of them the sign-in page shows."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final, TypeVar

import msgspec

from valetkey.server.accounts.proof_of_work import Puzzle
from valetkey.server.http.reply import Headers, Reply
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.outcome import Login
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.components import View, WayLink
from valetkey.server.pages.factors.stages import FirstStage
from valetkey.server.pages.frame import APPS, SIGN_IN, Frame
from valetkey.server.pages.own_pages import after_sign_in
from valetkey.wire import redirect
from valetkey.wire.form import Form

WITH: Final = "with"
"""The part of a path before the name of a way."""

V = TypeVar("V", bound=View)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for the user to sign in: the request `login`, or else the page `target` of the
    user's own. `again`: that page needs a fresh sign-in."""

    login: Login | None = None
    target: str = APPS
    again: bool = False


class Way(ABC):
    """A way to sign in. `name` stands in paths, `label` on the button. `silent`: it may know the
    user without a page. `domains` are those of its users' e-mail addresses. `sign_out_url` is where
    its users sign out there too, "" for nowhere. `is_on` is False for one that was switched off:
    nobody signs in there, but sessions still end."""

    name: str
    label: str
    is_on: bool = True
    silent: bool = False
    domains: Sequence[str] = ()
    sign_out_url: str = ""

    @abstractmethod
    async def begin(self, request: Request, waiting: Waiting) -> Reply:
        """Send the browser to the place where the user signs in. Raises OAuthError, for a page."""


class FollowedWay(Way):
    """A way whose sessions here end with its own: it looks before each page."""

    @abstractmethod
    async def follow(self, request: Request) -> None:
        """End the session of this browser if it is over where it began."""


class SignInProblem(StrEnum):
    """Why the form is displayed again. Unknown user and wrong password are one: ``REFUSED``."""

    NONE = "none"
    USERNAME_MISSING = "username_missing"
    PASSWORD_MISSING = "password_missing"
    REFUSED = "refused"
    THROTTLED = "throttled"
    THROTTLED_HERE = "throttled_here"
    PASSKEY_EXPIRED = "passkey_expired"
    PASSKEY_REFUSED = "passkey_refused"
    PASSKEY_UNVERIFIED = "passkey_unverified"


class SignInRefused(msgspec.Struct, frozen=True):
    """A failed sign-in. `retry_after` is in seconds, 0 unless throttled."""

    problem: SignInProblem
    username: str
    retry_after: int = 0
    puzzle: Puzzle | None = None
    unsure: bool = False

    @property
    def status(self) -> int:
        return 429 if self.retry_after else 400

    @property
    def headers(self) -> Headers:
        return ((b"retry-after", str(self.retry_after).encode()),) if self.retry_after else ()

    def on(self, view: V) -> V:
        """The form, a `SignInView`, with the problem."""
        return msgspec.structs.replace(
            view,
            problem=self.problem,
            username=self.username,
            retry_after=self.retry_after,
            puzzle=self.puzzle,
            unsure=self.unsure,
        )


class FormWay(Way):
    """A way whose form is on the sign-in page itself."""

    @abstractmethod
    async def check(self, request: Request, form: Form) -> FirstStage | SignInRefused:
        """Check what the user typed. Raises OAuthError, for a page."""


class SignInChoice:
    """Every way, in the order of the sign-in page, and what follows from those that are on. `form`
    is the one on the page itself, None for none; `elsewhere` are the others. `silent` is the way
    that may know the user without a page, None for none. `sign_out` is the address at which users
    of a way sign out there too, by the name of the way."""

    def __init__(self, ways: Sequence[Way]) -> None:
        self.every = tuple(ways)
        on = [way for way in ways if way.is_on]
        self.form = next((way for way in on if isinstance(way, FormWay)), None)
        self.elsewhere = tuple(way for way in on if way is not self.form)
        self.followed = tuple(way for way in on if isinstance(way, FollowedWay))
        self.silent = next((way for way in on if way.silent), None)
        self.sign_out = {way.name: way.sign_out_url for way in on if way.sign_out_url}
        self.domains = {name: way for way in on for name in way.domains}

    @property
    def only(self) -> Way | None:
        """The way to take without a question, None if the user has a choice, or fills in a form."""
        return self.elsewhere[0] if len(self.elsewhere) == 1 and self.form is None else None

    def of_address(self, username: str) -> Way | None:
        """The way of the users with e-mail addresses of this one's domain, None if there is
        none."""
        return self.domains.get(username.rpartition("@")[2].strip().lower())

    def for_request(self, pending: str) -> tuple[WayLink, ...]:
        """The buttons for a waiting request."""
        at = f"{continue_at(pending)}/{WITH}"
        return tuple(
            WayLink(name=way.name, label=way.label, href=f"{at}/{way.name}")
            for way in self.elsewhere
        )

    def for_page(self, target: str) -> tuple[WayLink, ...]:
        """The buttons for a page of the user's own."""
        links = ((way, f"{SIGN_IN}/{WITH}/{way.name}") for way in self.elsewhere)
        return tuple(
            WayLink(name=way.name, label=way.label, href=after_sign_in(target, at=path))
            for way, path in links
        )


class PassOnView(View, frozen=True, kw_only=True):
    """The way to sign in at ``place``: the browser goes on to ``href`` by itself, or by the link
    ``#pass-on``."""

    template: ClassVar = "pass_on.html"

    place: str
    href: str


def pass_on(frame: Frame, request: Request, way: Way, *, href: str) -> Reply:
    """A page that leads to a way to sign in. After a form, browsers follow redirects only to
    ourselves (Content Security Policy 3, `form-action`)."""
    view = PassOnView(site=frame.site, place=way.label, href=href)
    return frame.page(request, view).having(_leads_to(href))


class OnwardView(View, frozen=True, kw_only=True):
    """The browser goes on to ``href`` by itself, or by the link ``#onward``. ``place`` is the host
    there."""

    template: ClassVar = "onward.html"

    place: str
    href: str


def end_form(frame: Frame, request: Request, reply: Reply) -> Reply:
    """A redirect to another server's page, in a browser, as a page that goes on there; any other
    reply as it is.

    Browsers apply `form-action` of the page with the form to every redirect that follows, up to the
    last one (Content Security Policy 3, 6.5.1). Only the server there knows where it redirects to,
    so the redirects must not belong to the form. RFC 6749 1.7 allows it.
    """
    if reply.status != 303 or not _is_window(request):
        return reply
    href = next((value for name, value in reply.headers if name == b"location"), b"").decode()
    if not href.startswith(("https://", "http://")):
        return reply  # Ours, or an app on this device, to which some systems go only by redirects.
    page = frame.page(request, OnwardView(site=frame.site, place=redirect.host(href), href=href))
    cookies = (one for one in reply.headers if one[0] == b"set-cookie")
    return page.having(*cookies, _leads_to(href))


def _leads_to(href: str) -> tuple[bytes, bytes]:
    """The header by which a page goes on by itself."""
    return b"refresh", f"0;url={href}".encode()


def _is_window(request: Request) -> bool:
    """Whether a browser loads the reply into its whole window, and says so (Fetch Metadata)."""
    return (
        request.joined(b"sec-fetch-mode") == "navigate"
        and request.joined(b"sec-fetch-dest") == "document"
    )


def follows_form(request: Request) -> bool:
    """Whether the request may belong to a form of ours: it sends one, or a redirect that follows
    one, all within this origin."""
    return request.method == "POST" or request.joined(b"sec-fetch-site") == "same-origin"
