"""What all pages share: the shell, rendering, forms, and response headers."""

import time
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Final
from urllib.parse import quote

import msgspec

from valetkey.server.accounts.fresh_proof import has_fresh_proof
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.server.http import cookies, log
from valetkey.server.http.cookies import Cookies, ForgedForm
from valetkey.server.http.countries import Countries
from valetkey.server.http.directory import PasswordDirectory
from valetkey.server.http.front import Handler, Network
from valetkey.server.http.hashing import Passwords
from valetkey.server.http.new_passwords import NewPasswords
from valetkey.server.http.outbox import Outbox
from valetkey.server.http.platform_sign_in import PlatformSignIn
from valetkey.server.http.reply import NO_STORE, Reply, see_other
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.http.sign_in_failures import SignInFailures
from valetkey.server.model.ids import created_at
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.browser_session import Person, person
from valetkey.server.oauth.authorize.reply_address import WrongAddress
from valetkey.server.oauth.authorize.request_stages import RequestOver
from valetkey.server.oauth.core.context import Context
from valetkey.server.pages.brand import CurrentBrand
from valetkey.server.pages.components import Account, Back, PageForm, Section, Site, View
from valetkey.server.pages.headers import accepted_languages, html_headers
from valetkey.server.pages.locales import choose, speak_to
from valetkey.server.pages.moments import in_zone
from valetkey.server.pages.sign_in_delay import Callers
from valetkey.server.pages.theme import SiteLinks
from valetkey.spec.errors import (
    AccessDenied,
    InvalidClient,
    InvalidRequest,
    InvalidRequestUri,
    InvalidScope,
    InvalidTarget,
    LoginRequired,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
)
from valetkey.wire import address
from valetkey.wire import form as forms

# The error page, and the kind of each error.


class Trouble(StrEnum):
    """What went wrong, for people. Developers read the registered code."""

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


class ErrorView(View, frozen=True, kw_only=True):
    """What went wrong, and what to do now. ``code`` is the registered error code, ``reference``
    is the request's id, which finds it in the log and the audit log; ``detail`` is the description
    for developers. ``back`` is only set if the address was checked."""

    template: ClassVar = "error.html"
    enums: ClassVar = (Trouble,)

    trouble: Trouble
    code: str
    reference: str
    when: int
    detail: str = ""
    back: Back | None = None


class NoSuchPage(InvalidRequest):
    """The page doesn't exist, or belongs to another user. The answers are alike."""

    says = "there is no such page"
    default_status = 404


_TROUBLES: Final[tuple[tuple[type[OAuthError], Trouble], ...]] = (
    (NoSuchPage, Trouble.NOT_FOUND),
    (ForgedForm, Trouble.FORGED),
    (WrongAddress, Trouble.WRONG_ADDRESS),
    (RequestOver, Trouble.EXPIRED),
    (InvalidRequestUri, Trouble.EXPIRED),
    (InvalidClient, Trouble.UNKNOWN_APP),
    (InvalidScope, Trouble.IMPOSSIBLE),
    (InvalidTarget, Trouble.IMPOSSIBLE),
    (AccessDenied, Trouble.FORBIDDEN),
    (TemporarilyUnavailable, Trouble.UNAVAILABLE),
    (ServerError, Trouble.INTERNAL),
    (OAuthError, Trouble.BAD_REQUEST),
)
"""The first row that fits counts."""


def trouble(error: OAuthError) -> Trouble:
    """The kind of an error."""
    return next(kind for raised, kind in _TROUBLES if isinstance(error, raised))


SIGN_OUT: Final = "/sign-out"
SIGN_IN: Final = "/sign-in"
SIGN_UP: Final = "/sign-up"
APPS: Final = "/apps"
APPROVALS: Final = "/approvals"
LINKED: Final = "/linked"
SECURITY: Final = "/security"
STATIC: Final = "/static"


def site_links(name: str, privacy: str, terms: str) -> SiteLinks:
    """What every page links to: its own places, and the operator's documents."""
    return SiteLinks(name=name, privacy=privacy, terms=terms, static=STATIC, home=APPS)


class SignInFirst(LoginRequired):
    """The page needs a signed-in user."""


class Frame:
    """Renders views, and makes and checks forms."""

    def __init__(
        self,
        shell: Shell,
        *,
        outbox: Outbox,
        passwords: Passwords,
        new_passwords: NewPasswords | None = None,
        issuer: str,
        brand: CurrentBrand,
        unthrottled: Sequence[Network],
        failures: SignInFailures | None = None,
        watched: bool = False,
        sign_in_origins: str = "",
        linked: str | None = None,
        platform: PlatformSignIn | None = None,
        directory: PasswordDirectory | None = None,
        passkeys: RelyingParty | None = None,
        countries: Countries | None = None,
    ) -> None:
        """`sign_in_origins` are other origins at which users sign in and out: forms may lead
        there."""
        self.shell = shell
        self._sign_in_origins = sign_in_origins
        self.outbox = outbox
        self.issuer = issuer
        self.linked = linked
        self.base = address.path(issuer)
        self.cookies = Cookies(issuer, watched=watched)
        self.passwords = passwords
        self.new_passwords = new_passwords or NewPasswords()
        self.platform = platform
        self.directory = directory
        self.passkeys = passkeys
        self.callers = Callers(
            shell,
            self.cookies,
            unthrottled,
            failures=failures or SignInFailures(),
            countries=countries or Countries(),
        )
        self.brand = brand
        self.sections: tuple[Section, ...] = ()
        """The sections that have a page: `routes.pages` sets it."""

    @property
    def site(self) -> Site:
        """What is around each page."""
        return self.brand.look.site

    def allow_forms_to(self, origin: str) -> None:
        """Let forms lead to this origin too: a way to sign in is there."""
        self._sign_in_origins = f"{self._sign_in_origins} {origin}".strip()

    async def person(self, request: Request) -> Person | None:
        """The user who is signed in in this browser, or None."""
        visit = self.cookies.read_browser(request)
        visitor = await self.shell.ask(lambda context: person(visit, context))
        if visitor is not None:
            speak_to(request, visitor.user)
            request.session_id = visitor.session.id
        return visitor

    async def require_person(self, request: Request) -> Person:
        """The user who is signed in. Raises SignInFirst."""
        person = await self.current_person(request)
        if person is None:
            raise SignInFirst
        return person

    async def current_person(self, request: Request) -> Person | None:
        """The user who is signed in for pages of their own, or None. A session that is good for one
        request opens them for as long as a request may wait."""
        person = await self.person(request)
        if person is not None:
            await self.callers.see(request, person.session)
        if person is None or not person.session.per_request:
            return person
        context = await self.shell.context()
        ends = created_at(person.session.id) + context.installation.lifetimes.interaction
        return person if context.env.now < ends else None

    async def has_fresh_proof(self, person: Person, *, least: str = "") -> bool:
        """Whether the user proved lately who they are (see `accounts.fresh_proof`)."""
        return await self.shell.ask(
            lambda context: has_fresh_proof(person.session, context.env.now, least=least)
        )

    def account(self, user: User) -> Account:
        """The user as the page names them."""
        return Account(
            name=user.display_name,
            username=user.label,
            sign_out=SIGN_OUT,
            linked=self.linked,
            sections=self.sections,
        )

    def form(
        self,
        request: Request,
        context: Context,
        *,
        action: str,
        purpose: str,
        session: str,
        hidden: tuple[tuple[str, str], ...] = (),
    ) -> PageForm:
        """A form that only this browser, in this session, can send."""
        token = cookies.form_token(
            context.installation.keyring,
            browser=self.cookies.browser_secret(request),
            session=session,
            purpose=purpose,
        )
        return PageForm(action=action, csrf=token, hidden=hidden)

    def posted(
        self, request: Request, context: Context, *, purpose: str, session: str
    ) -> forms.Form:
        """The posted form, after its CSRF token has been checked. Raises ForgedForm,
        InvalidRequest."""
        form = request.form(repeatable=frozenset({"permission", "more", "app"}))
        cookies.check_form(
            request,
            form,
            context.installation.keyring,
            issuer=self.issuer,
            browser=self.cookies.browser_secret(request),
            session=session,
            purpose=purpose,
        )
        return form

    def language(self, request: Request, locales: str = "") -> str:
        """The language of the pages for this browser. `locales` are preferred tags, separated
        by spaces (`ui_locales`, OpenID Connect Core 3.1.2.1)."""
        accepted = accepted_languages(request.joined(b"accept-language"))
        tags = (*locales.split()[:16], request.language, *accepted)
        return choose([tag for tag in tags if tag], default="en", among=self.brand.locales)

    def page(
        self,
        request: Request,
        view: View,
        *,
        status: int = 200,
        locales: str = "",
        form_action: str | None = "",
        frame_source: str = "",
    ) -> Reply:
        """The view as HTML, in a language of `locales` if possible. `form_action` is an origin to
        which its forms may redirect, None for anywhere; `frame_source` the origins that it may
        embed."""
        with in_zone(request.zone):
            html = self.brand.look.render(view, language=self.language(request, locales))
        body = html.encode()
        targets = None
        if form_action is not None:
            targets = f"{form_action} {self._sign_in_origins}".strip()
        reply = Reply(status, (*html_headers(targets, frame_source), *NO_STORE), body)
        return self.cookies.name_browser(reply, request)

    def refused(self, request: Request, error: OAuthError) -> Reply:
        """The reply to an error: the sign-in page if it is needed, else the error page."""
        if isinstance(error, SignInFirst):
            # The path is decoded, so it may hold anything, a line end too.
            return see_other(f"{SIGN_IN}?next={quote(request.path)}")
        return self.error(request, error)

    def error(self, request: Request, error: OAuthError, *, back: Back | None = None) -> Reply:
        """The error page."""
        client, why = request.claimed_client, error.log_text
        log.info("error page", path=request.path, error=error.code, detail=why, client=client)
        view = ErrorView(
            site=self.site,
            trouble=trouble(error),
            code=error.code,
            reference=request.id,
            when=int(time.time()),
            detail=error.description,
            back=back,
        )
        status = max(error.status, 400)
        reply = self.page(request, view, status=403 if status == 401 else status)
        if isinstance(error, TemporarilyUnavailable):
            reply = reply.having((b"retry-after", b"2"))
        return reply


class TableRow(msgspec.Struct, frozen=True):
    """A page: its path, what it displays, and a handler for each method. A view names its own
    template. `views` is empty for a path that only redirects, or answers with a file. `linked`: GET
    comes by links alone, so that no redirect of it follows a form of ours."""

    path: str
    views: tuple[type[View], ...] = ()
    get: Handler | None = None
    post: Handler | None = None
    linked: bool = False

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handlers by method."""
        both = {"GET": self.get, "POST": self.post}
        return {method: handler for method, handler in both.items() if handler is not None}


def prove_again(target: str, *, draft: str = "") -> Reply:
    """Ask the user to prove again who they are, and then go on at one of their own pages."""
    more = f"&draft={draft}" if draft else ""
    return see_other(f"{SIGN_IN}?next={target}&again=1{more}")
