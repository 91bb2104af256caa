"""Each row of the protocol's part of the attacks has its test, found by its name."""

from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]

ROWS: Final = (
    *(f"a{number:02}" for number in range(1, 63)),
    "a92",
    "a94",
    "a95",
    "a98",
    "a100",
    "a102",
    "a103",
    "a108",
)

ELSEWHERE: Final = {
    "a20": "tests/client/test_mix_up.py",
    "a21": "tests/client/test_mix_up.py",
    "a44": "tests/attacks/test_a47_parameters_outside.py",
    "a45": "tests/attacks/test_a59_forged_jwts.py",
    "a46": "tests/attacks/test_a47_parameters_outside.py",
    "a55": "tests/attacks/test_a54_documents_of_others.py",
    "a60": "tests/attacks/test_a59_forged_jwts.py",
    "a61": "tests/attacks/test_a59_forged_jwts.py",
    "a94": "tests/promises/test_storm.py",
    "a98": "tests/server/http/test_waiting_room.py",
}
"""Rows that are tried together with another, or of which an app of ours is the one attacked."""


@pytest.mark.parametrize("name", ROWS)
def test_it_has_its_test(name: str) -> None:
    own = sorted(HERE.glob(f"test_{name}_*.py"))
    files = own or [ROOT / ELSEWHERE[name]]
    for file in files:
        assert name.upper() in file.read_text("utf-8"), f"{file.name} does not name its row"
