"""The limits of users in an API: each use of a limited permission is counted."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

import httpx2
import msgspec

from valetkey.resource.errors import Refused, Unreachable, refused
from valetkey.resource.http import Http, PerLoop
from valetkey.resource.issuer import Issuer
from valetkey.resource.lease_cache import Spent
from valetkey.resource.principal import Principal
from valetkey.resource.spending import Amount, JournalPlace, Spending, Use, units
from valetkey.spec.errors import (
    ApprovalRequired,
    InvalidRequest,
    InvalidToken,
    LimitReached,
    OAuthError,
    OutsideHours,
)
from valetkey.wire import dpop, lease
from valetkey.wire.bearer import Challenge
from valetkey.wire.catalog import Catalog, Permission

# The refusal of a call by a limit of the user.

_ERRORS: Final[dict[str, OAuthError]] = {
    "often": LimitReached(),
    "much": LimitReached(),
    "hours": OutsideHours(),
    "ask": ApprovalRequired(),
    "declined": ApprovalRequired("the user was asked, and said no"),
}

_HEADER_ONLY: Final = frozenset({"resource_metadata", "algs", "scheme"})
_NUMBERS: Final = frozenset({"most", "decimals", "back_at"})
_OF_USES: Final = frozenset({"often", "hours"})
"""The limits without an amount."""


class Limited(Refused):
    """403: a limit of the user is reached. `refusal` says which one, and when it ends."""

    def __init__(
        self,
        refusal: lease.Refused,
        *,
        permission: Permission,
        resource_metadata: str,
        scheme: str,
    ) -> None:
        error = _ERRORS[refusal.limit]
        measured = bool(permission.unit) and refusal.limit not in _OF_USES
        challenge = Challenge(
            error=error.code,
            error_description=error.description,
            resource_metadata=resource_metadata,
            algs=" ".join(dpop.ALGORITHMS) if scheme == dpop.SCHEME else "",
            scheme=scheme,
            permission=permission.id,
            limit=refusal.limit,
            per=refusal.per or "",
            most=_number(refusal.allowed),
            # People cannot read a number of the smallest unit without them.
            unit=permission.unit if measured else "",
            decimals=str(permission.decimals) if measured else "",
            back_at=_number(refusal.back_at),
            ask_uri=refusal.ask_uri,
        )
        detail = f"{permission.id}: {refusal.limit} {refusal.per or ''}".rstrip()
        super().__init__(error.status, challenge, detail=detail)
        self.refusal = refusal

    @property
    def headers(self) -> dict[str, str]:
        """As for any refusal, and when to come back, in seconds."""
        again = {"Retry-After": str(self.refusal.again_in)} if self.refusal.again_in else {}
        return super().headers | again

    @property
    def body(self) -> dict[str, str | int]:
        """The challenge as JSON, its numbers as numbers."""
        fields = msgspec.structs.asdict(self.challenge)
        return {
            name: int(text) if name in _NUMBERS else text
            for name, text in fields.items()
            if text and name not in _HEADER_ONLY
        }


def _number(value: int) -> str:
    return str(value) if value else ""


log = logging.getLogger("valetkey.resource")


class Limits:
    """Counts uses, and refuses those beyond a limit."""

    def __init__(
        self,
        *,
        issuer: Issuer,
        http: Http,
        auth: httpx2.Auth,
        catalog: Callable[[], Catalog],
        resource_metadata: str,
        place: JournalPlace | None = None,
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
        self, principal: Principal, needs: Sequence[str], *, amount: Amount | None = None
    ) -> None:
        """Counts one use of each permission that the user has limited. `amount` is for the one that
        has a unit. Raises Limited for a limit that is reached, Refused, Unreachable."""
        limited = [one for one in needs if one in principal.limited]
        used: list[Use] = []
        try:
            for one in limited:
                used.append(await self._use(principal, one, amount))  # noqa: PERF401
        except (Refused, Unreachable) as refusal:
            # The call is refused, so it has used nothing.
            for use in used:
                use.undo()
            log.info("refused: %s", refusal)
            raise

    def check(self, principal: Principal, needs: Sequence[str], amount: Amount | None) -> None:
        """Raises Refused for a malformed amount."""
        for one in needs:
            permission = self._catalog().permission(one)
            if amount is not None and permission is not None and permission.unit:
                try:
                    units(amount, permission)
                except InvalidRequest as error:
                    raise self.refused(principal, error) from error

    def refused(self, principal: Principal, error: OAuthError) -> Refused:
        """The refusal of a call by this caller. Logs it."""
        refusal = self._refused(error, principal.scheme)
        log.info("refused: %s (%.200s)", error.description, error.detail)
        return refusal

    async def _use(self, principal: Principal, name: str, amount: Amount | None) -> Use:
        permission = self._catalog().permission(name)
        if permission is None:
            raise ValueError(f"{name} is not in the catalog")
        scheme = principal.scheme
        try:
            whole = 0 if not permission.unit else units(_required(amount), permission)
            _check_most(principal, name, whole)
            return await self._spending.get().use(principal, name, whole)
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


def _check_most(principal: Principal, name: str, amount: int) -> None:
    """Raises Spent if a delegation allows less in one use."""
    most = principal.max_amounts.get(name)
    if most is not None and amount > most:
        raise Spent(lease.Refused(limit="much", allowed=most))


def _required(amount: Amount | None) -> Amount:
    if amount is None:
        raise InvalidRequest("the amount is missing")
    return amount
