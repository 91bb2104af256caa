"""What every test may use."""

import gc
import os
import time
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from tests import further

# How long an example takes says something of the machine, not of the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

pytest_plugins = ["tests.conformance.results"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--budget long`: the promises are put to the test for longer."""
    parser.addoption("--budget", choices=("short", "long"), default="short")
    parser.addoption("--piece", default="1/1", help="of the long budget, such as 3/10")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected stays: Python need not look through all of it for garbage again and again,
    which took a third of the collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before pytest itself takes out what `-m` does not name."""
    further.mark(items, whole=config.args_source is pytest.Config.ArgsSource.TESTPATHS)


END: Final = float(os.environ.get("TESTS_END_AT", "inf"))
"""Seconds since 1970 after which no test begins: `.ci/run` has an hour."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before fixtures are set up."""
    if time.time() > END:
        pytest.skip("the time for these tests is over")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio, so the tests do."""
    return "asyncio"
