"""The status of a verified token at this moment, from the source that the API has chosen."""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import httpx2
import msgspec

from valetkey.resource.errors import Reason, Unreachable
from valetkey.resource.follower import Follower
from valetkey.resource.http import JSON, Http, PerLoop
from valetkey.resource.issuer import Issuer, Loop
from valetkey.resource.log_state import TokenStatus
from valetkey.wire import introspection
from valetkey.wire.access_token import AccessToken
from valetkey.wire.catalog import RISKS, Catalog, Risk
from valetkey.wire.change_log import LONGEST
from valetkey.wire.introspection import MEDIA, Introspection
from valetkey.wire.status_list import INVALID, SUSPENDED, BadList, Reference, StatusList, read

# Status lists in an API: fetched when a token names one, and cached for as long as each says.

LONGEST_LIST: Final = 60.0
"""Seconds for which a list is cached, at most."""

REMEMBERED: Final = 32
"""Lists that are cached: the last used ones."""

PAUSE: Final = 1.0
"""Seconds until the next try after a failure."""


class _CachedList(msgspec.Struct):
    """A list, None before the first success, and when to fetch it again (monotonic clock)."""

    status_list: StatusList | None
    again: float


class StatusLists:
    """The lists of one authorization server."""

    def __init__(self, issuer: Issuer, http: Http) -> None:
        self._issuer = issuer
        self._http = http
        self._cached: OrderedDict[str, _CachedList] = OrderedDict()
        self._turns = PerLoop[defaultdict[str, asyncio.Lock]](lambda: defaultdict(asyncio.Lock))

    async def status(self, reference: Reference, token: str) -> int:
        """The status of a verified token in its list. Raises Unreachable if it cannot be known."""
        if not reference.uri.startswith(f"{self._issuer.issuer}/"):
            # The token is signed, but the API sends no request to other hosts.
            raise Unreachable("the status list is not the issuer's")
        current = await self._current(reference.uri, token)
        try:
            return current.at(reference.idx)
        except BadList as error:
            raise Unreachable(f"the status list: {error}") from error

    async def _current(self, uri: str, token: str) -> StatusList:
        cached = self._cached.get(uri)
        if cached is None or time.monotonic() >= cached.again:
            # One request, however many calls wait.
            async with self._turns.get()[uri]:
                cached = self._cached.get(uri)
                if cached is None or time.monotonic() >= cached.again:
                    cached = await self._fetch(uri, token, before=cached)
        if cached.status_list is None or time.time() >= cached.status_list.until:
            raise Unreachable("the status list is not to be had")
        return cached.status_list

    async def _fetch(self, uri: str, token: str, *, before: _CachedList | None) -> _CachedList:
        """The present list, or the one `before` if it cannot be fetched."""
        try:
            text = (await self._http.get(uri)).decode()
            # The keys that sign tokens sign lists.
            keys = await self._issuer.keys(token)
            found = read(text, keys=keys, issuer=self._issuer.issuer, uri=uri, now=int(time.time()))
            cached = _CachedList(found, time.monotonic() + min(found.ttl, LONGEST_LIST))
        except (Unreachable, ValueError):
            cached = _CachedList(
                None if before is None else before.status_list, time.monotonic() + PAUSE
            )
        self._cached[uri] = cached
        self._cached.move_to_end(uri)
        while len(self._cached) > REMEMBERED:
            oldest, _ = self._cached.popitem(last=False)
            self._turns.get().pop(oldest, None)
        return cached


Live: TypeAlias = Literal["follow", "ask", "list", "token"]

MAX_STALENESS: Final = 1.0
"""The default of `max_staleness`, in seconds."""

INACTIVE: Final = TokenStatus(frozenset(), "inactive")

_BY_STATUS: Final = {
    INVALID: TokenStatus(frozenset(), "stopped"),
    SUSPENDED: TokenStatus(frozenset(), "paused"),
}


class _CatalogView(msgspec.Struct, frozen=True, eq=False):
    """A catalog, and how old the knowledge of each permission may be, in seconds."""

    catalog: Catalog
    bounds: Mapping[str, float]
    names: frozenset[str]


class StatusSource:
    """The source of token statuses: the change log, introspection, a status list, or the token
    alone."""

    def __init__(
        self,
        live: Live,
        *,
        max_staleness: float | Mapping[Risk, float],
        issuer: Issuer,
        http: Http,
        auth: httpx2.Auth,
        catalog: Callable[[], Catalog],
        asks: bool = True,
        signed_for: str = "",
        on_ask: Callable[[], None] = lambda: None,
    ) -> None:
        """`max_staleness` is in seconds, for all permissions or by their risk. `asks`: the API has
        credentials, and so can introspect. `signed_for` is its name at the server if answers have
        to be signed for it, else "". `on_ask` is called before each request. Raises ValueError for
        a `max_staleness` that is not seconds."""
        self._live = live
        self._bounds = _bounds(max_staleness)
        self._tightest, self._widest = min(self._bounds.values()), max(self._bounds.values())
        self._view: _CatalogView | None = None
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._catalog = catalog
        self._asks = asks
        self._signed_for = signed_for
        self._on_ask = on_ask
        self._lists = StatusLists(issuer, http)
        self._followers = PerLoop(self._follower)

    def start(self) -> None:
        """Starts the follower in the running event loop, if `live` is "follow"."""
        if self._live == "follow":
            self._followers.get().start()

    async def close(self) -> None:
        """Stops the follower of the running event loop."""
        follower = self._followers.pop()
        if follower is not None:
            await follower.stop()

    def look_up(
        self, token: AccessToken, *, needs: Sequence[str], loop: Loop
    ) -> TokenStatus | None:
        """The status of a verified token, by what that event loop has learnt; None if it has to be
        asked for. May be called on any thread. The permissions are never more than the token's."""
        if self._live == "token":
            return self._as_issued(token, self._own(token))
        follower = self._followers.of(loop) if self._live == "follow" else None
        state = None if follower is None else follower.state_within(self._max_staleness(needs))
        if state is None or not state.covers(token):
            return None
        return state.status_of(token, self._own(token))

    async def ask(self, text: str, token: AccessToken, *, is_delegated: bool) -> TokenStatus:
        """The same, from the server. `is_delegated`: the token was delegated offline, which no
        status list covers. Raises Unreachable if the status cannot be known."""
        self._on_ask()
        own = self._own(token)
        if self._live == "list" and token.status is not None and not is_delegated:
            status = await self._lists.status(token.status.status_list, text)
            return _BY_STATUS.get(status, INACTIVE) if status else self._as_issued(token, own)
        if not self._asks:
            raise Unreachable(
                "no status list has this token, and there are no credentials to introspect"
            )
        answer = await self._introspect(text, token)
        if not answer.active:
            return INACTIVE
        return TokenStatus(
            own & frozenset(answer.scope.split()),
            limited=frozenset(answer.limited),
            version=answer.grant_version,
            childless=answer.childless,
        )

    def _own(self, token: AccessToken) -> frozenset[str]:
        """The permissions of the token that are in the catalog."""
        return _among(token.scope, self._known_catalog().names)

    def _as_issued(self, token: AccessToken, own: frozenset[str]) -> TokenStatus:
        """The status by the token alone. A limit may be younger than the token, so all counted
        permissions are leased, if the API has credentials."""
        limited = frozenset(token.limited)
        if self._asks and token.grant_id:
            limited |= {one.id for one in self._catalog().permissions if one.counted}
        return TokenStatus(
            own, limited=limited, version=token.grant_version, childless=token.childless
        )

    def _max_staleness(self, needs: Sequence[str]) -> float:
        """How old the knowledge may be for these permissions, in seconds."""
        if self._tightest == self._widest:
            return self._tightest
        bounds = self._known_catalog().bounds
        return min([bounds[one] for one in needs if one in bounds], default=self._tightest)

    def _known_catalog(self) -> "_CatalogView":
        """The view of the present catalog, made once for each catalog."""
        catalog, view = self._catalog(), self._view
        if view is None or view.catalog is not catalog:
            bounds = {one.id: self._bounds[one.risk] for one in catalog.permissions}
            view = self._view = _CatalogView(catalog, bounds, frozenset(bounds))
        return view

    async def _introspect(self, text: str, token: AccessToken) -> Introspection:
        address = (await self._issuer.metadata()).introspection_endpoint
        if not address:
            raise Unreachable(f"{self._issuer.issuer} offers no introspection")
        accept = MEDIA if self._signed_for else JSON
        answer = await self._http.post(address, {"token": text}, self._auth, accept=accept)
        try:
            if self._signed_for:
                return await self._read_signed(answer.decode(), token)
            return msgspec.json.decode(answer, type=Introspection)
        except ValueError as error:
            raise Unreachable("the introspection cannot be read") from error

    async def _read_signed(self, text: str, token: AccessToken) -> Introspection:
        """A signed introspection of this token, from this moment. Raises ValueError."""
        proved = introspection.verify(
            text,
            keys=await self._issuer.keys(text),
            issuer=self._issuer.issuer,
            audience=self._signed_for,
            now=int(time.time()),
        )
        if proved.active and proved.jti != token.jti:
            raise ValueError("of another token")
        return proved

    def _follower(self) -> Follower:
        return Follower(
            issuer=self._issuer, http=self._http, auth=self._auth, catalog=self._catalog()
        )


@lru_cache(maxsize=1024)
def _among(scope: str, names: frozenset[str]) -> frozenset[str]:
    # The same few scopes come again and again.
    return names.intersection(scope.split())


def reason_of(opens: TokenStatus) -> Reason:
    """The reason for a caller: an introspection does not say why a token is inactive."""
    return "" if opens.over == "inactive" else opens.over


class NotSeconds(ValueError):
    """`max_staleness` is not seconds, or seconds by risk. `name` is what the caller calls it."""

    def __init__(self, value: object, *, name: str = "max_staleness") -> None:
        super().__init__(f"{name}={value!r} is not seconds, or seconds by risk")
        self.value = value


def _bounds(max_staleness: float | Mapping[Risk, float]) -> dict[Risk, float]:
    if isinstance(max_staleness, int | float):
        max_staleness = dict.fromkeys(RISKS, max_staleness)
    bounds = {risk: max_staleness.get(risk, MAX_STALENESS) for risk in RISKS}
    if set(max_staleness) - set(RISKS) or not all(0 <= one < LONGEST for one in bounds.values()):
        raise NotSeconds(max_staleness)
    return bounds
