"""Checks, when an API starts, that the authorization server knows its secret and its catalog.

An API with a wrong secret lets nobody in. An API with another catalog than the registered one shows
users permissions that it does not have. Only an operator can fix that, so the log says it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import httpx2

from valetkey.jose.objects import read_object
from valetkey.resource.errors import Misconfigured, Unreachable
from valetkey.resource.http import Http, PerLoop
from valetkey.resource.issuer import Issuer
from valetkey.wire.authorization_details import DIGEST, type_metadata
from valetkey.wire.catalog import Catalog

PAUSES: Final = (1.0, 5.0, 30.0, 300.0)
"""Seconds until the next try, while the server does not answer."""

NO_TOKEN: Final = "a token of nobody's"
"""A token to introspect, to see whether the server accepts the credentials."""

log = logging.getLogger("valetkey.resource")


class SelfCheck:
    """The start-up check of one API."""

    def __init__(
        self,
        *,
        issuer: Issuer,
        http: Http,
        auth: httpx2.Auth | None,
        catalog: Callable[[], Catalog],
    ) -> None:
        """Without `auth`, it checks only the catalog."""
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._catalog = catalog
        self._started = False
        self._tasks: PerLoop[set[asyncio.Task[None]]] = PerLoop(set)

    def start(self, *, credentials: bool) -> None:
        """Starts the check in the running event loop, once. `credentials`: also checks those,
        because nothing else presents them to the server right away."""
        if self._started:
            return
        self._started = True
        task = asyncio.get_running_loop().create_task(self._run(credentials=credentials))
        self._tasks.get().add(task)
        task.add_done_callback(self._tasks.get().discard)

    async def close(self) -> None:
        """Stops the check in the running event loop."""
        tasks = self._tasks.pop() or set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def difference(self) -> str:
        """How the registered catalog differs from this API's, in words; "" if they are equal or the
        server does not say. Raises Unreachable."""
        address = (await self._issuer.metadata()).authorization_details_types_metadata_endpoint
        if not address:
            return ""
        try:
            document = read_object(await self._http.get(address))
        except ValueError as error:
            raise Unreachable(f"{address}: {error}") from error
        return difference(document.get("authorization_details_types_metadata"), self._catalog())

    async def _run(self, *, credentials: bool) -> None:
        for pause in (*PAUSES, None):
            try:
                if credentials:
                    await self._prove()
                differs = await self.difference()
            except Misconfigured:
                return  # It is logged already.
            except Unreachable as trouble:
                if pause is None:
                    log.info("the catalog is not compared: %s", trouble)
                    return
                await asyncio.sleep(pause)
            else:
                if differs:
                    log.warning("the registered catalog differs: %s", differs)
                return

    async def _prove(self) -> None:
        address = (await self._issuer.metadata()).introspection_endpoint
        if address and self._auth is not None:
            await self._http.post(address, {"token": NO_TOKEN}, self._auth)


def difference(types: Any, catalog: Catalog) -> str:
    """How the types that a server describes differ from an API's catalog; "" if they are equal or
    have no digest."""
    described = types if isinstance(types, dict) else {}
    if not any(isinstance(one, dict) and DIGEST in one for one in described.values()):
        return ""
    own, registered = type_metadata(catalog), described.get(catalog.resource)
    if not isinstance(registered, dict):
        return f"no API is registered as {catalog.resource}"
    if registered.get(DIGEST) == own[DIGEST]:
        return ""
    new, old = _actions(own), _actions(registered)
    changes = [
        *(f"{name} is not registered" for name in sorted(new - old)),
        *(f"{name} is registered, and not in the API's catalog" for name in sorted(old - new)),
    ]
    names = "; ".join(changes) or "the same names, with other words, risks, units or members"
    return f"{names} (`valetkey resource diff` shows more, `valetkey resource sync` registers it)"


def _actions(described: dict[str, Any]) -> set[str]:
    """The names of a described type."""
    try:
        items = described["schema"]["properties"]["actions"]["items"]["oneOf"]
        return {str(one["const"]) for one in items}
    except (KeyError, TypeError):
        return set()
