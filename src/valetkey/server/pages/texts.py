"""Texts of an operator in the place of ours, by message and language.

The key is our message in English. Each text keeps the placeholders and the markup of the message;
everything else in it is plain text. A message with a plural has a list, with as many forms as the
language has.
"""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from gettext import GNUTranslations, NullTranslations
from typing import Final, TypeAlias

from jinja2 import Environment
from markupsafe import escape

from valetkey.server.pages.app_text import plain
from valetkey.server.pages.locales import LOCALES, Locale
from valetkey.server.pages.render import OURS

Texts: TypeAlias = dict[str, tuple[str, ...]]
"""The forms of each message: one, or one for each plural of the language."""

_TAG: Final = re.compile(r"</?[a-z]+[^<>]*>")
_PLACEHOLDER: Final = re.compile(r"%\([a-z_]+\)s")
_LONGEST: Final = 2000


class OwnTexts(NullTranslations):
    """Translations with texts of the operator's own in front."""

    def __init__(self, texts: Texts, behind: NullTranslations) -> None:
        super().__init__()
        self._texts = texts
        self._behind = behind

    def gettext(self, message: str) -> str:
        own = self._texts.get(message)
        return self._behind.gettext(message) if own is None else own[0]

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        own = self._texts.get(msgid1)
        if own is None:
            return self._behind.ngettext(msgid1, msgid2, n)
        return own[min(_plural(self._behind, n), len(own) - 1)]


def _plural(translations: NullTranslations, n: int) -> int:
    """Which of the forms is for this number."""
    if isinstance(translations, GNUTranslations):
        return int(translations.plural(n))  # type: ignore[attr-defined]
    return int(n != 1)


def messages(env: Environment) -> dict[str, str]:
    """Every message in the templates: its plural, or "" if it has none."""
    plurals: dict[str, str] = {}
    for name in env.list_templates(filter_func=lambda name: not name.startswith(f"{OURS}/")):
        source, _, _ = env.loader.get_source(env, name)  # type: ignore[union-attr]
        for _, _, message in env.extract_translations(source):  # type: ignore[attr-defined]
            single, plural = (message, "") if isinstance(message, str) else (*message, "")[:2]
            plurals[single] = plural or ""
    return plurals


def read_texts(
    body: bytes, plurals: Mapping[str, str], locales: Mapping[str, Locale] = LOCALES
) -> tuple[dict[str, Texts], tuple[str, ...]]:
    """The texts by language, and every mistake in them. `plurals` has the messages of the pages,
    each with its plural, "" if it has none. A text with a mistake is left out."""
    try:
        tables = tomllib.loads(body.decode("utf-8"))
    except ValueError as error:
        return {}, (f"is not TOML: {error}",)
    texts: dict[str, Texts] = {tag: {} for tag in locales}
    mistakes = []
    for tag, table in tables.items():
        if tag not in locales or not isinstance(table, dict):
            mistakes.append(f"[{tag}]: begin a table with one of {', '.join(locales)}")
            continue
        for message, value in table.items():
            forms = tuple(value) if isinstance(value, list) else (value,)
            why = next(_mistakes(message, forms, plurals, locale=locales[tag]), "")
            if why:
                mistakes.append(f'[{tag}] "{message}": {why}')
            else:
                texts[tag][message] = tuple(_escaped(form) for form in forms)
    return texts, tuple(mistakes)


def _mistakes(
    message: str, forms: tuple[object, ...], plurals: Mapping[str, str], *, locale: Locale
) -> Iterator[str]:
    if message not in plurals:
        near = difflib.get_close_matches(message, plurals, n=1)
        yield "there is no such text" + (f'; did you mean "{near[0]}"?' if near else "")
        return
    plural = plurals[message]
    count = 1 if not plural else _plural(locale.translations, 2) + 1
    if len(forms) != count:
        yield f"a list of {count} texts is needed, for one and for many" if plural else "no list"
        return
    whole = plural or message
    for form in forms:
        if not isinstance(form, str) or not form.strip() or len(form) > _LONGEST:
            yield f"a text of 1 to {_LONGEST} characters is needed"
        elif plain(form, _LONGEST) != form.strip():
            yield "holds control characters, or more than one line"
        elif Counter(_PLACEHOLDER.findall(form)) != Counter(
            _PLACEHOLDER.findall(plural or message)
        ):
            yield f"keep the placeholders {_listed(_PLACEHOLDER, whole)}"
        elif Counter(_TAG.findall(form)) != Counter(_TAG.findall(whole)):
            yield f"keep the markup {_listed(_TAG, whole)}"
        elif "%" in _PLACEHOLDER.sub("", form).replace("%%", ""):
            yield "write %% for a percent sign"


def _listed(pattern: re.Pattern[str], text: str) -> str:
    return ", ".join(pattern.findall(text)) or "as it is: there is none"


def _escaped(text: str) -> str:
    """The text as HTML: its tags are those of our message, everything else is text."""
    tags = [*_TAG.findall(text), ""]
    parts = _TAG.split(text)
    return "".join(str(escape(part)) + tag for part, tag in zip(parts, tags, strict=True))
