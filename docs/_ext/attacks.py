"""The attacks that the tests play, from the docstrings of the tests."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
TESTS: Final = ROOT / "tests"
SOURCE: Final = ROOT / "src" / "valetkey"

_ROW: Final = re.compile(
    r"^(?P<numbers>A\d+(?:, A\d+)*): (?P<title>.+?)\.\n\n"
    r"Attack: (?P<attack>.+?)\nDefense: (?P<defense>.+?)(?=\n\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_CITED: Final = re.compile(r"ATTACKS[\s\"]+(A\d+(?:, A\d+)*)")


class Row(NamedTuple):
    """An attack, its defense, and the file with its tests. The first of the numbers is its own."""

    numbers: tuple[str, ...]
    title: str
    attack: str
    defense: str
    file: str
    tests: int


def rows() -> list[Row]:
    """Every attack that a test's docstring describes, by number, then by file."""
    described = (row for file in sorted(TESTS.rglob("test_*.py")) for row in _rows(file))
    return sorted(described, key=lambda row: (int(row.numbers[0][1:]), row.file))


def cited() -> dict[str, list[str]]:
    """The files of the source that cite each number."""
    files_by_number: dict[str, list[str]] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        for match in _CITED.finditer(file.read_text("utf-8")):
            for number in match[1].split(", "):
                files_by_number.setdefault(number, []).append(file.relative_to(SOURCE).as_posix())
    return {number: sorted({*files}) for number, files in files_by_number.items()}


def attacks() -> str:
    """A section for each number: the attack, the defense, the tests, and the code."""
    by_number: dict[str, list[Row]] = {}
    for row in rows():
        by_number.setdefault(row.numbers[0], []).append(row)
    where = cited()
    return "\n\n".join(
        _section(number, rows, where.get(number, [])) for number, rows in by_number.items()
    )


def _section(number: str, rows: list[Row], files: list[str]) -> str:
    first = rows[0]
    parts = [f"({number.lower()})=\n## {number}: {first.title}"]
    for row in rows:
        if row is not first:
            parts.append(f"**{row.title[:1].upper()}{row.title[1:]}**")
        parts += [f"Attack: {row.attack}", f"Defense: {row.defense}"]
        others = ", ".join(row.numbers[1:])
        also = f" They also cover {others}." if others else ""
        noun = "test" if row.tests == 1 else "tests"
        parts.append(f"Shown by {row.tests} {noun} in `{row.file}`.{also}")
    if files:
        parts.append(f"Cited in {', '.join(f'`{file}`' for file in files)}.")
    return "\n\n".join(parts)


def _rows(file: Path) -> Iterator[Row]:
    text = file.read_text("utf-8")
    if "\nAttack: " not in text:
        return
    tree = ast.parse(text)
    tests = sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        for node in tree.body
    )
    for match in _ROW.finditer(ast.get_docstring(tree) or ""):
        numbers = tuple(match["numbers"].split(", "))
        title, attack, defense = (" ".join(match[name].split()) for name in _TEXTS)
        path = file.relative_to(ROOT).as_posix()
        yield Row(numbers, title, attack, defense, path, tests)


_TEXTS: Final = ("title", "attack", "defense")
