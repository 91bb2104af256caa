"""Does the authorization server know this API as it is? Asked once, when the API starts.

An API whose secret is wrong lets nobody in, and one whose catalog is not the registered one shows
users what it no longer does. Neither heals by itself, so the log says it at the start.
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
"""Seconds until the server is asked again, while it does not answer."""

NO_TOKEN: Final = "a token of nobody's"
"""What is introspected to see whether the credentials are taken."""

log = logging.getLogger("valetkey.resource")


class SelfCheck:
    """What one API checks of itself."""

    def __init__(
        self,
        *,
        issuer: Issuer,
        http: Http,
        auth: httpx2.Auth | None,
        catalog: Callable[[], Catalog],
    ) -> None:
        """With no `auth`, only the catalog is checked."""
        self._issuer = issuer
        self._http = http
        self._auth = auth
        self._catalog = catalog
        self._begun = False
        self._tasks: PerLoop[set[asyncio.Task[None]]] = PerLoop(set)

    def start(self, *, credentials: bool) -> None:
        """Checks once, in the background of the running event loop; the credentials too, unless
        something else shows them to the server right away."""
        if self._begun:
            return
        self._begun = True
        task = asyncio.get_running_loop().create_task(self._run(credentials=credentials))
        self._tasks.get().add(task)
        task.add_done_callback(self._tasks.get().discard)

    async def close(self) -> None:
        """Checks no longer, in the running event loop."""
        tasks = self._tasks.pop() or set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def difference(self) -> str:
        """How the registered catalog differs from this API's, in words; "" where it does not, and
        where the server does not say. Raises Unreachable."""
        address = (await self._issuer.metadata()).authorization_details_types_metadata_endpoint
        if not address:
            return ""
        try:
            told = read_object(await self._http.get(address))
        except ValueError as error:
            raise Unreachable(f"{address}: {error}") from error
        return difference(told.get("authorization_details_types_metadata"), self._catalog())

    async def _run(self, *, credentials: bool) -> None:
        for pause in (*PAUSES, None):
            try:
                if credentials:
                    await self._prove()
                differs = await self.difference()
            except Misconfigured:
                return  # The log has it from where it was answered.
            except Unreachable as trouble:
                if pause is None:
                    log.info("the catalog is not compared: %s", trouble)
                    return
                await asyncio.sleep(pause)
            else:
                if differs:
                    log.warning("the registered catalog is another one: %s", differs)
                return

    async def _prove(self) -> None:
        address = (await self._issuer.metadata()).introspection_endpoint
        if address and self._auth is not None:
            await self._http.post(address, {"token": NO_TOKEN}, self._auth)


def difference(types: Any, catalog: Catalog) -> str:
    """How the types that a server describes differ from an API's catalog; "" where they do not, and
    where they do not say."""
    known = types if isinstance(types, dict) else {}
    if not any(isinstance(one, dict) and DIGEST in one for one in known.values()):
        return ""
    own, registered = type_metadata(catalog), known.get(catalog.resource)
    if not isinstance(registered, dict):
        return f"no API is registered as {catalog.resource}"
    if registered.get(DIGEST) == own[DIGEST]:
        return ""
    new, old = _actions(own), _actions(registered)
    found = [
        *(f"{name} is not registered" for name in sorted(new - old)),
        *(f"{name} is registered, and not in the API's catalog" for name in sorted(old - new)),
    ]
    said = "; ".join(found) or "the same names, with other words, risks, units or members"
    return f"{said} (`valetkey resource diff` shows more, `valetkey resource sync` registers it)"


def _actions(described: dict[str, Any]) -> set[str]:
    """The names of a described type."""
    try:
        items = described["schema"]["properties"]["actions"]["items"]["oneOf"]
        return {str(one["const"]) for one in items}
    except (KeyError, TypeError):
        return set()
