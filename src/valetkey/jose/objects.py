"""JSON objects from strangers: one reading, or none."""

import json
from typing import Any


def read_object(raw: bytes | str) -> dict[str, Any]:
    """The JSON object in `raw`, in which no member stands twice (RFC 7515 4).

    Raises ValueError for anything else, NaN and bottomless nesting included.
    """
    # RFC 8259 8.1: UTF-8 without a byte order mark; json.loads would guess others from bytes.
    text = raw if isinstance(raw, str) else raw.decode()
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
