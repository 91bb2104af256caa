"""Statistics for people: a row for each period, and what each number was in all."""

from collections.abc import Mapping
from typing import Any, Final

from valetkey.cli.output.formats import columns, format_time
from valetkey.server.model.statistic import DELAY, REFUSED, SIGN_IN, TOKENS

GROUPS: Final = (
    ("tokens", TOKENS),
    ("refused", REFUSED),
    ("sign-ins", SIGN_IN),
    ("consents", "consent.allowed"),
    ("denied", "consent.denied"),
    ("users", "users"),
    ("apps", "apps"),
)
"""The columns, and with what the names of their numbers begin."""


def sum_of(numbers: Mapping[str, int], prefix: str) -> int:
    """The sum of the numbers whose names begin so; a prefix without a dot at its end is a whole
    name."""
    if not prefix.endswith("."):
        return numbers.get(prefix, 0)
    return sum(number for name, number in numbers.items() if name.startswith(prefix))


def statistics_table(document: Mapping[str, Any]) -> str:
    """The answer of `statistics.show`."""
    header = ("from", *(name for name, _ in GROUPS))
    rows = [
        (format_time(one["at"]), *(f"{sum_of(one['numbers'], of):,}" for _, of in GROUPS))
        for one in document["points"]
        if one["numbers"]
    ]
    totals = [(name, f"{number:,}") for name, number in sorted(document["totals"].items())]
    parts = (columns(header, rows), columns(("number", "total"), totals))
    return "\n\n".join(filter(None, parts)) or "nothing was counted"


def delays(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """How many changes reached the APIs within how many milliseconds, the quickest first."""
    counts = {
        name.removeprefix(DELAY): of for name, of in numbers.items() if name.startswith(DELAY)
    }
    return sorted(counts.items(), key=lambda one: int(one[0]) if one[0].isdecimal() else 1 << 40)
