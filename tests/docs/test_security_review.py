"""The security review: each row says what is met and what is not, and names tests that exist."""

import ast
import re
from typing import Final

import pytest
from tests.docs.markdown import ROOT, read

PAGE: Final = ROOT / "docs/explanation/security-review.md"
ROWS: Final = re.split(r"^## Row ", read(PAGE), flags=re.MULTILINE)[1:]
REFERENCES: Final = sorted({*re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", read(PAGE))})


def test_there_are_fifteen_and_the_table_has_each() -> None:
    numbers = [int(row.partition(":")[0]) for row in ROWS]
    assert numbers == list(range(1, 16))
    table = [int(one) for one in re.findall(r"^\| \[(\d+)\]\(#row-\1-", read(PAGE), re.MULTILINE)]
    assert table == numbers


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.partition(":")[0])
def test_a_row_names_its_tests_and_a_guide(row: str) -> None:
    assert re.search(r"^Tests:", row, re.MULTILINE)
    assert re.search(r"`tests/", row.partition("Tests:")[2])
    assert "](" in row


@pytest.mark.parametrize(
    "file, name", REFERENCES, ids=["::".join(filter(None, one)) for one in REFERENCES]
)
def test_a_named_test_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    names = {
        one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert any(one.startswith("test_") for one in names)
    assert not name or name in names, f"{file} has no {name}"
