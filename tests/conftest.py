"""What every test may use."""

import gc
from collections.abc import Iterator

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


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio, so the tests do."""
    return "asyncio"
