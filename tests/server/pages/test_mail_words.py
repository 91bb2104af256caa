"""Mails of every kind, in English and German: the text says what the HTML says, and nothing is left
in another language."""

import re
from typing import Any, Final

import pytest
from tests.mail_server import text
from tests.server.http.test_smtp import LOOK, STYLE
from tests.server.pages.document import Document

from valetkey.server.accounts.notices import FACTS, NOTICE_KINDS, CodeMail, Letter
from valetkey.server.pages.mail import CODES, compose

FACT: Final = {
    "address": "203.0.113.0/24",
    "device": "Firefox on Linux",
    "factor": "authenticator",
    "name": "Red phone",
    "left": "7",
    "new_email": "new@example.org",
    "ends": "1800090000",
    "at": "1800900000",
    "failures": "100",
}
CODE: Final = CodeMail("WDJB-MJHT", "https://id.chirp.example/x?code=WDJBMJHT")
ENGLISH: Final = re.compile(r"\b(the|your|and|on|with|authenticator)\b", re.IGNORECASE)


def mail(kind: Any, language: str) -> Any:
    facts = {name: FACT[name] for name in FACTS.get(kind, ()) if name in FACT}
    letter = Letter(
        id="n",
        kind=kind,
        to="miko@chirp.example",
        at=1_800_000_000,
        language=language,
        zone="Europe/Berlin",
        name="Miko",
        app="stefApp",
        vetted=True,
        facts=facts,
        secrets=CODE if kind in CODES else CodeMail(),
        expires=1_800_000_900 if kind in CODES else 0,
    )
    return compose(letter, LOOK, STYLE)


@pytest.mark.parametrize("kind", [*NOTICE_KINDS, *sorted(CODES), "test"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_text_and_html_say_the_same(kind: str, language: str) -> None:
    made = mail(kind, language)
    plain, page = text(made), Document(text(made, "html")).one("body").text
    lines = [one.strip(" -=") for one in plain.replace("\u2019", "'").splitlines()]
    for line in filter(None, lines):
        if not line.startswith("https://"):
            # A link is a line of its own, and a fact has a colon between its cells.
            assert all(one in page for one in re.split(r": |:$", line)), line
    assert made["subject"].replace("\u2019", "'") in page
    if language == "de":
        assert ENGLISH.search(plain.replace(" in ", "")) is None, plain


def test_facts_are_in_the_language_of_the_mail() -> None:
    body = text(mail("factor_added", "de"))
    assert "Gerät: Firefox auf Linux" in body
    assert "Anmeldemöglichkeit: Authentifizierungs-App" in body


@pytest.mark.parametrize("kind", ["deletion_requested", "deletion_soon"])
def test_who_changes_their_mind_finds_the_way(kind: str) -> None:
    assert "https://id.chirp.example/restore" in text(mail(kind, "en"))
