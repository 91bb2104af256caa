"""The table `[brand]` of the settings and of declared state, and the files that it names."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import msgspec

from valetkey.server.model.brand import Brand, BrandFile, FontName, brand_file
from valetkey.server.model.palette import Theme
from valetkey.server.model.picture import read_font, read_picture
from valetkey.wire import address

KILOBYTE: Final = 1024
MOST_TEMPLATES: Final = 100
"""Files in a folder of templates."""


def _is(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


_File: TypeAlias = Path | None
_COLOR: Final = "as #rrggbb, or empty for ours"


class BrandSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The platform's brand on the pages."""

    logo_file: Annotated[
        _File,
        _is(
            "a PNG, JPEG, WebP or SVG file with your logo; one that is more than twice as wide as "
            "high takes the place of the name"
        ),
    ] = None
    logo_dark_file: Annotated[
        _File, _is("your logo for the dark theme; by default, that of the light theme")
    ] = None
    favicon_file: Annotated[_File, _is("a PNG, WebP or SVG file with a square icon")] = None
    color: Annotated[str, _is(f"the color of buttons and links, {_COLOR}")] = ""
    color_dark: Annotated[
        str,
        _is(
            "the color of buttons and links in the dark theme, as #rrggbb; by default, the nearest "
            "to color that can be read there"
        ),
    ] = ""
    background: Annotated[str, _is(f"the color around the cards, {_COLOR}")] = ""
    background_dark: Annotated[
        str, _is(f"the color around the cards in the dark theme, {_COLOR}")
    ] = ""
    theme: Annotated[
        Theme, _is("auto, light or dark: whether pages follow the browser's color scheme")
    ] = "auto"
    font: Annotated[
        FontName, _is("system, humanist, geometric, rounded, serif or mono: the kind of font")
    ] = "system"
    font_file: Annotated[
        _File, _is("a WOFF 2 file with a font of your own; `font` names what is used without it")
    ] = None
    help_url: Annotated[str, _is("the web address of your help pages, or empty for none")] = ""
    forgot_url: Annotated[
        str, _is("the web address at which people reset a forgotten password, or empty for none")
    ] = ""
    texts_file: Annotated[
        _File, _is("a TOML file with your own texts, in a table for each language")
    ] = None
    templates: Annotated[
        _File, _is("a folder of templates that take the place of ours with the same name")
    ] = None
    powered_by: Annotated[
        bool, _is('true or false: whether the footer says "Sign-in by valetkey"')
    ] = True


class BrandSource(NamedTuple):
    """A brand with its files, and what is wrong with them: the field and why."""

    brand: Brand
    files: tuple[BrandFile, ...]
    mistakes: tuple[tuple[str, str], ...]


NO_BRAND: Final = BrandSource(Brand(), (), ())


class DeclaredBrand(BrandSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table in declared state, which names everything that people see."""

    name: Annotated[str, _is("the name of your platform, or empty for that of the settings")] = ""
    privacy_url: Annotated[
        str, _is("the web address of your privacy statement, or empty for that of the settings")
    ] = ""
    terms_url: Annotated[
        str, _is("the web address of your terms of use, or empty for that of the settings")
    ] = ""


def read_brand(table: BrandSettings) -> BrandSource:
    """Read the files that the table names, and check links. What is wrong is left out. Colors
    depend on each other: `Brand.colors` checks them."""
    reading = _Reading()
    fields: dict[str, Any] = {name: getattr(table, name) for name in _SAME}
    if isinstance(table, DeclaredBrand):
        fields |= {name: getattr(table, name) for name in ("name", "privacy_url", "terms_url")}
    fields |= {name: reading.file(file, getattr(table, file)) for name, file in FILES.items()}
    if table.templates is not None:
        fields["templates"] = dict(reading.folder(table.templates))
    brand = Brand(**fields)
    for name in ("help_url", "forgot_url", "privacy_url", "terms_url"):
        reading.check(name, why_not_link(getattr(brand, name)))
    if not brand.name.isprintable():
        reading.check("name", "cannot be read")
    return BrandSource(brand, tuple(reading.files.values()), tuple(reading.mistakes))


FILES: Final = {
    "logo": "logo_file",
    "logo_dark": "logo_dark_file",
    "favicon": "favicon_file",
    "font_file": "font_file",
    "texts": "texts_file",
}
"""The fields of a brand that are files, and the fields that name them."""


_SAME: Final = (
    *("color", "color_dark", "background", "background_dark", "theme", "font"),
    *("help_url", "forgot_url", "powered_by"),
)
"""The fields of a brand that are in the table as they are."""


def why_not_link(link: str) -> str:
    """Return why this is no web address, or ""."""
    place = address.read(link)
    return "" if not link or (place is not None and place.is_web) else "is not a web address"


class _Reading:
    """The files as they are read, by their digests."""

    def __init__(self) -> None:
        self.files: dict[str, BrandFile] = {}
        self.mistakes: list[tuple[str, str]] = []

    def check(self, name: str, why: str) -> None:
        if why:
            self.mistakes.append((name, why))

    def file(self, name: str, path: Path | None) -> str:
        """The digest of a file, "" for none."""
        if path is None:
            return ""
        check, most = _CHECKS[name]
        try:
            body = _read(path, most)
            check(body)
        except ValueError as error:
            self.mistakes.append((name, f"{path} {error}"))
            return ""
        return self._keep(body)

    def folder(self, folder: Path) -> Iterator[tuple[str, str]]:
        """The names of the templates in a folder, and their digests."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        if not paths or len(paths) > MOST_TEMPLATES:
            why = "has no file" if not paths else f"has more than {MOST_TEMPLATES} files"
            self.mistakes.append(("templates", f"{folder} {why}"))
            return
        for path in paths:
            try:
                body = _read(path, 64)
                _template(path, body)
                yield path.relative_to(folder).as_posix(), self._keep(body)
            except ValueError as error:
                self.mistakes.append(("templates", f"{path} {error}"))

    def _keep(self, body: bytes) -> str:
        record = brand_file(body)
        self.files[record.digest] = record
        return record.digest


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(most * KILOBYTE + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if len(body) > most * KILOBYTE:
        raise ValueError(f"has more than {most} KB")
    return body


def _template(path: Path, body: bytes) -> None:
    if path.suffix != ".html":
        raise ValueError("is no template, whose name ends with .html")
    _utf8(body)


def _utf8(body: bytes) -> object:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8: {error}") from error


def _icon(body: bytes) -> object:
    picture = read_picture(body)
    if picture.width != picture.height:
        raise ValueError(f"is not square: {picture.width:g} x {picture.height:g}")
    return picture


_CHECKS: Final[dict[str, tuple[Callable[[bytes], object], int]]] = {
    "logo_file": (read_picture, 256),
    "logo_dark_file": (read_picture, 256),
    "favicon_file": (_icon, 128),
    "font_file": (read_font, 512),
    "texts_file": (_utf8, 256),
}
"""For each file, what raises ValueError for a wrong one, and how many kilobytes it may have."""
