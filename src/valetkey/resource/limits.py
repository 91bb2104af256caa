"""The limits that users have set on keys, at an API: each use of what is limited is paid for."""

import logging
from collections.abc import Callable, Sequence

import httpx2

from valetkey.resource.errors import Refused, Unreachable, refused
from valetkey.resource.http import Http, PerLoop
from valetkey.resource.issuer import Issuer
from valetkey.resource.lease_cache import Spent
from valetkey.resource.limit_refusal import Limited
from valetkey.resource.principal import Principal
from valetkey.resource.spending import Amount, Place, Spending, Use, units
from valetkey.spec.errors import InvalidRequest, InvalidToken, OAuthError
from valetkey.wire import lease
from valetkey.wire.catalog import Catalog

log = logging.getLogger("valetkey.resource")


class Limits:
    """Pays for uses, and refuses those that cannot be paid for."""

    def __init__(
        self,
        *,
        issuer: Issuer,
        http: Http,
        auth: httpx2.Auth,
        catalog: Callable[[], Catalog],
        resource_metadata: str,
        place: Place | None = None,
    ) -> None:
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._catalog = catalog
        self._resource_metadata = resource_metadata
        self._spending = PerLoop(lambda: Spending(self._post, place))

    async def close(self) -> None:
        """Returns what is leased in the running event loop."""
        spending = self._spending.pop()
        if spending is not None:
            await spending.close()

    async def spend(
        self, whose: Principal, needs: Sequence[str], *, amount: Amount | None = None
    ) -> None:
        """One use of each of the permissions that the user has limited; `amount` is for the one
        that has a unit. Raises Refused, of which Limited says what ran out; Unreachable."""
        limited = [one for one in needs if one in whose.limited]
        used: list[Use] = []
        try:
            for one in limited:
                used.append(await self._used(whose, one, amount))  # noqa: PERF401
        except (Refused, Unreachable) as refusal:
            # One that was not made costs nothing.
            for use in used:
                use.undo()
            log.info("refused: %s", refusal)
            raise

    def check(self, whose: Principal, needs: Sequence[str], amount: Amount | None) -> None:
        """Raises Refused for an amount that is none."""
        for one in needs:
            permission = self._catalog().permission(one)
            if amount is not None and permission is not None and permission.unit:
                try:
                    units(amount, permission)
                except InvalidRequest as error:
                    raise self.refused(whose, error) from error

    def refused(self, whose: Principal, error: OAuthError) -> Refused:
        """The refusal of a call by this caller, of which the log is told."""
        refusal = self._refused(error, whose.scheme)
        log.info("refused: %s (%.200s)", error.description, error.detail)
        return refusal

    async def _used(self, whose: Principal, name: str, amount: Amount | None) -> Use:
        permission = self._catalog().permission(name)
        if permission is None:
            raise ValueError(f"{name} is not in the catalog")
        scheme = whose.scheme
        try:
            whole = 0 if not permission.unit else units(_told(amount), permission)
            _check_most(whose, name, whole)
            return await self._spending.get().use(whose, name, whole)
        except InvalidRequest as error:
            raise self._refused(error, scheme) from error
        except Spent as spent:
            if spent.refusal.limit == "gone":
                gone = InvalidToken(detail="not active any more, or narrowed")
                raise self._refused(gone, scheme) from spent
            raise Limited(
                spent.refusal,
                permission=permission,
                resource_metadata=self._resource_metadata,
                scheme=scheme,
            ) from spent

    def _refused(self, error: OAuthError, scheme: str) -> Refused:
        return refused(error, resource_metadata=self._resource_metadata, scheme=scheme)

    async def _post(self, path: str, form: dict[str, str]) -> bytes:
        """The server's answer to a form of ours. Raises Unreachable."""
        return await self._http.post(self._issuer.issuer + path, form, self._auth)


def _check_most(whose: Principal, name: str, amount: int) -> None:
    """Raises Spent where a hand before has set less for one use."""
    most = whose.most.get(name)
    if most is not None and amount > most:
        raise Spent(lease.Refused(limit="much", allowed=most))


def check_amounts(catalog: Catalog, permissions: Sequence[str], *, told: bool) -> None:
    """Raises ValueError where a route needs a permission with a unit and does not tell how much, or
    tells it without need, or for more than one."""
    named = [catalog.permission(one) for one in permissions]
    measured = [one.id for one in named if one is not None and one.unit]
    if len(measured) > 1:
        raise ValueError(f"{', '.join(measured)}: one amount cannot be for both")
    if measured and not told:
        raise ValueError(f"{measured[0]} has amounts: say how much by spend=")
    if told and not measured:
        raise ValueError(f"{', '.join(permissions)}: spend= is for what has a unit")


def _told(amount: Amount | None) -> Amount:
    if amount is None:
        raise InvalidRequest("the amount is missing")
    return amount
