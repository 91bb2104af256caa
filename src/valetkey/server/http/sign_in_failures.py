"""What an operator has to see of sign-ins: that many fail, and that a proxy hides who calls."""

import time
from collections.abc import Callable
from typing import Final

from valetkey.server.http import log
from valetkey.server.http.request import Request
from valetkey.server.model.network import network_of, parse

MANY: Final = 20
"""Failed sign-ins in a minute that are worth a warning."""

MINUTE: Final = 60.0

HIDDEN: Final = "requests through a proxy that is not trusted"
"""The bucket that says so to `valetkey doctor`, for SECONDS."""

SECONDS: Final = 86400

UNNAMED: Final = (
    "the issuer is https, so a proxy ends TLS: name it in trusted_proxies, or everybody shares its "
    "address, and what is counted by network"
)


class Failures:
    """Counts in this process, and warns once a minute at the most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._networks: dict[str, int] = {}
        self._accounts: set[str] = set()

    def failed(self, account: str, address: str) -> None:
        """A wrong password, or one that was not looked at."""
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
        network, most = max(self._networks.items(), key=lambda item: item[1])
        log.warning(
            "many sign-ins fail",
            failed=sum(self._networks.values()),
            accounts=len(self._accounts),
            networks=len(self._networks),
            busiest=network,
            from_there=most,
        )


class Proxies:
    """Notices proxies that `trusted_proxies` does not name."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._noted: dict[str, int] = {}

    def hides(self, request: Request) -> bool:
        """Whether the request came through a proxy of one's own that is not trusted, so that
        everybody seems to call from its address; once a day for each."""
        if request.address != request.peer or not _forwarded(request) or not _is_near(request.peer):
            return False
        today = int(self._clock()) // SECONDS
        if self._noted.get(request.peer) == today:
            return False
        self._noted[request.peer] = today
        log.warning(
            "a proxy is not in trusted_proxies: all who come through it count as one",
            proxy=request.peer,
        )
        return True


def _forwarded(request: Request) -> bool:
    return bool(request.header(b"x-forwarded-for") or request.header(b"forwarded"))


def _is_near(peer: str) -> bool:
    # Anybody can send such a header; a proxy of one's own is near.
    ip = parse(peer)
    return ip is not None and (ip.is_private or ip.is_loopback or ip.is_link_local)
