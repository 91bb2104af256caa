"""The brand of the platform on the pages: its names, links and colors, and the files it uses."""

import hashlib
from typing import ClassVar, Final, Literal, TypeAlias

from valetkey.server.model.palette import Colors, Theme
from valetkey.server.model.record import Record

CURRENT: Final = "current"
"""The key of the only brand."""

FontName: TypeAlias = Literal["system", "humanist", "geometric", "rounded", "serif", "mono"]

FONTS: Final[dict[FontName, str]] = {
    "system": (
        'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", sans-serif'
    ),
    "humanist": 'Seravek, "Gill Sans Nova", Calibri, Carlito, "Noto Sans", "Segoe UI", sans-serif',
    "geometric": 'Avenir, "Century Gothic", "URW Gothic", Montserrat, "Noto Sans", sans-serif',
    "rounded": '"SF Pro Rounded", "Hiragino Maru Gothic ProN", Quicksand, Nunito, sans-serif',
    "serif": '"Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif',
    "mono": 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace',
}
"""The families of each font, which people have on their devices."""


class Brand(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The brand that was applied. It replaces that of the settings as a whole, except that ""
    for the name and the links to policies means those of the settings.

    `logo`, `logo_dark`, `favicon`, `font_file` and `texts` are the digests of files, "" for none;
    `templates` are digests by name, and `checked_with` is the edition of our templates that they
    were checked against when the brand was applied. `texts` is a file in JSON: texts by message, by
    language.
    """

    table: ClassVar[str] = "brands"

    name: str = ""
    logo: str = ""
    logo_dark: str = ""
    favicon: str = ""
    color: str = ""
    color_dark: str = ""
    background: str = ""
    background_dark: str = ""
    theme: Theme = "auto"
    font: FontName = "system"
    font_file: str = ""
    help_url: str = ""
    forgot_url: str = ""
    privacy_url: str = ""
    terms_url: str = ""
    powered_by: bool = True
    texts: str = ""
    templates: dict[str, str] = {}
    checked_with: str = ""

    @property
    def key(self) -> str:
        return CURRENT

    @property
    def colors(self) -> Colors:
        """The colors that the brand names."""
        return Colors(
            color=self.color,
            color_dark=self.color_dark,
            background=self.background,
            background_dark=self.background_dark,
            theme=self.theme,
        )

    @property
    def files(self) -> frozenset[str]:
        """The digests of all its files."""
        own = (self.logo, self.logo_dark, self.favicon, self.font_file, self.texts)
        return frozenset(filter(None, (*own, *self.templates.values())))


class BrandFile(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A file of a brand, named by the SHA-256 digest of its contents. It never changes."""

    table: ClassVar[str] = "brand_files"

    digest: str
    body: bytes

    @property
    def key(self) -> str:
        return self.digest


def brand_file(body: bytes) -> BrandFile:
    """The record of a file with these contents."""
    return BrandFile(digest=hashlib.sha256(body).hexdigest(), body=body)
