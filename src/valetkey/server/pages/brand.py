"""The brand that is displayed: that which was applied, else that of the settings."""

import asyncio
from collections.abc import Mapping

from valetkey.server.http import log
from valetkey.server.http.shell import Shell
from valetkey.server.model.brand import Brand, BrandFile
from valetkey.server.model.query import One
from valetkey.server.pages.theme import Look, SiteLinks
from valetkey.server.store.port import Unavailable


class CurrentBrand:
    """The brand of now. It is read again once a second, with the installation."""

    def __init__(
        self, shell: Shell, *, links: SiteLinks, brand: Brand, files: Mapping[str, bytes]
    ) -> None:
        self._shell = shell
        self._links = links
        self._applied: Brand | None = None
        self._loading = asyncio.Lock()
        self._own = self.look = self._look(brand, files)

    def _look(self, brand: Brand, files: Mapping[str, bytes]) -> Look:
        look = Look(brand, files, links=self._links)
        for mistake in look.mistakes:
            log.warning("brand", detail=mistake)
        return look

    async def refresh(self) -> None:
        """Bring `look` up to date. It stays as it is while the database is out of reach."""
        try:
            context = self._shell.fresh_context() or await self._shell.last_known()
            brand = context.installation.brand
            if brand is self._applied:
                return
            async with self._loading:
                await self._load(brand)
        except Unavailable as error:
            log.warning("brand not read", detail=str(error))

    async def _load(self, brand: Brand | None) -> None:
        if brand == self._applied:
            self._applied = brand
            return
        if brand is None:
            self.look = self._own
        else:
            wanted = [One(BrandFile, digest) for digest in sorted(brand.files)]
            read = await self._shell.store.read(*wanted)
            found = [read.one(want) for want in wanted]
            files = {file.digest: file.body for file in found if file is not None}
            if brand.files - files.keys():
                return  # It was replaced meanwhile: the next reading finds its successor.
            self.look = await asyncio.to_thread(self._look, brand, files)
        self._applied = brand
