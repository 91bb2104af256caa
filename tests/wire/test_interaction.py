"""`x-fapi-interaction-id`: what is echoed, and what is made."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import row

from valetkey.wire.bearer import make, read

ONE = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"

VALUES = [
    row("6.2.1", "a UUID", ONE, ONE),
    row("6.2.1", "in other case", ONE.upper(), ONE.upper()),
    row("6.2.1", "of another version", ONE.replace("-4", "-7"), ONE.replace("-4", "-7")),
    row("6.2.1", "nothing", "", ""),
    row("6.2.1", "a line behind it", f"{ONE}\n", ""),
    row("6.2.1", "in braces", f"{{{ONE}}}", ""),
    row("6.2.1", "as a name", f"urn:uuid:{ONE}", ""),
    row("6.2.1", "other digits", ONE.replace("7", "\u0667"), ""),
    row("6.2.1", "without dashes", ONE.replace("-", ""), ""),
]


@pytest.mark.parametrize("value,answer", VALUES)
def test_what_is_echoed(value: str, answer: str) -> None:
    assert read(value) == answer


@given(st.binary(min_size=16, max_size=16))
def test_what_is_made_is_a_random_uuid(raw: bytes) -> None:
    made = make(raw)
    assert (str(UUID(made)), UUID(made).version) == (made, 4)
    assert read(made) == made
