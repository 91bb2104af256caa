"""The pages as their source has them: headings, links, and blocks of code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))

_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
_SPAN: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A block of code, and the line on which it begins."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def read(page: Path) -> str:
    """The page's source."""
    return page.read_text("utf-8")


def blocks(*languages: str) -> list[Block]:
    """Every block in one of the languages, on every page."""
    return [one for page in PAGES for one in _blocks(page) if one.language in languages]


def commands() -> list[Block]:
    """Every line of a shell block, and every code span, that runs `make` or `valetkey`."""
    lines = [
        one._replace(line=one.line + number, text=line)
        for one in blocks("sh", "console")
        for number, line in enumerate(one.text.splitlines(), 1)
    ]
    spans = [
        Block(page, read(page).count("\n", 0, match.start()) + 1, "", match[1])
        for page in PAGES
        for match in _SPAN.finditer(read(page))
    ]
    return [one for one in (*lines, *spans) if one.text.split()[:1] in (["make"], ["valetkey"])]


def links(page: Path) -> list[str]:
    """Where its links and pictures lead."""
    return [text or tag for text, tag in _LINK.findall(_prose(page))]


def anchors(page: Path) -> set[str]:
    """The names of its headings in an address."""
    return {_slug(heading) for heading in _HEADING.findall(_prose(page))}


def _blocks(page: Path) -> Iterator[Block]:
    text = read(page)
    for match in _BLOCK.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def _prose(page: Path) -> str:
    return _BLOCK.sub("", read(page))


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
