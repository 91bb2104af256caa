"""Reads the table `[brand]` of declared state."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.server.model.brand import CURRENT
from valetkey.server.oauth.admin.apply_plan import DesiredRecord
from valetkey.server.settings.brand import FILES, DeclaredBrand, read_brand
from valetkey.server.settings.load import convert

FIELDS: Final = {field.name: field for field in msgspec.structs.fields(DeclaredBrand)}
_RECORD_FIELDS: Final = {file: name for name, file in FILES.items()}
"""The field of the record for each field of the table that names a file."""


def read_declared_brand(
    raw: Mapping[str, Any], *, base: Path
) -> tuple[DesiredRecord, tuple[str, ...]]:
    """The brand that a table declares, and every mistake in it. A file that is "" is none."""
    values: dict[str, Any] = {}
    mistakes = []
    for name, value in raw.items():
        try:
            values[name] = _converted(name, value, base)
        except ValueError as error:
            mistakes.append(f"[brand], {name}: {error}")
    source = read_brand(DeclaredBrand(**values))
    mistakes += (f"[brand], {name}: {why}" for name, why in source.mistakes)
    fields = {_RECORD_FIELDS.get(name, name) for name in values}
    desired = DesiredRecord(
        place="[brand]",
        kind="brand",
        key=CURRENT,
        fields={name: getattr(source.brand, name) for name in sorted(fields)},
        files=source.files,
    )
    return desired, tuple(mistakes)


def _converted(name: str, value: Any, base: Path) -> Any:
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        raise ValueError("is unknown here" + (f"; did you mean {near[0]}?" if near else ""))
    if value == "" and (name in _RECORD_FIELDS or name == "templates"):
        return None
    return convert(FIELDS[name].type, value, base=base)
