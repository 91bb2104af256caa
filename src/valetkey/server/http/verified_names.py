"""Reads the names of verified apps, so that no unverified app takes one.

It reads all apps a few at a time, once a minute: to look up a name at each request would let
anonymous callers make the server read every app.
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
"""Apps of one step."""

REST: Final = 60.0
"""Seconds between two rounds."""


async def run(store: Store, installations: Installations) -> None:
    """Reads the names, again and again."""
    while True:
        try:
            installations.verified_names = await read_names(store)
        except Unavailable as error:
            log.warning("verified names postponed", detail=str(error))
        await asyncio.sleep(REST)


async def read_names(store: Store) -> dict[str, str]:
    """The ids of verified apps, by the look of their names. Raises Unavailable."""
    ids: dict[str, str] = {}
    before = ""
    while True:
        page = await store.page(PageQuery(record=Client, before=before, limit=STEP, walk=True))
        ids |= {silhouette(one.name): one.id for one in page.records if one.verified}
        before = page.next
        if not before:
            return ids
        await asyncio.sleep(0)
