"""Options of a command from the struct that an operation reads, and tables from what it answers."""

import re
from collections.abc import Mapping
from typing import Any, Final

import click
import msgspec

from valetkey.cli.output.errors import InvalidUsage
from valetkey.cli.output.formats import cell, columns, items

PAGING: Final = frozenset({"limit", "cursor"})
"""Parameters of lists, which the command line handles itself."""

SECRETS: Final = frozenset({"password"})
"""Fields that no option takes: they are read from a file, stdin or a prompt."""

NAMES: Final = frozenset({"scope", "required"})
"""Lists of names without spaces, which one option may give together: "openid chirps.read"."""

COLUMNS: Final = 6
"""Columns of a table of a list; a wide table has all."""


class FieldOption(msgspec.Struct, frozen=True):
    """A field of a struct, by its JSON Schema. `required`: it has no default."""

    name: str
    schema: Mapping[str, Any]
    required: bool

    @property
    def parameter(self) -> str:
        """The name of the option's value in click."""
        return f"field_{self.name}"

    @property
    def kind(self) -> str:
        """The type of the field in JSON Schema, "" for several."""
        return str(self.schema.get("type", ""))

    @property
    def example(self) -> str:
        """The option with a value, for an example."""
        name = f"--{self.name.replace('_', '-')}"
        choices = self._choices(self.schema) or self._choices(self.schema.get("items", {}))
        match self.kind:
            case "boolean":
                return name
            case "integer":
                return f"{name} {self.schema.get('minimum', 1)}"
            case "object":
                return f"{name} a=b" if self._is_flat else f"{name} '{{}}'"
            case _:
                return f"{name} {choices[0] if choices else 'chirps.read'}"

    def option(self) -> click.Option:
        """The option. A value that is not given is None or ()."""
        help_text = str(self.schema.get("description", ""))
        names = [f"--{self.name.replace('_', '-')}"]
        if self.kind in {"array", "object"} and re.search("[^s]s$", self.name):
            # What can be repeated reads better in the singular.
            names.insert(0, names[0].removesuffix("s"))
        if self.kind == "boolean":
            names = [f"{names[0]}/--no-{names[0].removeprefix('--')}"]
        attributes: dict[str, Any] = {"help": help_text, "required": self.required}
        return click.Option([*names, self.parameter], **attributes, **self._value())

    def _value(self) -> dict[str, Any]:
        match self.kind:
            case "boolean":
                return {"default": None}
            case "integer":
                low, high = self.schema.get("minimum"), self.schema.get("maximum")
                return {"type": click.IntRange(low, high)}
            case "array" if self._choices(self.schema.get("items", {})):
                choices = self._choices(self.schema["items"])
                return {"multiple": True, "type": click.Choice(choices)}
            case "array" if self.schema.get("items", {}).get("type") == "string":
                return {"multiple": True}
            case "object" if "additionalProperties" in self.schema and self._is_flat:
                return {"multiple": True, "metavar": "NAME=VALUE"}
            case "array" | "object" | "":
                choices = self._choices(self.schema)
                return {"type": click.Choice(choices)} if choices else {"metavar": "JSON"}
            case _:
                choices = self._choices(self.schema)
                return {"type": click.Choice(choices)} if choices else {}

    @property
    def _is_flat(self) -> bool:
        inner = self.schema.get("additionalProperties")
        return isinstance(inner, Mapping) and inner.get("type") == "string"

    @staticmethod
    def _choices(schema: Mapping[str, Any]) -> list[str]:
        return [str(one) for one in schema.get("enum", ()) if one != ""]

    def read(self, value: Any) -> Any:
        """The field's value, as JSON has it. Raises InvalidUsage."""
        if self.name in NAMES:
            return [one for text in value for one in text.split()]
        attributes = self._value()
        if attributes.get("metavar") == "NAME=VALUE":
            return dict(self._pair(one) for one in value)
        if attributes.get("metavar") == "JSON":
            try:
                return msgspec.json.decode(value)
            except msgspec.DecodeError as error:
                raise InvalidUsage(f"--{self.name}: is not JSON: {error}") from error
        return list(value) if isinstance(value, tuple) else value

    def _pair(self, text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidUsage(f"--{self.name} {text!r} is not NAME=VALUE")
        return name, value


def fields_of(kind: type[msgspec.Struct]) -> list[FieldOption]:
    """The fields of a struct, without those of paging and those that are secret."""
    schema = msgspec.json.schema(kind)
    definitions = schema.get("$defs", {})
    own = _resolved(schema, definitions)
    required = set(own.get("required", ()))
    return [
        FieldOption(name, _resolved(one, definitions), name in required)
        for name, one in own.get("properties", {}).items()
        if name not in PAGING | SECRETS
    ]


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, with what it refers to; of alternatives, the only one that is not null."""
    resolved = dict(schema)
    if reference := resolved.pop("$ref", ""):
        resolved = {**definitions[reference.rpartition("/")[2]], **resolved}
    some = [one for one in resolved.get("anyOf", ()) if one.get("type") != "null"]
    if len(some) == 1:
        resolved = {
            **_resolved(some[0], definitions),
            **{k: v for k, v in resolved.items() if k != "anyOf"},
        }
    if isinstance(resolved.get("items"), Mapping):
        resolved["items"] = _resolved(resolved["items"], definitions)
    return resolved


def values_of(fields: list[FieldOption], values: Mapping[str, Any]) -> dict[str, Any]:
    """What the options say, by field. Raises InvalidUsage."""
    return {
        one.name: one.read(value)
        for one in fields
        if (value := values.get(one.parameter)) is not None and value != ()
    }


def table(document: Any, response: type[msgspec.Struct] | None) -> str:
    """The answer of an operation for people."""
    if document is None or response is None:
        return "done"
    if isinstance(document, Mapping) and isinstance(document.get("items"), list | tuple):
        rows = [one for one in items(document) if isinstance(one, Mapping)]
        header = list(dict.fromkeys(name for one in rows for name in one))
        header = [one for one in header if not _is_nested(rows, one)][:COLUMNS]
        body = [tuple(cell(one.get(name), name=name, most=200) for name in header) for one in rows]
        return columns([one.replace("_", " ") for one in header], body) or "nothing"
    if isinstance(document, Mapping):
        pairs = [
            (name.replace("_", " "), cell(one, name=name, most=200))
            for name, one in document.items()
        ]
        return columns(("field", "value"), pairs)
    return cell(document, most=10_000)


def _is_nested(rows: list[Mapping[str, Any]], name: str) -> bool:
    return any(isinstance(one.get(name), Mapping) for one in rows)
