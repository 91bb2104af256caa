"""The languages of pages and mails: English is in the templates, other languages in gettext
catalogs (``locale/TAG/LC_MESSAGES/valetkey.po``), which Babel reads on first use."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import babel
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from msgspec import Struct

from valetkey.server.http.request import Request
from valetkey.server.model.user import User

FILE: Final = "valetkey.po"
FOLDER: Final = "LC_MESSAGES"
MOST: Final = 2_000_000
"""The largest catalog of an operator that is read, in bytes."""

_SHIPPED: Final = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
_TAG: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII)
_MARKUP: Final = re.compile(r"%\([a-z_]+\)s|</?[a-z]+[^<>]*>")


class Direction(StrEnum):
    """The writing direction of a language."""

    LTR = "ltr"
    RTL = "rtl"


class Locale(Struct, frozen=True, kw_only=True):
    """A language by its BCP 47 tag, and its translations."""

    tag: str
    name: str
    translations: NullTranslations
    direction: Direction = Direction.LTR


@cache
def rules(tag: str) -> babel.Locale:
    """How the language writes dates and numbers. English days come before their months, so that
    readers in every country see which is which. A language that Babel doesn't know is written as
    English."""
    for known in ("en_GB" if tag == "en" else tag, tag.partition("-")[0]):
        try:
            return babel.Locale.parse(known, sep="_" if "_" in known else "-")
        except (babel.UnknownLocaleError, ValueError):
            continue
    return babel.Locale.parse("en_GB")


def read_catalog(po: bytes) -> Catalog:
    """A ``.po`` file. Raises ValueError."""
    try:
        return pofile.read_po(BytesIO(po), abort_invalid=True)
    except (pofile.PoFileError, babel.UnknownLocaleError, UnicodeError) as error:
        raise ValueError(str(error)) from error


def translations(catalog: Catalog) -> GNUTranslations:
    """The catalog as translations, without what is marked as fuzzy."""
    if catalog.locale is None:
        # Without one, Babel leaves out the rule for plurals that the file has.
        catalog.locale = babel.Locale("en")
    compiled = BytesIO()
    mofile.write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)


class Locales(Mapping[str, Locale]):
    """The languages by tag. The catalog of each is read when it is first needed."""

    def __init__(self, folder: Any, names: Mapping[str, str]) -> None:
        self._folder = folder
        self._names = names
        self._read: dict[str, Locale] = {}

    def __getitem__(self, tag: str) -> Locale:
        if (found := self._read.get(tag)) is None:
            found = self._read[tag] = self._locale(tag, self._names[tag])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, tag: object) -> bool:
        return tag in self._names

    def _locale(self, tag: str, name: str) -> Locale:
        if tag == "en":
            return Locale(tag=tag, name=name, translations=NullTranslations())
        po = self._folder.joinpath(tag, FOLDER, FILE).read_bytes()
        return Locale(tag=tag, name=name, translations=translations(read_catalog(po)))


LOCALES: Final[Mapping[str, Locale]] = Locales(
    files("valetkey.server.pages").joinpath("locale"), _SHIPPED
)
"""The languages that are shipped."""


def with_folder(folder: Path | None) -> tuple[Mapping[str, Locale], tuple[str, ...]]:
    """The shipped languages and those in an operator's folder, which has the same form, and every
    mistake in it. Its messages go before ours; what it lacks, or what has a mistake, is ours, or
    English."""
    if folder is None:
        return LOCALES, ()
    locales: dict[str, Locale] = {tag: LOCALES[tag] for tag in LOCALES}
    mistakes = []
    for file in sorted(folder.glob(f"*/{FOLDER}/{FILE}")):
        tag = file.parent.parent.name.replace("_", "-").lower()
        try:
            catalog = _read(file, tag)
        except (OSError, ValueError) as error:
            mistakes.append(f"{file}: {error}")
            continue
        mistakes += [f"{file}: {why}" for why in remove_mistakes(catalog)]
        locales[tag] = _overlay(tag, catalog)
    return locales, tuple(mistakes)


def file_of(folder: Path, tag: str) -> Path:
    """The catalog of a language in a folder. Raises ValueError if it is no language tag."""
    if not _TAG.fullmatch(tag):
        raise ValueError("it is no language tag, such as it or pt-br")
    return folder / tag / FOLDER / FILE


def _read(file: Path, tag: str) -> Catalog:
    if not _TAG.fullmatch(tag):
        raise ValueError("its folder is no language tag, such as it or pt-br")
    if file.stat().st_size > MOST:
        raise ValueError(f"it has over {MOST} bytes")
    return read_catalog(file.read_bytes())


def _overlay(tag: str, catalog: Catalog) -> Locale:
    own = translations(catalog)
    language = rules(tag)
    if tag in LOCALES:
        own.add_fallback(LOCALES[tag].translations)
        return Locale(tag=tag, name=LOCALES[tag].name, translations=own)
    name = language.get_display_name(language) or tag
    direction = Direction(language.text_direction)
    return Locale(tag=tag, name=name, translations=own, direction=direction)


def remove_mistakes(catalog: Catalog) -> Iterator[str]:
    """Removes the translations that lack a placeholder or a tag of their message, or have others,
    and tells them: such a text would break the page."""
    for message in list(catalog):
        if not message.id or message.fuzzy:
            continue
        originals, texts = _forms(message.id), _forms(message.string)
        markup = _markup(originals[-1])
        if any(text and (_markup(text) != markup or _stray(text, markup)) for text in texts):
            yield f'"{originals[0]}": keep {", ".join(markup) or "the text without markup"}'
            catalog.delete(message.id, message.context)


def _forms(text: str | Iterable[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _markup(text: str) -> Counter[str]:
    return Counter(_MARKUP.findall(text))


def _stray(text: str, markup: Counter[str]) -> bool:
    """Whether it has other markup, or a percent sign that no page can fill in."""
    bare = _MARKUP.sub("", text)
    return "<" in bare or "%" in (bare.replace("%%", "") if markup else "")


def choose(tags: Iterable[str], *, default: str, among: Mapping[str, Locale] | None = None) -> str:
    """The first language of ``tags`` that is there, else ``default``. RFC 4647, 3.4 (lookup)."""
    locales = LOCALES if among is None else among
    for tag in tags:
        parts = tag.lower().split("-")[:8]
        for length in range(len(parts), 0, -1):
            if (prefix := "-".join(parts[:length])) in locales:
                return prefix
    return default


def speak_to(request: Request, user: User) -> None:
    """Lets the reply be in the language and the time zone that the user chose, or in those of
    their profile."""
    request.language = user.language or user.claims.get("locale", "")
    request.zone = user.zone or user.claims.get("zoneinfo", "")
