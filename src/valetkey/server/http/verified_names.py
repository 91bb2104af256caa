"""Keeps at hand what the verified apps are called, so that no stranger takes the name of one.

It goes through all apps a few at a time, once a minute: to look for a name at each request would
let strangers make the server read every app.
"""

import asyncio
from typing import Final

from valetkey.server.http import log
from valetkey.server.http.installation import Installations
from valetkey.server.model.client import Client
from valetkey.server.model.confusable import silhouette
from valetkey.server.model.query import PageQuery
from valetkey.server.store.port import Store, Unavailable

STEP: Final = 100
"""Apps at a time."""

REST: Final = 60.0
"""Seconds between two rounds."""


async def run(store: Store, installations: Installations) -> None:
    """Round after round."""
    while True:
        try:
            installations.verified_names = await read_names(store)
        except Unavailable as error:
            log.warning("names put off", detail=str(error))
        await asyncio.sleep(REST)


async def read_names(store: Store) -> dict[str, str]:
    """What each verified app's name looks like, with the app's id. Raises Unavailable."""
    found: dict[str, str] = {}
    before = ""
    while True:
        page = await store.page(PageQuery(record=Client, before=before, limit=STEP, walk=True))
        found |= {silhouette(one.name): one.id for one in page.records if one.verified}
        before = page.next
        if not before:
            return found
        await asyncio.sleep(0)
