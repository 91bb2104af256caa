"""The tests of a plan once more, for another kind of client."""

from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any


def taken_over(
    plain: ModuleType, here: Mapping[str, Any], *, without: Collection[str] = ()
) -> dict[str, Any]:
    """The tests of that file, and the fixtures that they stand on, but for those which are `here`
    anew, or which such a client goes without."""
    return {
        name: value
        for name, value in vars(plain).items()
        if (name.startswith("test_") or "pytest_fixture" in repr(value))
        and name not in here
        and name not in without
    }
