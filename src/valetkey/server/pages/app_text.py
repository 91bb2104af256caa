"""Clean text that an app supplied."""

import unicodedata
from collections.abc import Iterator

# Letters that look like nothing: the Hangul fillers and the blank Braille pattern.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_MARKS = 3  # enough for any orthography; more would climb over the lines above


def plain(text: str, limit: int) -> str:
    """``text`` as one visible line of at most ``limit`` characters, with ``…`` where it was cut.
    Control, format (bidi among them), private, unassigned and invisible characters are removed.
    Spaces and line ends become one space, and a letter keeps at most three marks. The result may be
    empty. UAX 9, 2; UTS 39, 3."""
    line = "".join(_visible(unicodedata.normalize("NFC", text))).strip()
    if len(line) <= limit:
        return line
    end = limit - 1
    while end and unicodedata.combining(line[end]):
        end -= 1
    return line[:end].rstrip() + "…"


def _visible(text: str) -> Iterator[str]:
    marks, spaced = 0, True
    for char in text:
        category = unicodedata.category(char)
        space = category.startswith("Z") or char in "\t\n\v\f\r\x85"
        if not space and (category.startswith("C") or char in _BLANK):
            continue
        marks = marks + 1 if category.startswith("M") else 0
        if marks > _MARKS or (space and spaced):
            continue
        spaced = space
        yield " " if space else char
