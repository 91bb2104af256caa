"""The sample of each kind of record sets every field, so that the tests of the stores see each.

A field that has its default is not stored. A sample that leaves it out shows nothing about it.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from tests.rows import row
from tests.server.store.samples import FULL

FIXED: Final = {"version", "Epoch.name", "PasskeyDomain.name"}
"""The store writes the version. These have one record, of that name."""


def structs(value: Any) -> Iterator[msgspec.Struct]:
    """The records and structures in a value, itself too."""
    if isinstance(value, msgspec.Struct):
        yield value
        for one in msgspec.structs.astuple(value):
            yield from structs(one)
    elif isinstance(value, dict):
        yield from structs(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from structs(one)


def by_kind() -> dict[type[msgspec.Struct], list[msgspec.Struct]]:
    found = defaultdict(list)
    for one in structs(FULL):
        found[type(one)].append(one)
    return found


def default(field: msgspec.structs.FieldInfo) -> Any:
    """What the field has where nothing sets it."""
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


@pytest.mark.parametrize(
    "kind, samples", [row("port", kind.__name__, kind, found) for kind, found in by_kind().items()]
)
def test_a_sample_sets_every_field(
    kind: type[msgspec.Struct], samples: list[msgspec.Struct]
) -> None:
    left = [
        field.name
        for field in msgspec.structs.fields(kind)
        if not field.required
        and not FIXED & {field.name, f"{kind.__name__}.{field.name}"}
        and all(getattr(one, field.name) == default(field) for one in samples)
    ]
    assert left == [], (
        f"no {kind.__name__} in FULL of tests/server/store/samples.py sets {left}: give each a "
        "value other than its default there, so that the stores are tested with it"
    )
