"""The languages of the pages."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.rows import row
from tests.server.pages.preview import PREVIEWED, document

from valetkey.server.model.resource import IDENTITY
from valetkey.server.pages.locales import (
    LOCALES,
    Direction,
    Locale,
    choose,
    read_catalog,
    rules,
    translations,
    with_folder,
)
from valetkey.server.pages.moments import filters, in_zone
from valetkey.server.pages.render import environment, render_in
from valetkey.server.pages.samples import SAMPLES

TRANSLATED = [tag for tag in LOCALES if tag != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)s|</?\w+[^>]*>")


def in_templates() -> set[tuple[str, ...]]:
    """Every message in the templates: (singular,) or (singular, plural)."""
    env = environment(LOCALES["en"])
    assert env.loader
    found = set()
    for name in env.list_templates():
        source, _, _ = env.loader.get_source(env, name)
        for _, _, message in env.extract_translations(source):  # type: ignore[attr-defined]
            found.add((message,) if isinstance(message, str) else tuple(filter(None, message)))
    return found


def in_catalog(tag: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    po = files("valetkey.server.pages").joinpath("locale", tag, "LC_MESSAGES", "valetkey.po")
    return {
        _forms(message.id): _forms(message.string)
        for message in read_catalog(po.read_bytes())
        if message.id and not message.fuzzy
    }


def _forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_catalog_has_the_messages_of_the_pages_and_no_others(tag: str) -> None:
    there, needed = set(in_catalog(tag)), in_templates()
    file = f"src/valetkey/server/pages/locale/{tag}/LC_MESSAGES/valetkey.po"
    assert not needed - there, f"add to {file}, each with its translation: {needed - there}"
    assert not there - needed, f"remove from {file}, as no template uses it: {there - needed}"


@pytest.mark.parametrize("tag", TRANSLATED)
def test_the_servers_own_permissions_speak_every_language(tag: str) -> None:
    assert [one.id for one in IDENTITY if tag not in one.words] == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_translation_keeps_placeholders_and_markup(tag: str) -> None:
    count = len(rules(tag).plural_form.tags | {"other"})
    for originals, translated in in_catalog(tag).items():
        assert len(translated) == (1 if len(originals) == 1 else min(count, 2)), originals
        wanted = sorted(PLACEHOLDER.findall(originals[-1]))
        for text in translated:
            assert text.strip() == text != "", originals
            assert sorted(PLACEHOLDER.findall(text)) == wanted, text


def test_plural_forms_follow_the_header() -> None:
    polish = translations(
        read_catalog(
            r"""
# the header
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && "
"(n%100<10 || n%100>=20) ? 1 : 2);\n"

#: parts.html
msgid "%(n)s key"
msgid_plural "%(n)s keys"
msgstr[0] "%(n)s klucz"
msgstr[1] "%(n)s klucze"
msgstr[2] "%(n)s kluczy"

msgid "say \"yes\""
msgstr ""
"powiedz "
"„tak”"
""".encode()
        )
    )
    forms = [polish.ngettext("%(n)s key", "%(n)s keys", n) for n in (1, 3, 5, 12, 22)]
    assert forms == ["%(n)s klucz", "%(n)s klucze", "%(n)s kluczy", "%(n)s kluczy", "%(n)s klucze"]
    assert polish.gettext('say "yes"') == "powiedz „tak”"
    assert polish.gettext("not there") == "not there"


CHOICES = {
    "the first that is there": (("it", "de", "en"), "de"),
    "a region falls back to its language": (("de-AT",), "de"),
    "case does not count": (("DE-at",), "de"),
    "a script and a region": (("de-Latn-CH",), "de"),
    "a wish for a region of a missing language": (("it-CH", "en-GB"), "en"),
    "French in Canada": (("fr-CA", "en"), "fr"),
    "Spanish in Mexico": (("es-MX", "en"), "es"),
    "none of them": (("it", "nl"), "en"),
    "none at all": ((), "en"),
    "a longer word that begins alike": (("den",), "en"),
    "nonsense": (("", "-", "*", "../../etc", "de" * 4000, "-" * 4000), "en"),
}


@pytest.mark.parametrize("wanted,expected", CHOICES.values(), ids=CHOICES)
def test_choose(wanted: tuple[str, ...], expected: str) -> None:
    assert choose(wanted, default="en") == expected


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_a_shipped_language_runs_from_left_to_right(locale: Locale) -> None:
    assert locale.direction == Direction.LTR
    assert choose([locale.tag], default="") == locale.tag


def test_a_language_from_right_to_left_says_so() -> None:
    page = document("sign-in", tag="ar-XB").one("html").attributes
    assert (page["lang"], page["dir"]) == ("ar-XB", "rtl")
    assert PREVIEWED["ar-XB"].direction == Direction.RTL


# An operator's folder.

PO = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""


def _folder(folder: Path, **catalogs: str) -> Path:
    for tag, entries in catalogs.items():
        place = folder / tag.replace("_", "-") / "LC_MESSAGES"
        place.mkdir(parents=True)
        (place / "valetkey.po").write_text(PO + entries)
    return folder


def test_an_operators_folder_adds_languages_and_overrides_texts(tmp_path: Path) -> None:
    own = 'msgid "Privacy"\nmsgstr "{}"\n'
    folder = _folder(tmp_path, it=own.format("Riservatezza"), de=own.format("Privatsphäre"))
    locales, mistakes = with_folder(folder)
    assert mistakes == ()
    assert [*locales] == [*LOCALES, "it"]
    texts = {tag: locales[tag].translations.gettext("Privacy") for tag in ("en", "de", "it")}
    assert texts == {"en": "Privacy", "de": "Privatsphäre", "it": "Riservatezza"}
    assert locales["de"].translations.gettext("Terms") == "Nutzungsbedingungen"
    assert locales["it"].translations.gettext("Terms") == "Terms"
    assert locales["it"].name == "italiano"
    assert choose(["it-CH"], default="en", among=locales) == "it"
    assert "Riservatezza" in render_in(SAMPLES["sign-in"], locale=locales["it"])


def test_a_language_that_runs_from_right_to_left_is_known_by_its_tag(tmp_path: Path) -> None:
    locales, _ = with_folder(_folder(tmp_path, ar='msgid "Privacy"\nmsgstr "الخصوصية"\n'))
    assert locales["ar"].direction == Direction.RTL
    assert 'dir="rtl"' in render_in(SAMPLES["sign-in"], locale=locales["ar"])


WRONG = [
    row("A115", "a placeholder is missing", 'msgid "Sign in to %(site)s"\nmsgstr "x"\n'),
    row("A115", "another placeholder", 'msgid "Sign in to %(site)s"\nmsgstr "%(user)s"\n'),
    row("A115", "a percent sign", 'msgid "Sign in to %(site)s"\nmsgstr "%(site)s 100%"\n'),
    row("A115", "a script", 'msgid "Privacy"\nmsgstr "<script>alert(1)</script>"\n'),
    row("A115", "half a tag", 'msgid "Privacy"\nmsgstr "<IMG SRC=x"\n'),
]


@pytest.mark.parametrize("entry", WRONG)
def test_a_translation_that_would_break_the_page_is_left_out(tmp_path: Path, entry: str) -> None:
    locales, mistakes = with_folder(_folder(tmp_path, de=entry))
    assert len(mistakes) == 1
    assert mistakes[0].startswith(f"{tmp_path}/de/LC_MESSAGES/valetkey.po: ")
    html = render_in(SAMPLES["sign-in"], locale=locales["de"])
    assert html == render_in(SAMPLES["sign-in"], locale=LOCALES["de"])


UNREADABLE = [
    row("A115", "no catalog", "de", "this is no catalog"),
    row("A115", "no language", "x_y!", 'msgid "Privacy"\nmsgstr "x"\n'),
]


@pytest.mark.parametrize("tag,text", UNREADABLE)
def test_a_catalog_that_cannot_be_read_is_left_out(tmp_path: Path, tag: str, text: str) -> None:
    locales, mistakes = with_folder(_folder(tmp_path, **{tag: text}))
    assert len(mistakes) == 1
    assert [*locales] == [*LOCALES]


# Dates, numbers and money.

NEW_YEAR = 1_798_758_000
"""2026-12-31 23:00 UTC."""

WRITTEN = [
    row("i18n", "English", "en", "", "31 December 2026, 23:00 UTC", "1,234.50", "€12.50"),
    row(
        "i18n",
        "German, at home",
        "de",
        "Europe/Berlin",
        "1. Januar 2027, 00:00 MEZ",
        "1.234,50",
        "12,50\xa0€",
    ),
    row(
        "i18n",
        "French",
        "fr",
        "Europe/Paris",
        "1 janvier 2027, 00:00 UTC+01:00",
        "1\u202f234,50",
        "12,50\xa0€",
    ),
    row(
        "i18n",
        "Spanish",
        "es",
        "America/Lima",
        "31 de diciembre de 2026, 18:00 GMT-05:00",
        "1.234,50",
        "12,50\xa0€",
    ),
    row(
        "i18n",
        "a zone that is none",
        "en",
        "../etc/passwd",
        "31 December 2026, 23:00 UTC",
        "1,234.50",
        "€12.50",
    ),
    row(
        "i18n",
        "a language that is none",
        "xx",
        "",
        "31 December 2026, 23:00 UTC",
        "1,234.50",
        "€12.50",
    ),
]


@pytest.mark.parametrize("tag,zone,moment,number,money", WRITTEN)
def test_dates_numbers_and_money(
    tag: str, zone: str, moment: str, number: str, *, money: str
) -> None:
    language = filters(tag)
    with in_zone(zone):
        assert language["moment"](NEW_YEAR) == moment
        assert language["day"](NEW_YEAR) == moment.partition(", ")[0]
    assert language["iso"](NEW_YEAR) == "2026-12-31T23:00:00Z"
    assert language["number"]("1234.50") == number
    assert language["amount"]("12.50 EUR") == money
    assert language["amount"]("12 messages") == "12 messages"
    assert language["amount"]("many") == "many"
