"""Options and results of the promise tests: budgets, databases, measurements."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import pytest
from tests.postgres import MISSING

Budget: TypeAlias = Literal["short", "long"]
Figure: TypeAlias = Callable[[str, object], None]

TIMEOUT: Final[dict[Budget, int]] = {"short": 900, "long": 6 * 3600}
"""Seconds for one test."""

FIGURES: Final = Path(__file__).parents[2] / "build" / "promises.jsonl"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """They may take their time: what they start is slow on a machine that is busy with others."""
    limit = pytest.mark.timeout(TIMEOUT[config.getoption("budget")])
    for one in items:
        if one.nodeid.startswith("tests/promises/"):  # A path would cost seconds for all tests.
            one.add_marker(limit)


@pytest.fixture(scope="session")
def budget(request: pytest.FixtureRequest) -> Budget:
    """How long."""
    chosen: Budget = request.config.getoption("budget")
    return chosen


class Piece(NamedTuple):
    """Which piece it is of how many: a long budget can be spent in several runs."""

    number: int = 1
    of: int = 1

    def share(self, whole: int) -> int:
        """How much of it falls to this piece; all pieces together make the whole."""
        return whole * self.number // self.of - whole * (self.number - 1) // self.of

    def members(self, whole: int) -> range:
        """Those of the first `whole` numbers that fall to this piece."""
        return range(self.number - 1, whole, self.of)


@pytest.fixture(scope="session")
def piece(request: pytest.FixtureRequest) -> Piece:
    """The piece that `--piece` names."""
    number, _, of = request.config.getoption("piece").partition("/")
    found = Piece(int(number), int(of))
    assert 1 <= found.number <= found.of, found
    return found


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
