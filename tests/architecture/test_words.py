"""Names and pages use plain words; what is left of the old ones in prose may only shrink."""

from collections import Counter
from pathlib import Path

from tests.architecture.words import ROOT, SOURCE, names, phrases

LEFT: dict[str, int] = {}
"""Banned phrases that a folder still has. Lower a number when you can; never raise one."""

STAYS = {
    "src/valetkey/resource/blocking.py: parameter shown",  # the old name of `sender_proof`
    "src/valetkey/resource/server.py: parameter shown",
    "src/valetkey/server/model/client.py: field bound",  # names that operators write
    "src/valetkey/server/model/policy.py: field bound",
    "src/valetkey/server/model/policy.py: field elsewhere",
}
"""Names of an interface: they change with it."""

PAGES = SOURCE / "server/pages"


def _prose() -> list[Path]:
    docs = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    return [*SOURCE.rglob("*.py"), *(one for one in docs if "build" not in one.parts)]


def test_no_name_is_banned() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {kind} {name}"
        for path in sorted(SOURCE.rglob("*.py"))
        for _, kind, name in names(path)
    }
    assert found == STAYS


def test_no_page_has_a_banned_phrase() -> None:
    texts = [*PAGES.rglob("*.html"), *PAGES.rglob("*.po")]
    assert len(texts) > 20
    assert {str(path): list(phrases(path)) for path in texts if list(phrases(path))} == {}


def test_banned_phrases_only_shrink() -> None:
    found: Counter[str] = Counter()
    for path in _prose():
        count = sum(1 for _ in phrases(path))
        if count:
            found["/".join(path.relative_to(ROOT).parts[:-1]) or path.name] += count
    assert dict(found) == LEFT


def test_a_banned_name_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "told.py"
    source.write_text(
        "class Kept:\n    said: int\n\n\ndef asked(held: int) -> int:\n"
        "    found = held\n    a = 1\n    b = 2\n    return found\n\n\nGIVEN = 1\n"
    )
    assert {(kind, name) for _, kind, name in names(source)} == {
        ("module", "told"),
        ("class", "Kept"),
        ("field", "said"),
        ("function", "asked"),
        ("parameter", "held"),
        ("variable", "found"),
        ("constant", "GIVEN"),
    }


def test_a_banned_phrase_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Fine.\nWhoever asks is told why.\n")
    assert [(line, text) for line, _, text in phrases(page)] == [
        (2, "Whoever"),
        (2, "is told why"),
    ]
