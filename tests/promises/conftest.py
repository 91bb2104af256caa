"""How long the promises are put to the test."""

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One game by default, which chance may vary by its seed; many in the long budget."""
    if "seed" in metafunc.fixturenames:
        games = 10 if metafunc.config.getoption("budget") == "long" else 1
        metafunc.parametrize("seed", range(games))
