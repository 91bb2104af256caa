"""The settings for people and programs: descriptions, values without secrets, a JSON Schema."""

from typing import Any

import msgspec

from valetkey.server.settings.tree import LEAVES, SECRETS, Settings


def describe(name: str) -> str:
    """The description of a setting; it completes a sentence that begins with "it should be"."""
    return str(_leaf_schema(name)["description"])


def masked(settings: Settings) -> dict[str, Any]:
    """Every setting by its full name, as JSON values, with secrets masked."""
    return {name: _plain(name, settings) for name in LEAVES}


def _plain(name: str, settings: Settings) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    if name in SECRETS:
        return None if value is None else "(secret)"
    return msgspec.to_builtins(value, enc_hook=str)


def schema() -> dict[str, Any]:
    """The JSON Schema of `valetkey.toml`."""
    defaults = masked(Settings())
    whole = _object(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "valetkey"}
    )
    for name in LEAVES:
        if name in SECRETS:
            continue
        *tables, last = name.split(".")
        level = whole
        for table in tables:
            level = level["properties"].setdefault(table, _object({}))
        leaf = _leaf_schema(name) | {"default": defaults[name]}
        whole.setdefault("$defs", {}).update(leaf.pop("$defs", {}))
        level["properties"][last] = leaf
    for table in whole["$defs"].values():
        table["properties"].pop("client_secret", None)
    return whole


def _object(members: dict[str, Any]) -> dict[str, Any]:
    return members | {"type": "object", "additionalProperties": False, "properties": {}}


def _leaf_schema(name: str) -> dict[str, Any]:
    return msgspec.json.schema(LEAVES[name].type, schema_hook=lambda _: {"type": "string"})
