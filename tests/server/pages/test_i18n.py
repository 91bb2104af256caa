"""The languages of the pages."""

import re
from importlib.resources import files

import pytest

from valetkey.server.model.resource import IDENTITY
from valetkey.server.pages.render import (
    LOCALES,
    Direction,
    Locale,
    choose,
    environment,
    messages,
    translations,
)

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
    pairs = messages(po.read_text(encoding="utf-8"))
    return {tuple(key.split("\0")): tuple(pairs[key].split("\0")) for key in pairs if key}


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_catalog_has_the_messages_of_the_pages_and_no_others(tag: str) -> None:
    assert set(in_catalog(tag)) == in_templates()


@pytest.mark.parametrize("tag", TRANSLATED)
def test_the_servers_own_permissions_speak_every_language(tag: str) -> None:
    assert [one.id for one in IDENTITY if tag not in one.words] == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_translation_keeps_placeholders_and_markup(tag: str) -> None:
    for originals, translated in in_catalog(tag).items():
        assert len(translated) == len(originals), originals
        wanted = sorted(PLACEHOLDER.findall(originals[-1]))
        for text in translated:
            assert text.strip() == text != "", originals
            assert sorted(PLACEHOLDER.findall(text)) == wanted, text


def test_plural_forms_follow_the_header() -> None:
    polish = translations(
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
"""
    )
    forms = [polish.ngettext("%(n)s key", "%(n)s keys", n) for n in (1, 3, 5, 12, 22)]
    assert forms == ["%(n)s klucz", "%(n)s klucze", "%(n)s kluczy", "%(n)s kluczy", "%(n)s klucze"]
    assert polish.gettext('say "yes"') == "powiedz „tak”"
    assert polish.gettext("not there") == "not there"


CHOICES = {
    "the first that is there": (("fr", "de", "en"), "de"),
    "a region falls back to its language": (("de-AT",), "de"),
    "case does not count": (("DE-at",), "de"),
    "a script and a region": (("de-Latn-CH",), "de"),
    "a wish for a region of a missing language": (("fr-CA", "en-GB"), "en"),
    "none of them": (("fr", "nl"), "en"),
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
