"""Catalogs for translators: every text of the pages, and how many of them are translated."""

from collections.abc import Mapping
from pathlib import Path

from babel.messages.catalog import Catalog

from valetkey.server.pages.locales import FILE, FOLDER, LOCALES, Locale, read_catalog, rules
from valetkey.server.pages.render import environment
from valetkey.server.pages.texts import messages


def new_catalog(tag: str) -> Catalog:
    """A catalog of all texts. Those that are translated have their translation. Raises ValueError
    if the language is unknown."""
    language = rules(tag)
    if language.language != tag.partition("-")[0]:
        raise ValueError("Babel does not know this language")
    catalog = Catalog(locale=language, project="valetkey", charset="utf-8", fuzzy=False)
    shipped = getattr(LOCALES[tag].translations, "_catalog", {}) if tag in LOCALES else {}
    for message, plural in messages(environment(LOCALES["en"])).items():
        if plural:
            forms = [shipped.get((message, form), "") for form in range(catalog.num_plurals)]
            catalog.add((message, plural), forms)
        else:
            catalog.add(message, shipped.get(message, ""))
    return catalog


def progress(folder: Path, locales: Mapping[str, Locale]) -> dict[str, tuple[int, int]]:
    """By language, how many texts its catalog in the folder translates, and of how many."""
    texts = messages(environment(LOCALES["en"]))
    counts = {}
    for file in sorted(folder.glob(f"*/{FOLDER}/{FILE}")):
        tag = file.parent.parent.name.replace("_", "-").lower()
        if tag not in locales:
            continue
        try:
            catalog = read_catalog(file.read_bytes())
        except (OSError, ValueError):
            continue
        translated = sum(
            bool(message.string) and all(message.string or ())
            for message in catalog
            if message.id and not message.fuzzy and _first(message.id) in texts
        )
        counts[tag] = (translated, len(texts))
    return counts


def _first(text: str | list[str] | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else text[0]
