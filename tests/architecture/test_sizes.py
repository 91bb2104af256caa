"""The tree stays legible: few files, none of them long."""

import ast
from pathlib import Path
from statistics import median

SOURCE = Path(__file__).parents[2] / "src/valetkey"
LINES = {
    path.relative_to(SOURCE).as_posix(): len(path.read_text("utf-8").splitlines())
    for path in SOURCE.rglob("*.py")
}


def test_no_file_is_long() -> None:
    assert {name: lines for name, lines in LINES.items() if lines > 350} == {}


def test_files_are_few_and_even() -> None:
    assert len(LINES) < 400
    assert median(LINES.values()) < 140


def _layer(path: Path) -> str:
    parts = path.relative_to(SOURCE).parts
    return "/".join(parts[: 2 if parts[0] == "server" else 1])


ONE_FOR_EACH_FRAMEWORK = {("client", "KeyAuth"), ("resource", "Needs"), ("resource", "Refusal")}
"""The same name in each framework's module, where its users look for it."""


def test_a_class_name_stands_for_one_class_in_a_layer() -> None:
    made: dict[tuple[str, str], list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                made.setdefault((_layer(path), node.name), []).append(path.name)
    assert {one: places for one, places in made.items() if len(places) > 1}.keys() == (
        ONE_FOR_EACH_FRAMEWORK
    )
