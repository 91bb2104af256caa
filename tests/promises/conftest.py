"""How long the promises are put to the test, on which databases, and what was measured."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest
from tests.postgres import MISSING

Budget: TypeAlias = Literal["short", "long"]
Figure: TypeAlias = Callable[[str, object], None]

HERE: Final = Path(__file__).parent
TIMEOUT: Final[dict[Budget, int]] = {"short": 900, "long": 6 * 3600}
"""Seconds for one test."""

FIGURES: Final = Path(__file__).parents[2] / "build" / "promises.jsonl"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """They may take their time: what they start is slow on a machine that is busy with others."""
    limit = pytest.mark.timeout(TIMEOUT[config.getoption("budget")])
    for one in items:
        if one.path.is_relative_to(HERE):
            one.add_marker(limit)


@pytest.fixture(scope="session")
def budget(request: pytest.FixtureRequest) -> Budget:
    """How long."""
    chosen: Budget = request.config.getoption("budget")
    return chosen


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """On which database."""
    name: str = request.param
    if name == "postgres" and MISSING:
        pytest.skip(MISSING)
    return name


@pytest.fixture
def figure(request: pytest.FixtureRequest, budget: Budget) -> Figure:
    """Keeps a figure that was measured, in `build/promises.jsonl` and in the test's report."""

    def keep(what: str, value: object) -> None:
        request.node.user_properties.append((what, value))
        FIGURES.parent.mkdir(exist_ok=True)
        with FIGURES.open("a") as file:
            file.write(json.dumps([request.node.name, budget, what, value]) + "\n")

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows the figures."""
    passed = terminalreporter.getreports("passed")
    rows = [
        (one.nodeid, *pair) for one in passed if one.when == "call" for pair in one.user_properties
    ]
    if rows:
        terminalreporter.section("figures")
    for name, what, value in rows:
        terminalreporter.line(f"{name.rpartition('::')[2]}: {what} {value}")
