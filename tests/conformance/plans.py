"""What certification demands: the plans of the OpenID Foundation's suite, module by module.

A plan's modules are in the suite's order. What is left out says why, in the table as well.
"""

from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "conformance"
"""Where the outcome of the last run stands, a file for each plan."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan: its name in the suite, its modules by testName, and why some are left out."""

    title: str
    modules: tuple[str, ...]
    left_out: dict[str, str] = {}


def names(prefix: str, text: str) -> tuple[str, ...]:
    """Test names, without their common prefix and with white space between them."""
    return tuple(prefix + name for name in text.split())


PLANS: Final[dict[str, Plan]] = {
    "config": Plan(
        title="OpenID Connect Core: Config OP",
        modules=names("oidcc-", "discovery-endpoint-verification"),
    ),
}
"""The plans, by the name of their file. Each of their modules has its test here."""
