"""Ways to sign in elsewhere, and which of them the sign-in page shows.

The password of this server is the way that leads nowhere else (see `pages.sign_in`).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Protocol, runtime_checkable

import msgspec

from valetkey.server.http.reply import Reply
from valetkey.server.http.request import Request
from valetkey.server.oauth.authorize.outcome import Login
from valetkey.server.pages.authorize import continue_at
from valetkey.server.pages.components import View
from valetkey.server.pages.frame import APPS, SIGN_IN, Frame

WITH: Final = "with"
"""The part of a path before the name of a way."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for the user to sign in: the request `login`, or else the page `target` of the
    user's own. `again`: that page needs a fresh sign-in."""

    login: Login | None = None
    target: str = APPS
    again: bool = False


class Way(Protocol):
    """A way to sign in elsewhere. `name` stands in paths, `label` on the button."""

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    async def begin(self, request: Request, waiting: Waiting) -> Reply:
        """Send the browser to the place where the user signs in. Raises OAuthError, for a page."""
        ...


@runtime_checkable
class FollowedWay(Way, Protocol):
    """A way whose sessions here end with its own: it looks before each page."""

    async def follow(self, request: Request) -> None:
        """End the session of this browser if it is over where it began."""
        ...


class WayLink(msgspec.Struct, frozen=True, kw_only=True):
    """A way on the sign-in page: ``a.way`` that leads to ``href``."""

    name: str
    label: str
    href: str


class SignInChoice:
    """The ways that are on, as the sign-in page shows them. `password`: whether the password of
    this server is one. `silent` is the way that may know the user without a page, None for none.
    `sign_out` is the address at which users of a way sign out there too, by the name of the way.
    `domains` maps domains of e-mail addresses to the ways of their users."""

    def __init__(
        self,
        ways: Sequence[Way],
        *,
        password: bool = True,
        silent: Way | None = None,
        sign_out: Mapping[str, str] = {},
        domains: Mapping[str, Way] = {},
    ) -> None:
        self.ways = tuple(ways)
        self.password = password
        self.silent = silent
        self.sign_out = sign_out
        self.domains = domains

    @property
    def only(self) -> Way | None:
        """The way to take without a question, None if the user has a choice."""
        return self.ways[0] if len(self.ways) == 1 and not self.password else None

    def of_address(self, username: str) -> Way | None:
        """The way of the users with e-mail addresses of this one's domain, None if there is
        none."""
        return self.domains.get(username.rpartition("@")[2].strip().lower())

    def for_request(self, pending: str) -> tuple[WayLink, ...]:
        """The buttons for a waiting request."""
        return self._links(f"{continue_at(pending)}/{WITH}/")

    def for_page(self, target: str) -> tuple[WayLink, ...]:
        """The buttons for a page of the user's own."""
        return self._links(f"{SIGN_IN}/{WITH}/", f"?next={target.replace('?', '&')}")

    def _links(self, path: str, query: str = "") -> tuple[WayLink, ...]:
        return tuple(
            WayLink(name=way.name, label=way.label, href=f"{path}{way.name}{query}")
            for way in self.ways
        )


PASSWORD_ONLY: Final = SignInChoice(())


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
    return frame.page(request, view).having((b"refresh", f"0;url={href}".encode()))
