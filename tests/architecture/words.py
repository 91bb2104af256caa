"""Words that this code and its pages do without (docs/contributing: names and prose).

python -m tests.architecture.words [src/valetkey/FOLDER]    what is left of them, a line each
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src/valetkey"

PARTICIPLES: Final = frozenset(
    [
        "told",
        "asked",
        "held",
        "kept",
        "said",
        "shown",
        "brought",
        "wanted",
        "given",
        "taken",
        "known",
        "found",
        "left",
        "gone",
        "made",
        "done",
        "sent",
        "seen",
        "named",
        "meant",
        "understood",
        "heard",
        "handed",
        "offered",
        "owed",
        "bound",
        "lent",
        "drawn",
        "spoken",
    ]
)
"""No names: they say neither what a thing is nor what a function does."""

PRIVATE: Final = frozenset(
    [
        "amiss",
        "telling",
        "worth",
        "purse",
        "hand",
        "hands",
        "slip",
        "slips",
        "desk",
        "pieces",
        "joining",
        "individual",
        "elsewhere",
        "keeper",
        "leftovers",
        "halves",
        "patience",
        "gathering",
        "visit",
        "wishes",
        "wish",
    ]
)
"""Words of our own, for which the field has others: see the glossary."""

BANNED: Final = PARTICIPLES | PRIVATE

LINES: Final = 3
"""A local variable that lives for no more lines may be called anything."""

PHRASES: Final = (
    r"so many (?:seconds|minutes|bytes|rows)",
    r"of lately",
    r"\bwhoever\b",
    r"\bwhomever\b",
    r"\bnothing of\b",
    r"\bstands? twice\b",
    r"\bput off\b",
    r"it was asked wrongly",
    r"\bbrings? (?:it|them) about\b",
    r"where it has none",
    r"\bhas none of\b",
    r"\bis told (?:of|that|what|when|why|how)\b",
    r"\bare told (?:of|that|what|when|why|how)\b",
    r"\bit was said\b",
    r"\bwhat (?:rings|does not)\b",
    r"\bnot a (?:soul|word)\b",
    r"\bin whose\b",
    r"\bat the wish of\b",
    r"\ba hand on\b",
    r"\bhand(?:s|ed)? on\b",
    r"\bmends?\b",
    r"\bmended\b",
    r"\blook at it\b",
    r"\bthe valet\b(?! key)",
)
"""What nobody says. Plain modern English has another way for each."""

PHRASE: Final = re.compile("|".join(PHRASES), re.IGNORECASE)


def names(path: Path) -> Iterator[tuple[int, str, str]]:
    """Banned names in a source file: line, kind and name."""
    tree = ast.parse(path.read_text("utf-8"))
    if _is(path.stem):
        yield 1, "module", path.stem
    for kind, name, line in _bound(tree):
        if _is(name):
            yield line, kind, name
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _locals(node)


def _bound(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """What a module defines for longer than a moment: kind, name and line."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name, body=body):
                yield "class", name, node.lineno
                yield from (("field", *one) for one in _assigned(body))
            case ast.FunctionDef(name=name, args=args) | ast.AsyncFunctionDef(name=name, args=args):
                yield "function", name, node.lineno
                for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs):
                    yield "parameter", arg.arg, arg.lineno
            case _:
                pass
    yield from (("constant", *one) for one in _assigned(tree.body))


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    for node in body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name, node.lineno
            case _:
                pass


def _is(name: str) -> bool:
    return name.strip("_").lower() in BANNED


def _locals(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[tuple[int, str, str]]:
    lines: dict[str, list[int]] = {}
    stored: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and _is(node.id):
            lines.setdefault(node.id, []).append(node.lineno)
            if isinstance(node.ctx, ast.Store):
                stored.add(node.id)
    for name in sorted(stored):
        if max(lines[name]) - min(lines[name]) >= LINES:
            yield min(lines[name]), "variable", name


def phrases(path: Path) -> Iterator[tuple[int, str, str]]:
    """Banned phrases in a text, or in the comments and docstrings of a source file."""
    text = path.read_text("utf-8")
    for found in PHRASE.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, "phrase", found[0]


def main(places: list[str]) -> None:
    roots = [Path(place).resolve() for place in places] or [SOURCE, ROOT / "docs"]
    for root in roots:
        files = [root] if root.is_file() else sorted(root.rglob("*"))
        for path in files:
            if path.suffix == ".py":
                for line, kind, name in names(path):
                    print(f"{path.relative_to(ROOT)}:{line}: {kind} {name}")
            if path.suffix in {".py", ".md", ".html", ".po"}:
                for line, kind, name in phrases(path):
                    print(f"{path.relative_to(ROOT)}:{line}: {kind} {name!r}")


if __name__ == "__main__":
    main(sys.argv[1:])
