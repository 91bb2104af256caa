"""The tree stays legible as it grows: even files, none long, few tiny, no crowded folder."""

import ast
from collections import Counter
from pathlib import Path, PurePosixPath
from statistics import median

SOURCE = Path(__file__).parents[2] / "src/valetkey"
LINES = {
    path.relative_to(SOURCE).as_posix(): len(path.read_text("utf-8").splitlines())
    for path in SOURCE.rglob("*.py")
}
MODULES = {
    name: lines
    for name, lines in LINES.items()
    if PurePosixPath(name).name not in ("__init__.py", "__main__.py") and "/samples/" not in name
}
"""What has a subject of its own: not a package's first line, not a program's start, no samples."""


def test_no_file_is_long() -> None:
    assert {name: lines for name, lines in LINES.items() if lines > 350} == {}


def test_files_are_even() -> None:
    assert 100 <= median(MODULES.values()) < 170


def test_few_modules_are_tiny() -> None:
    tiny = [name for name, lines in MODULES.items() if lines < 40]
    assert len(tiny) < 0.05 * len(MODULES), tiny


def test_a_folder_is_read_at_a_glance() -> None:
    folders = Counter(PurePosixPath(name).parent.as_posix() for name in MODULES)
    assert {folder: count for folder, count in folders.items() if count > 42} == {}


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
