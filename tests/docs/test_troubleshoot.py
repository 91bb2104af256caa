"""The texts that the troubleshooting page quotes are those that the code prints."""

import ast
import re
from functools import cache
from typing import Final

import pytest
from tests.docs.markdown import ROOT, read

PAGE: Final = ROOT / "docs" / "howto" / "troubleshoot.md"
QUOTED: Final = [
    quoted
    for row in re.findall(r"^\| (.+?) \|", read(PAGE), re.MULTILINE)
    for quoted in re.findall(r"`([^`]+)`", row)
    if " " in quoted
]


@cache
def texts() -> str:
    """Every text in the source."""
    return "\n".join(
        node.value
        for file in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize("quoted", QUOTED)
def test_the_code_prints_it(quoted: str) -> None:
    parts = [part.strip() for part in quoted.split("…")]
    assert all(part in texts() for part in parts if len(part) > 1)
