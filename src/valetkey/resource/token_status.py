"""What a proved token opens at this moment, as far as an API wants to know it."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import httpx2
import msgspec

from valetkey.resource.errors import Reason, Unreachable
from valetkey.resource.follower import Follower
from valetkey.resource.http import JSON, Http, PerLoop
from valetkey.resource.issuer import Issuer
from valetkey.resource.log_state import Opens
from valetkey.resource.status_lists import StatusLists
from valetkey.resource.steps import Loop
from valetkey.wire import introspection
from valetkey.wire.access_token import AccessToken
from valetkey.wire.catalog import RISKS, Catalog, Risk
from valetkey.wire.change_log import LONGEST
from valetkey.wire.introspection import MEDIA, Introspection
from valetkey.wire.status_list import INVALID, SUSPENDED

Live: TypeAlias = Literal["follow", "ask", "list", "token"]

BOUND: Final = 1.0
"""Seconds that knowledge of the change log may be old."""

INACTIVE: Final = Opens(frozenset(), "inactive")

_BY_STATUS: Final = {
    INVALID: Opens(frozenset(), "stopped"),
    SUSPENDED: Opens(frozenset(), "paused"),
}


class _Known(msgspec.Struct, frozen=True, eq=False):
    """A catalog, and for how long what is known of each permission suffices."""

    catalog: Catalog
    bounds: Mapping[str, float]
    names: frozenset[str]


class Worth:
    """Learns it as `live` says: from the change log, by asking, from a status list, or from the
    token alone."""

    def __init__(
        self,
        live: Live,
        *,
        bound: float | Mapping[Risk, float],
        issuer: Issuer,
        http: Http,
        auth: httpx2.Auth,
        catalog: Callable[[], Catalog],
        asks: bool = True,
        signed_for: str = "",
        on_ask: Callable[[], None] = lambda: None,
    ) -> None:
        """`bound` in seconds, for all permissions or by their risk. `asks`: it can prove itself,
        and so ask; by `signed_for`, its name at the server, answers have to be signed for it, ""
        where they need not be. `on_ask` is called before something is asked. Raises ValueError for
        a bound that is none."""
        self._live = live
        self._bounds = _bounds(bound)
        self._tightest, self._widest = min(self._bounds.values()), max(self._bounds.values())
        self._looked_through: _Known | None = None
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
        """Begins to follow, in the running event loop, where that is wanted."""
        if self._live == "follow":
            self._followers.get().start()

    async def close(self) -> None:
        """Follows no longer, in the running event loop."""
        follower = self._followers.pop()
        if follower is not None:
            await follower.stop()

    def known(self, token: AccessToken, *, needs: Sequence[str], loop: Loop) -> Opens | None:
        """What the proved token opens now, never more than it says, by what that loop has learnt;
        on any thread. None where it has to be asked for."""
        if self._live == "token":
            return self._as_issued(token, self._own(token))
        follower = self._followers.of(loop) if self._live == "follow" else None
        known = None if follower is None else follower.known_within(self._bound(needs))
        if known is None or not known.knows_all_of(token):
            return None
        return known.opens(token, self._own(token))

    async def asked(self, text: str, token: AccessToken, *, handed_on: bool) -> Opens:
        """The same, found out. `handed_on`: it was, alone, of which no status list tells. Raises
        Unreachable where that cannot be known."""
        self._on_ask()
        own = self._own(token)
        if self._live == "list" and token.status is not None and not handed_on:
            status = await self._lists.status(token.status.status_list, text)
            return _BY_STATUS.get(status, INACTIVE) if status else self._as_issued(token, own)
        if not self._asks:
            raise Unreachable("no status list tells of this key, and nobody can be asked")
        told = await self._introspected(text, token)
        if not told.active:
            return INACTIVE
        return Opens(
            own & frozenset(told.scope.split()),
            limited=frozenset(told.limited),
            version=told.grant_version,
            childless=told.childless,
        )

    def _own(self, token: AccessToken) -> frozenset[str]:
        """What of the token's scope is in the catalog."""
        return _among(token.scope, self._known_catalog().names)

    def _as_issued(self, token: AccessToken, own: frozenset[str]) -> Opens:
        """What the token says. It may be older than a limit, so whatever is counted is leased,
        where that can be asked for."""
        limited = frozenset(token.limited)
        if self._asks and token.grant_id:
            limited |= {one.id for one in self._catalog().permissions if one.counted}
        return Opens(own, limited=limited, version=token.grant_version, childless=token.childless)

    def _bound(self, needs: Sequence[str]) -> float:
        """For how long what is known suffices for these."""
        if self._tightest == self._widest:
            return self._tightest
        bounds = self._known_catalog().bounds
        return min([bounds[one] for one in needs if one in bounds], default=self._tightest)

    def _known_catalog(self) -> "_Known":
        """The catalog as it is now, looked through once."""
        catalog, known = self._catalog(), self._looked_through
        if known is None or known.catalog is not catalog:
            bounds = {one.id: self._bounds[one.risk] for one in catalog.permissions}
            known = self._looked_through = _Known(catalog, bounds, frozenset(bounds))
        return known

    async def _introspected(self, text: str, token: AccessToken) -> Introspection:
        address = (await self._issuer.metadata()).introspection_endpoint
        if not address:
            raise Unreachable(f"{self._issuer.issuer} offers no introspection")
        accept = MEDIA if self._signed_for else JSON
        answer = await self._http.post(address, {"token": text}, self._auth, accept=accept)
        try:
            if self._signed_for:
                return await self._proved(answer.decode(), token)
            return msgspec.json.decode(answer, type=Introspection)
        except ValueError as error:
            raise Unreachable("the introspection cannot be read") from error

    async def _proved(self, answer: str, token: AccessToken) -> Introspection:
        """What the server has signed, of this token, just now. Raises ValueError."""
        told = introspection.verify(
            answer,
            keys=await self._issuer.keys(answer),
            issuer=self._issuer.issuer,
            audience=self._signed_for,
            now=int(time.time()),
        )
        if told.active and told.jti != token.jti:
            raise ValueError("of another token")
        return told

    def _follower(self) -> Follower:
        return Follower(
            issuer=self._issuer, http=self._http, auth=self._auth, catalog=self._catalog()
        )


@lru_cache(maxsize=1024)
def _among(scope: str, names: frozenset[str]) -> frozenset[str]:
    # The same few scopes come again and again.
    return names.intersection(scope.split())


def reason_of(opens: Opens) -> Reason:
    """What a caller is told of a key that opens nothing: an introspection does not say why."""
    return "" if opens.over == "inactive" else opens.over


def _bounds(bound: float | Mapping[Risk, float]) -> dict[Risk, float]:
    given = dict.fromkeys(RISKS, bound) if isinstance(bound, int | float) else dict(bound)
    bounds = {risk: given.get(risk, BOUND) for risk in RISKS}
    if set(given) - set(RISKS) or not all(0 <= one < LONGEST for one in bounds.values()):
        raise ValueError(f"the bound {bound!r} is not a number of seconds, or one for each risk")
    return bounds
