"""The pages on frameworks and on tests show the programs that are run, and no others."""

import re
from pathlib import Path

import pytest
from tests.docs.markdown import ROOT, read
from tests.resource.serving import COMMANDS

HOWTO = ROOT / "docs" / "howto"
EXAMPLES = sorted((ROOT / "examples").glob("api-*/api_*.py"))
TESTS = sorted((ROOT / "examples").glob("api-*/test_*.py"))


def shown(page: str) -> set[Path]:
    found = re.findall(r"\{literalinclude\} (\S+)", read(HOWTO / page))
    return {(HOWTO / one).resolve() for one in found}


def test_every_example_is_shown_and_every_one_shown_is_there() -> None:
    assert shown("frameworks.md") == {*EXAMPLES, ROOT / "examples" / "catalog.toml"}
    assert shown("test-an-api.md") == {*TESTS}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_every_example_is_run(example: Path) -> None:
    name = str(example).rpartition("/api_")[2].removesuffix(".py")
    assert name in COMMANDS


def test_every_host_with_the_server_in_it_is_shown() -> None:
    hosts = {*(ROOT / "examples").glob("embedded-*/embedded_*.py")}
    assert len(hosts) == 3
    assert shown("embed.md") == hosts
