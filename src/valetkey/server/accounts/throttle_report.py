"""What the throttle refuses, delays and has closed, for the operator."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.server.accounts.throttle import (
    ACCOUNT,
    BROWSER,
    CODE,
    FACTOR,
    IN_A_ROW,
    NETWORK,
    PAIR,
    WIDER,
    Budget,
    delay,
)
from valetkey.server.model.counters import IPV6, Throttle

Effect: TypeAlias = Literal["refused", "delayed", "closed"]

_REFUSING: Final[Mapping[str, Budget]] = {
    "pair": PAIR,
    "account": ACCOUNT,
    "browser": BROWSER,
    "factor": FACTOR,
    "code": CODE,
}


class ThrottledEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `account` is the digest of a username or the id of a user, "" for none; `source`
    is a network, a browser's name or a kind of factor, "" for every new browser. `until` is in
    seconds since 1970, 0 for until the user signs in. `seconds` is the delay."""

    effect: Effect
    account: str = ""
    source: str = ""
    attempts: int
    until: int = 0
    seconds: float = 0.0


def throttled(rows: Iterable[Throttle], now: int) -> list[ThrottledEntry]:
    """What is throttled now, the most attempts first."""
    running = (row for row in rows if row.is_running(now))
    found = [entry for row in running if (entry := _entry(row)) is not None]
    return sorted(found, key=lambda one: -one.attempts)


def _entry(row: Throttle) -> ThrottledEntry | None:
    what, _, rest = row.bucket.partition(" ")
    account, _, source = rest.partition(" ")
    if what == "row" and row.tried >= IN_A_ROW.attempts:
        return ThrottledEntry(effect="closed", account=account, source=source, attempts=row.tried)
    if what == "network" and (seconds := delay(row.tried - _free(rest))) > 0:
        return ThrottledEntry(
            effect="delayed", source=rest, attempts=row.tried, until=row.expires, seconds=seconds
        )
    if (budget := _REFUSING.get(what)) is None or row.tried < budget.attempts:
        return None
    if what == "code":
        account, source = "", source or rest
    return ThrottledEntry(
        effect="refused", account=account, source=source, attempts=row.tried, until=row.expires
    )


def _free(network: str) -> int:
    """The attempts of a network without a delay."""
    _, _, prefix = network.partition("/")
    place = IPV6.index(int(prefix)) if ":" in network and prefix.isdigit() else 0
    return NETWORK.attempts * WIDER[place]
