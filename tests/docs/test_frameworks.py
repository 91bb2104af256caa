"""The page on frameworks shows the programs that the tests run, and no others."""

import re

import pytest
from tests.docs.markdown import ROOT, read
from tests.resource.serving import COMMANDS

PAGE = ROOT / "docs" / "howto" / "frameworks.md"
EXAMPLES = sorted((ROOT / "examples").glob("api-*/*.py"))


def test_every_example_is_shown_and_every_one_shown_is_there() -> None:
    shown = {
        (PAGE.parent / one).resolve() for one in re.findall(r"\{literalinclude\} (\S+)", read(PAGE))
    }
    assert shown == {*EXAMPLES, ROOT / "examples" / "catalog.toml"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_every_example_is_run(example: str) -> None:
    name = str(example).rpartition("/api_")[2].removesuffix(".py")
    assert name in COMMANDS
