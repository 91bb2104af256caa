"""What every test may use."""

import pytest

pytest_plugins = ["tests.conformance.results"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--budget long`: the promises are put to the test for longer."""
    parser.addoption("--budget", choices=("short", "long"), default="short")
    parser.addoption("--piece", default="1/1", help="of the long budget, such as 3/10")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio, so the tests do."""
    return "asyncio"
