"""`valetkey locale`."""

from pathlib import Path

from tests.cli.line import Line

from valetkey.server.pages.locales import with_folder

FILE = Path("own") / "it" / "LC_MESSAGES" / "valetkey.po"


def test_a_new_language_from_the_first_text_to_the_pages(line: Line) -> None:
    text = line.ok("locale", "new", "it", "own")
    whole = int(text.split()[1])
    assert text == f"wrote {whole} texts to {FILE}\n"
    assert line.ok("locale", "check", "own") == f"it: 0 of {whole} texts\n"
    file = line.folder / FILE
    po = file.read_text()
    privacy = 'msgid "Privacy"\nmsgstr "{}"'
    file.write_text(po.replace(privacy.format(""), privacy.format("Riservatezza")))
    assert line.ok("locale", "check", "own") == f"it: 1 of {whole} texts\n"
    locales, _ = with_folder(line.folder / "own")
    assert locales["it"].translations.gettext("Privacy") == "Riservatezza"
    assert "exists" in line.fails("locale", "new", "it", "own", status=1)


def test_what_is_translated_already_is_in_the_new_catalog(line: Line) -> None:
    whole = int(line.ok("locale", "new", "de", "own").split()[1])
    assert line.ok("locale", "check", "own") == f"de: {whole} of {whole} texts\n"


def test_mistakes_are_named(line: Line) -> None:
    place = line.folder / "own" / "de" / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "valetkey.po").write_text('msgid "Sign in to %(site)s"\nmsgstr "Anmelden"\n')
    why = line.fails("locale", "check", "own", status=1)
    assert '"Sign in to %(site)s": keep %(site)s' in why
    assert "no language" in line.fails("locale", "new", "../x", "own", status=2)
    assert "language" in line.fails("locale", "new", "xx", "own", status=2)
