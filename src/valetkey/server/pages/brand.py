"""The brand that is displayed: that which was applied, else that of the settings."""

import asyncio
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from valetkey.server.http import log
from valetkey.server.http.shell import Shell
from valetkey.server.model.brand import Brand, BrandFile
from valetkey.server.model.query import One
from valetkey.server.pages.locales import LOCALES, Locale
from valetkey.server.pages.render import edition
from valetkey.server.pages.theme import Look, SiteLinks
from valetkey.server.store.port import Unavailable

PAUSE: Final = 0.02
"""Seconds between two pages of a check, in which the server does everything else: about as many as
a page takes."""

REPORTED: Final = 10
"""Mistakes of templates that are logged, at most."""


class CurrentBrand:
    """The brand of now. It is read again once a second, with the installation.

    Templates are displayed once the contract holds for them: `valetkey serve` and `valetkey apply`
    check it before. Where they did not (settings that changed while the server runs, an embedded
    server, a brand that was applied with another version), it is checked in a thread, and the
    pages use the built-in templates until it is done.
    """

    def __init__(
        self,
        shell: Shell,
        *,
        links: SiteLinks,
        brand: Brand,
        files: Mapping[str, bytes],
        locales: Mapping[str, Locale] = LOCALES,
    ) -> None:
        self.locales = locales
        self._shell = shell
        self._links = links
        self._applied: Brand | None = None
        self._loading = asyncio.Lock()
        self._checking: asyncio.Task[None] | None = None
        self._own = self._look(brand, files)
        self._wanted = self._own
        self.look = self._own if _may_show(self._own) else self._without_templates(self._own)

    def _look(self, brand: Brand, files: Mapping[str, bytes]) -> Look:
        look = Look(brand, files, links=self._links, locales=self.locales)
        for mistake in look.mistakes:
            log.warning("brand", detail=mistake)
        return look

    def _without_templates(self, look: Look) -> Look:
        plain = replace(look.brand, templates={})
        return Look(plain, look.files, links=self._links, locales=self.locales)

    async def refresh(self) -> None:
        """Bring `look` up to date. It stays as it is while the database is out of reach."""
        try:
            context = self._shell.fresh_context() or await self._shell.last_known()
            brand = context.installation.brand
            if brand is not self._applied:
                async with self._loading:
                    await self._load(brand)
        except Unavailable as error:
            log.warning("brand not read", detail=str(error))
        if self.look is not self._wanted and self._checking is None:
            self._checking = asyncio.create_task(self._check(self._wanted))

    async def _load(self, brand: Brand | None) -> None:
        if brand == self._applied:
            self._applied = brand
            return
        if brand is None:
            await self._show(self._own)
        else:
            wanted = [One(BrandFile, digest) for digest in sorted(brand.files)]
            read = await self._shell.store.read(*wanted)
            found = [read.one(want) for want in wanted]
            files = {file.digest: file.body for file in found if file is not None}
            if brand.files - files.keys():
                return  # It was replaced meanwhile: the next reading finds its successor.
            await self._show(await asyncio.to_thread(self._look, brand, files))
        self._applied = brand

    async def _show(self, look: Look) -> None:
        if _may_show(look):
            self._wanted = self.look = look
        else:
            self.look = await asyncio.to_thread(self._without_templates, look)
            self._wanted = look
        self._checking = None

    async def _check(self, look: Look) -> None:
        """Display the look if its templates keep the contract; else log why not."""
        mistakes = await asyncio.to_thread(_judge, look)
        for mistake in mistakes[:REPORTED]:
            log.warning("brand", detail=mistake)
        if mistakes:
            log.warning("brand without its templates", mistakes=len(mistakes))
        elif look is self._wanted:
            self.look = look


def _may_show(look: Look) -> bool:
    """Whether its templates are known to keep the contract."""
    if not look.brand.templates or look.brand.checked_with == edition():
        return True
    from valetkey.server.pages import contract  # noqa: PLC0415

    return contract.verdict(look) == ()


def _judge(look: Look) -> tuple[str, ...]:
    # Imported here: it imports every page's sample.
    from valetkey.server.pages import contract  # noqa: PLC0415

    return contract.judge(look, pause=PAUSE)
