"""Warnings for the operator: many sign-ins fail, or a proxy hides its callers' addresses."""

import time
from collections.abc import Callable
from typing import Final

from valetkey.server.http import log
from valetkey.server.http.request import Request
from valetkey.server.model.counters import network_of, parse

MANY: Final = 20
"""Failed sign-ins in a minute that cause a warning."""

MINUTE: Final = 60.0

HIDDEN: Final = "requests through a proxy that is not trusted"
"""The counter that `valetkey doctor` reads, for SECONDS."""

SECONDS: Final = 86400

PROXY_NOT_TRUSTED: Final = (
    "the issuer is https, so a proxy ends TLS: add it to trusted_proxies, or all callers share its "
    "address and its limits"
)


class SignInFailures:
    """Counts failed sign-ins in this process, and warns once a minute at most. `totals` count since
    the start: sign-ins with a wrong password, those that were refused unread, and warnings."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._networks: dict[str, int] = {}
        self._accounts: set[str] = set()
        self.totals = {"wrong": 0, "throttled": 0, "warned": 0}

    def add(self, account: str, address: str, *, read: bool = True) -> None:
        """Adds a sign-in with a wrong password, or one that was refused unread."""
        self.totals["wrong" if read else "throttled"] += 1
        if self._clock() - self._since >= MINUTE:
            if sum(self._networks.values()) > MANY:
                self._warn()
            self._since = self._clock()
            self._networks.clear()
            self._accounts.clear()
        network = network_of(address)
        self._networks[network] = self._networks.get(network, 0) + 1
        self._accounts.add(account)
        if sum(self._networks.values()) == MANY:
            self._warn()

    def _warn(self) -> None:
        self.totals["warned"] += 1
        network, most = max(self._networks.items(), key=lambda item: item[1])
        log.warning(
            "many failed sign-ins",
            failed=sum(self._networks.values()),
            accounts=len(self._accounts),
            networks=len(self._networks),
            busiest=network,
            from_busiest=most,
        )


class Proxies:
    """Notices proxies that are not in `trusted_proxies`."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._day_of: dict[str, int] = {}

    def is_new_untrusted(self, request: Request) -> bool:
        """Whether the request came through a proxy of the operator's that is not trusted, so that
        all callers seem to have its address. True once a day for each proxy."""
        if request.address != request.peer or not _forwarded(request) or not _is_near(request.peer):
            return False
        today = int(self._clock()) // SECONDS
        if self._day_of.get(request.peer) == today:
            return False
        self._day_of[request.peer] = today
        log.warning(
            "a proxy is not in trusted_proxies, its callers share its limits",
            proxy=request.peer,
        )
        return True


def _forwarded(request: Request) -> bool:
    return bool(request.header(b"x-forwarded-for") or request.header(b"forwarded"))


def _is_near(peer: str) -> bool:
    # Anyone can send such a header; the operator's own proxy is near.
    ip = parse(peer)
    return ip is not None and (ip.is_private or ip.is_loopback or ip.is_link_local)
