"""The errors of commands, as a person or a program reads them."""

from collections.abc import Iterable
from typing import Any

import click


class Failed(click.ClickException):
    """The command failed. `type` is for programs: a stable word, such as "not-found"; `members` are
    further members of the error as JSON."""

    exit_code = 1

    def __init__(self, message: str, *, type: str = "failed", **members: Any) -> None:  # noqa: A002
        super().__init__(message)
        self.type = type
        self.members = members


class InvalidUsage(click.ClickException):
    """Usage error: options, settings or a file are wrong."""

    exit_code = 2


def invalid_usage(what: str, mistakes: Iterable[str]) -> InvalidUsage:
    """One error that lists all mistakes."""
    return InvalidUsage("\n  - ".join((f"{what}:", *mistakes)))
