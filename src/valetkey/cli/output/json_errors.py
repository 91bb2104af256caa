"""Errors as JSON, for programs that asked for JSON."""

from collections.abc import Mapping, Sequence
from typing import IO, Any

import click
import msgspec

from valetkey.cli.output.formats import MACHINE


def wants_json(words: Sequence[str]) -> bool:
    """Whether the words of a command line ask for JSON. They need not be a valid command."""
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if word == "--":
            return False
        if word == "--json" or name == "--jq":
            return True
        if name in {"-o", "--output-format"}:
            value = value if equals else "".join(words[at + 1 : at + 2])
        elif word.startswith("-o"):
            value = word.removeprefix("-o")
        else:
            continue
        if value in MACHINE:
            return True
    return False


class JSONError(click.ClickException):
    """An error that is printed as `{"type", "detail", "exit_status"}` and further members.

    `type` is stable: "usage", "aborted", "failed", or what the failure says, such as "not-found".
    """

    def __init__(
        self, kind: str, detail: str, *, status: int, more: Mapping[str, Any] = {}
    ) -> None:
        super().__init__(detail)
        vars(self)["exit_code"] = status  # click declares it for the class
        self.document = {"type": kind, "detail": detail, "exit_status": status, **more}

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(msgspec.json.encode(self.document, enc_hook=str), file=file, err=file is None)


def as_json(error: click.ClickException | click.Abort) -> JSONError:
    """The same error, as JSON."""
    if isinstance(error, JSONError):
        return error
    if isinstance(error, click.Abort):
        return JSONError("aborted", "nothing was done", status=1)
    usage = error.exit_code == 2
    kind = getattr(error, "type", "") or ("usage" if usage else "failed")
    more = getattr(error, "members", {})
    return JSONError(kind, error.format_message(), status=error.exit_code, more=more)
