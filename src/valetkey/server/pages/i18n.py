"""The languages of the pages: English is in the templates, other languages in ``locale/``."""

import json
import re
import struct
from collections.abc import Iterable, Mapping
from enum import StrEnum
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from itertools import accumulate, chain

from msgspec import Struct

_LINE = re.compile(r'(?:(msgid_plural|msgid|msgstr)(?:\[\d\])?\s+)?(".*")')


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


def messages(po: str) -> dict[str, str]:
    """The messages of a gettext ``.po`` text; plural forms are joined by NUL, as in ``.mo``."""
    entries: dict[str, str] = {}
    entry: dict[str, list[str]] = {}
    field = ""
    for match in filter(None, map(_LINE.fullmatch, [*po.splitlines(), 'msgid ""'])):
        keyword, quoted = match.groups()
        if keyword == "msgid":
            if entry:
                key = "\0".join(entry.get("msgid", []) + entry.get("msgid_plural", []))
                entries[key] = "\0".join(entry["msgstr"])
            entry = {}
        if keyword:
            field = keyword
            entry.setdefault(field, []).append("")
        entry[field][-1] += json.loads(quoted)
    return entries


def translations(po: str) -> GNUTranslations:
    """A ``.po`` text as translations. It is converted to ``.mo``, which ``gettext`` reads."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages(po).items())
    words = [word for pair in pairs for word in pair]
    start = 28 + 16 * len(pairs)  # seven numbers, then two tables of (length, offset)
    offsets = accumulate((len(word) + 1 for word in words), initial=start)
    rows = [(len(word), offset) for word, offset in zip(words, offsets, strict=False)]
    header = (0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    numbers = [*header, *chain(*rows[0::2]), *chain(*rows[1::2])]
    mo = struct.pack(f"<{len(numbers)}I", *numbers) + b"".join(word + b"\0" for word in words)
    return GNUTranslations(BytesIO(mo))


def _shipped(tag: str) -> GNUTranslations:
    folder = files(__package__).joinpath("locale", tag, "LC_MESSAGES")
    return translations(folder.joinpath("valetkey.po").read_text(encoding="utf-8"))


LOCALES: Mapping[str, Locale] = {
    locale.tag: locale
    for locale in (
        Locale(tag="en", name="English", translations=NullTranslations()),
        Locale(tag="de", name="Deutsch", translations=_shipped("de")),
    )
}


def choose(tags: Iterable[str], *, default: str) -> str:
    """The first language of ``tags`` that is shipped, else ``default``. RFC 4647, 3.4 (lookup)."""
    for tag in tags:
        parts = tag.lower().split("-")[:8]
        for length in range(len(parts), 0, -1):
            if (prefix := "-".join(parts[:length])) in LOCALES:
                return prefix
    return default
