"""Who tries to sign in, and how long they wait."""

import contextlib
from collections.abc import Sequence

import msgspec

from valetkey.server.accounts.sign_in import see_session
from valetkey.server.accounts.throttle import Caller, account_of
from valetkey.server.accounts.whereabouts import Whereabouts
from valetkey.server.http import cookies
from valetkey.server.http.cookies import Cookies
from valetkey.server.http.countries import Countries
from valetkey.server.http.front import Network, within
from valetkey.server.http.request import Request
from valetkey.server.http.shell import Shell
from valetkey.server.http.sign_in_failures import HIDDEN, SECONDS, Proxies, SignInFailures
from valetkey.server.http.waiting_room import Delay
from valetkey.server.model.change import Count
from valetkey.server.model.counters import UNKNOWN, Throttle, network_of
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Rule
from valetkey.server.model.user import SEEN_STEP, Session
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.store.port import Unavailable
from valetkey.spec.errors import TemporarilyUnavailable


class Callers:
    """Distinguishes known browsers from others, and slows the others."""

    def __init__(
        self,
        shell: Shell,
        cookies: Cookies,
        unthrottled: Sequence[Network],
        *,
        failures: SignInFailures,
        countries: Countries,
    ) -> None:
        self._shell = shell
        self._cookies = cookies
        self._unthrottled = unthrottled
        self._slowing = Delay()
        self._proxies = Proxies()
        self.failures = failures
        self.countries = countries

    async def of(self, request: Request, username: str, context: Context) -> Caller | None:
        """The caller of a sign-in attempt; None for an address that isn't throttled."""
        if within(request.address, self._unthrottled):
            return None
        await self.notice_proxy(request)
        cookie = request.cookies.get(self._cookies.known, "")
        browser = cookies.name_in(cookie, account_of(username), context.installation.keyring)
        return Caller(request.address or UNKNOWN, browser)

    def known_cookie(self, request: Request, username: str, context: Context) -> Secret:
        """The cookie of a browser in which a user has just signed in."""
        cookie = request.cookies.get(self._cookies.known, "")
        account = account_of(username)
        return Secret(cookies.with_account(cookie, account, context.installation.keyring))

    async def whereabouts(self, request: Request, username: str) -> Whereabouts:
        """Where the user is who signs in to this account."""
        context = await self._shell.context()
        cookie, account = request.cookies.get(self._cookies.known, ""), account_of(username)
        known = cookies.name_in(cookie, account, context.installation.keyring)
        return msgspec.structs.replace(self._here(request), is_known=bool(known))

    async def see(self, request: Request, session: Session) -> None:
        """Record that a person uses the session. It never fails: what may be lost is a moment."""
        context = await self._shell.context()
        if context.env.now - session.last_seen < SEEN_STEP:
            return
        where = self._here(request)
        with contextlib.suppress(Unavailable, TemporarilyUnavailable):
            await self._shell.settle(
                lambda context: see_session(session.id, where, context.env), tries=1
            )

    def country(self, request: Request) -> str:
        """Where the request comes from (ISO 3166-1), "" if unknown."""
        return self.countries.of(self._cookies.read_browser(request).address)

    def _here(self, request: Request) -> Whereabouts:
        browser = self._cookies.read_browser(request)
        return Whereabouts(
            device=browser.device,
            network=network_of(browser.address),
            country=self.countries.of(browser.address),
        )

    def throttles(self, request: Request) -> bool:
        """Whether attempts from this address are counted."""
        return not within(request.address, self._unthrottled)

    async def notice_proxy(self, request: Request) -> None:
        """Record a proxy that hides its callers."""
        if self._proxies.is_new_untrusted(request):
            await self._shell.settle(_hidden)

    async def wait(self, seconds: float, request: Request) -> None:
        """Return after this many seconds. Raises TemporarilyUnavailable if too many callers
        wait."""
        await self._slowing.wait(seconds, request.address or UNKNOWN)


def _hidden(context: Context) -> Rule[Outcome]:
    yield from ()
    now = context.env.now
    row = Throttle(bucket=HIDDEN, tried=1, since=now, expires=now + SECONDS)
    return Outcome(changes=(Count(row),))
