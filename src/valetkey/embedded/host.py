"""The users of the host application, as a way to sign in.

Before each page the host says who is signed in there. A session here ends when it says somebody
else, or nobody. A browser without a user goes to the host's sign-in page, and comes back.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from valetkey.jose import base64url, seal
from valetkey.server.accounts.fresh_proof import SECONDS
from valetkey.server.accounts.provisioning import Inactive, lenient_profile
from valetkey.server.accounts.sign_in import Proof
from valetkey.server.http import log
from valetkey.server.http.reply import Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.model.query import OneByAlias, Rule, Unreachable
from valetkey.server.model.user import Identity, identity_alias
from valetkey.server.oauth.authorize.browser_session import Person
from valetkey.server.oauth.authorize.interaction import ANOTHER
from valetkey.server.oauth.authorize.repeated_answer import decline
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.authorize import continue_at, leave
from valetkey.server.pages.frame import SIGN_IN, Frame
from valetkey.server.pages.sign_in_elsewhere import ProvedUser, complete
from valetkey.server.pages.sign_out import signed_out
from valetkey.server.pages.ways import WITH, FollowedWay, Waiting
from valetkey.spec.errors import AccessDenied, LoginRequired
from valetkey.wire import address

NAME: Final = "host"
SOURCE: Final = "platform"
"""The source of the identities: that of the hand-off too, so that a platform can move."""

HOP: Final = "hop"
"""The parameter of the address to which the host sends the browser back."""


class StartError(RuntimeError):
    """The server cannot start: its database or its keys are not as they should be."""


class SignedInUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user who is signed in at the host.

    `subject` is the host's stable id of the user, never reused: 1 to 255 printable characters.
    `claims` are standard claims (OpenID Connect Core 5.1) such as `name` and `email`. `auth_time`
    is when they signed in, in seconds since 1970, None if unknown; `amr` are the methods (RFC
    8176), `acr` is one of the `acr_values` of `Valetkey`. A user who is not `active` is refused.
    """

    subject: str
    claims: Mapping[str, Any] = {}
    auth_time: float | None = None
    amr: tuple[str, ...] = ()
    acr: str = ""
    active: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.subject, str):
            raise TypeError("subject has to be a str, such as str(user.id)")


class HostSession(msgspec.Struct):
    """What the host says of a request: its user, None for nobody. `ends`: the host has to sign its
    user out with the reply."""

    user: SignedInUser | None
    ends: bool = False


HOST_CALL_SECONDS: Final = 3
"""Seconds in which the host has to say whether a user is still allowed."""


class AskHost:
    """Asks the host whether the account of a user is active. `function` gets the user's subject;
    one that is not async runs in a thread."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    async def __call__(self, subject: str) -> bool | Unreachable:
        """The answer. A function that fails or hangs refuses nobody for good."""
        try:
            async with asyncio.timeout(HOST_CALL_SECONDS):
                if inspect.iscoroutinefunction(self._function):
                    answer = await self._function(subject)
                else:
                    answer = await asyncio.to_thread(self._function, subject)
        except Exception as error:
            log.warning("still_allowed failed", error=type(error).__name__)
            return Unreachable("the host does not answer", temporary=True)
        # Only True and False count: a function that forgets to return allows nobody.
        if not isinstance(answer, bool):
            log.warning("still_allowed failed", error="it returned neither True nor False")
            return Unreachable("the host does not answer", temporary=True)
        return answer


HOST_SESSION: Final = ContextVar[HostSession]("valetkey.embedded")


class Hop(msgspec.Struct, frozen=True):
    """A trip of the browser to the host's sign-in page: when it began, and whether nobody was
    signed in there then: a user who is there now signed in later."""

    at: int
    nobody: bool


class HostWay(FollowedWay):
    """The way to sign in. `page` is the host's sign-in page, a path or an address, or a function
    that returns it; `can_sign_out`: the host can sign its user out; `levels` are the `acr` values
    that it vouches for."""

    name = NAME
    silent = True

    def __init__(
        self,
        frame: Frame,
        *,
        page: str | Callable[[], str],
        can_sign_out: bool,
        levels: tuple[str, ...] = (),
    ) -> None:
        self.label = frame.site.name
        self._frame = frame
        place = check_page(page if isinstance(page, str) else page())
        self._page = address.origin(frame.issuer) + place if place.startswith("/") else place
        if address.origin(self._page) != address.origin(frame.issuer):
            frame.allow_forms_to(address.origin(self._page))
        self._can_sign_out = can_sign_out
        self._levels = levels

    async def follow(self, request: Request) -> None:
        """End the session of this browser if its user is not signed in at the host any more."""
        person = await self._frame.person(request)
        if person is None or person.session.way != NAME:
            return
        user = HOST_SESSION.get().user
        if user is None or not await self._frame.shell.ask(lambda _: _is_of(user, person)):
            await signed_out(self._frame, person)

    async def begin(self, request: Request, waiting: Waiting) -> Reply:
        """Continue as the host's user, or send the browser to the host's sign-in page. Raises
        Inactive, and AccessDenied after a sign-in that does not count as a fresh one."""
        host_session, context = HOST_SESSION.get(), await self._frame.shell.context()
        user, now = host_session.user, context.env.now
        if user is None:
            return await self._send(request, waiting, context, prompt="")
        if not user.active:
            raise Inactive(detail="the host says that its user is not active")
        hop = self._read_hop(request, waiting, context)
        auth_time = _auth_time(user, hop, now)
        is_old = auth_time < _earliest(waiting, now)
        if hop is None and (prompt := await self._prompt(request, waiting, is_old=is_old)):
            if self._can_sign_out and (user.auth_time is None or _wants_another(waiting)):
                # Nothing but a sign-in from nobody on proves a new one.
                host_session.ends = True
            return await self._send(request, waiting, context, prompt=prompt)
        if is_old:
            log.warning("the sign-in at the host is too old, or has no auth_time")
            if waiting.login is None:
                raise AccessDenied("sign out, and sign in again")
        proved = ProvedUser(
            source=SOURCE,
            subject=user.subject,
            proof=Proof(way=NAME, auth_time=auth_time, amr=tuple(user.amr), acr=self._acr(user)),
            profile=lenient_profile(user.claims),
        )
        pending = "" if waiting.login is None else waiting.login.pending.id
        return await complete(self._frame, request, proved, pending=pending, target=waiting.target)

    async def _prompt(self, request: Request, waiting: Waiting, *, is_old: bool) -> str:
        """What the host's user has to do before they can go on, "" for nothing."""
        login = waiting.login
        if login is not None and login.create:
            return "create"
        if _wants_another(waiting) or "select_account" in _prompts(waiting):
            return "select_account"
        has_session = await self._frame.person(request) is not None
        if login is not None and login.user is None and has_session:
            return "select_account"  # The request needs another user.
        return "login" if is_old else ""

    async def _send(
        self, request: Request, waiting: Waiting, context: Context, *, prompt: str
    ) -> Reply:
        """Send the browser to the host's sign-in page; or back to an app that wants no page."""
        login = waiting.login
        if login is not None and "none" in _prompts(waiting):
            browser = self._frame.cookies.read_browser(request)
            denied, _ = await self._frame.shell.settle(
                lambda context: decline(login.pending.id, browser, context, error=LoginRequired())
            )
            return await leave(self._frame, request, denied, context=context)
        host_session = HOST_SESSION.get()
        hop = Hop(context.env.now, nobody=host_session.user is None or host_session.ends)
        query = {"next": self._frame.base + self._way_back(request, waiting, hop, context=context)}
        if prompt:
            query["prompt"] = prompt
        if login is not None and login.login_hint:
            query["login_hint"] = login.login_hint
        separator = "&" if "?" in self._page else "?"
        reply = see_other(f"{self._page}{separator}{urlencode(query)}")
        return self._frame.cookies.name_browser(reply, request)

    def _way_back(self, request: Request, waiting: Waiting, hop: Hop, *, context: Context) -> str:
        """The path to which the host sends the browser back. Only we can make it, and it is good in
        this browser, for what waits there now."""
        mac = self._macs(request, waiting, hop, context=context)[0]
        query = {HOP: f"{hop.at}.{int(hop.nobody)}.{mac}"}
        if waiting.login is not None:
            path = continue_at(waiting.login.pending.id)
        else:
            path, target = SIGN_IN, waiting.target.replace("?draft=", "&draft=")
            page, _, draft = target.partition("&draft=")
            query = {"next": page, **({"draft": draft} if draft else {}), **query}
            if waiting.again:
                query["again"] = "1"
        return f"{path}/{WITH}/{NAME}?{urlencode(query)}"

    def _read_hop(self, request: Request, waiting: Waiting, context: Context) -> Hop | None:
        """The trip from which the browser comes back; None for a browser that comes by itself."""
        at, _, rest = request.parameters().get(HOP, "").partition(".")
        nobody, _, mac = rest.partition(".")
        if not (at.isascii() and at.isdigit() and len(at) < 12 and nobody in {"0", "1"}):
            return None
        hop = Hop(int(at), nobody=nobody == "1")
        if context.env.now - hop.at > context.installation.lifetimes.interaction:
            return None
        macs = self._macs(request, waiting, hop, context=context)
        is_ours = mac.isascii() and any(seal.same(one, mac) for one in macs)
        return hop if is_ours else None

    def _macs(
        self, request: Request, waiting: Waiting, hop: Hop, *, context: Context
    ) -> tuple[str, ...]:
        """The tags of a trip, by each key, the newest first."""
        place = waiting.target if waiting.login is None else waiting.login.pending.id
        browser = self._frame.cookies.browser_secret(request)
        parts = (browser, place, str(int(waiting.again)), str(hop.at), str(int(hop.nobody)))
        return tuple(
            base64url.encode(seal.mac(key.raw, b"host hop", *(one.encode() for one in parts)))
            for key in context.installation.keyring.macs
        )

    def _acr(self, user: SignedInUser) -> str:
        if user.acr and user.acr not in self._levels:
            log.warning("acr is none of acr_values", acr=user.acr[:200])
            return ""
        return user.acr


def check_page(page: str) -> str:
    """The sign-in page. Raises ValueError if it is neither a path nor an address."""
    if page.startswith("/") and not page.startswith("//"):
        return page
    if address.origin(page):
        return page
    raise ValueError(f"sign_in_page {page!r} is neither a path nor an address")


def _is_of(user: SignedInUser, person: Person) -> Rule[bool]:
    """Whether the host's user is the one of this session."""
    query = OneByAlias(Identity, identity_alias(SOURCE, user.subject))
    identity = (yield (query,)).one(query)
    return user.active and identity is not None and identity.user == person.user.id


def _auth_time(user: SignedInUser, hop: Hop | None, now: int) -> int:
    """When the user signed in, in seconds since 1970, or a time before it; 0 if unknown."""
    if user.auth_time is not None:
        return min(int(user.auth_time), now)
    return hop.at if hop is not None and hop.nobody else 0


def _earliest(waiting: Waiting, now: int) -> int:
    """The earliest time of a sign-in that is recent enough, 0 for any."""
    if waiting.login is None:
        return now - SECONDS + 1 if waiting.again else 0
    pending = waiting.login.pending
    max_age = pending.parameters.get("max_age", "")
    if "login" in _prompts(waiting) or max_age == "0":
        return pending.created
    return min(now - int(max_age), pending.created) if max_age else 0


def _prompts(waiting: Waiting) -> list[str]:
    login = waiting.login
    return [] if login is None else login.pending.parameters.get("prompt", "").split()


def _wants_another(waiting: Waiting) -> bool:
    """Whether the user chose to continue with another account."""
    return waiting.login is not None and waiting.login.pending.chosen == ANOTHER
