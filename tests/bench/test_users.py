"""The bench of users, small: an import's memory does not grow with the file."""

from pathlib import Path

import pytest
from bench.users import import_users


@pytest.mark.slow
def test_the_memory_of_an_import_does_not_grow(tmp_path: Path) -> None:
    few, many = (
        import_users("keycloak", size, database=str(tmp_path / f"{size}.db"), folder=tmp_path)
        for size in (1000, 20_000)
    )
    assert (few["users"], many["users"]) == (1000, 20_000)
    # Twenty times as many users, in one JSON document of 12 megabytes.
    assert many["peak_mib"] < few["peak_mib"] + 12
