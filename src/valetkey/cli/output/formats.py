"""How answers are printed: as a table, or as JSON, JSON lines or YAML, perhaps filtered with jq."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Literal, TypeAlias, get_args

import click
import msgspec

OutputFormat: TypeAlias = Literal["table", "wide", "json", "jsonl", "yaml"]

FORMATS: Final[tuple[OutputFormat, ...]] = get_args(OutputFormat)
MACHINE: Final[frozenset[str]] = frozenset({"json", "jsonl", "yaml"})
"""The formats for programs."""

CELL: Final = 60
"""Characters of a cell of a wide table that are shown."""


TIMES: Final = frozenset(
    {
        *("at", "began", "changed", "created", "due", "expires", "last_seen", "last_used"),
        *("old_until", "since", "unused_since", "until", "used"),
    }
)
"""The names of fields that are times. Such a number is in seconds since 1970, in milliseconds in
the audit log, and 0 for never."""

SECONDS: Final = range(10**9, 10**10)
MILLISECONDS: Final = range(10**12, 10**13)
"""Numbers that are times after 2001."""


class CannotPrint(Exception):
    """The answer cannot be printed in this way. The text says why."""


def render(document: object, text: str, *, form: OutputFormat, jq: str = "") -> str:
    """The answer as text. `document` is anything that msgspec can encode; `text` is the same for
    people. Raises CannotPrint."""
    if jq:
        return _filtered(document, jq)
    match form:
        case "table":
            return text
        case "wide":
            return wide(plain(document))
        case "json":
            return json_text(document)
        case "jsonl":
            return "\n".join(msgspec.json.encode(one).decode() for one in items(plain(document)))
        case "yaml":
            return _yaml(document)


def check(form: OutputFormat, jq: str) -> None:
    """Raises CannotPrint if nothing could be printed like this."""
    if jq:
        _program(jq)
    elif form == "yaml":
        _yaml({})


def json_text(document: object) -> str:
    """The document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2).decode()


def plain(document: object) -> Any:
    """The document as dictionaries, lists, texts and numbers."""
    return msgspec.to_builtins(document, enc_hook=str, str_keys=True)


def items(document: Any) -> Sequence[Any]:
    """The elements of a list, or of a page of one (`{"items": […]}`); else the document alone."""
    if isinstance(document, Mapping) and isinstance(document.get("items"), list | tuple):
        document = document["items"]
    return document if isinstance(document, list | tuple) else (document,)


def wide(document: Any) -> str:
    """A table of every field: a row for each element of a list, or for each field of one record."""
    rows = [one if isinstance(one, Mapping) else {"value": one} for one in items(document)]
    if len(rows) == 1 and document is rows[0]:
        return columns(
            ("field", "value"), [(name, cell(rows[0][name], name=name)) for name in rows[0]]
        )
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    return columns(
        header, [tuple(cell(row.get(name), name=name) for name in header) for row in rows]
    )


def cell(value: Any, *, name: str = "", most: int = CELL) -> str:
    """A value in one line of a table. `name` is that of its field."""
    if value is None or (isinstance(value, str | list | tuple | dict) and not value):
        return "-"
    if name in TIMES and isinstance(value, int) and not isinstance(value, bool):
        return _time_cell(value)
    match value:
        case bool():
            return "yes" if value else "no"
        case Mapping():
            text = "; ".join(f"{of}: {cell(one, name=of)}" for of, one in value.items())
        case list() | tuple():
            between = ", " if any(isinstance(one, Mapping) for one in value) else " "
            text = between.join(cell(one) for one in value)
        case _:
            text = str(value)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _time_cell(value: int) -> str:
    if value in MILLISECONDS:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(value // 1000))
    return format_time(value) if value in SECONDS else str(value or "-")


def _yaml(document: object) -> str:
    try:
        return msgspec.yaml.encode(plain(document)).decode().rstrip("\n")
    except ImportError as error:
        raise CannotPrint("-o yaml needs PyYAML: install valetkey[cli]") from error


def _filtered(document: object, expression: str) -> str:
    """What the filter yields, a line each. Texts are printed as they are."""
    try:
        results = _program(expression).input_value(plain(document)).all()
    except ValueError as error:
        raise CannotPrint(f"--jq {expression}: {error}") from error
    return "\n".join(
        one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in results
    )


def _program(expression: str) -> Any:
    try:
        return import_module("jq").compile(expression)
    except ImportError as error:
        raise CannotPrint("--jq needs the module jq: install valetkey[cli]") from error
    except ValueError as error:
        raise CannotPrint(f"--jq {expression}: {error}") from error


def write(text: str) -> None:
    """Print on stdout: a page at a time if that is a terminal which is too small for the text."""
    if not text:
        return
    if sys.stdout.isatty() and text.count("\n") + 2 > shutil.get_terminal_size().lines:
        # What `less` gets if the user sets nothing: colors, and no wait for a short text.
        os.environ.setdefault("LESS", "-FRSX")
        click.echo_via_pager(text + "\n")
    else:
        click.echo(text)


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format rows as aligned text under a header; "" if there are none."""
    body = [tuple(row) for row in rows]
    if not body:
        return ""
    widths = [max(len(row[at]) for row in (header, *body)) for at in range(len(header))]
    lines = [_line(row, widths) for row in body]
    return "\n".join((click.style(_line(header, widths), bold=True), *lines))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def format_time(seconds: int) -> str:
    """Format a time (seconds since 1970) for people; "" for 0."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else ""


def fields(record: msgspec.Struct, *, hide: Iterable[str] = ()) -> dict[str, Any]:
    """A record as a document: every field except those to hide."""
    hidden = {"version", *hide}
    names = zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)
    return {encoded: getattr(record, name) for name, encoded in names if encoded not in hidden}
