"""Reads secrets from a prompt, a file or stdin. Never from an argument, which other users can
see."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from valetkey.cli.context import CommandContext, InvalidUsage, invalid_usage
from valetkey.server.accounts import password
from valetkey.server.model.secret import Secret
from valetkey.wire import opaque

BYTES: Final = 32
"""The number of random bytes of a generated secret."""


def make_secret() -> str:
    """Generate a secret for a client or an API, to be displayed once."""
    return opaque.write("cs", os.urandom(BYTES))


def make_invitation() -> str:
    """Generate an initial access token, to be displayed once."""
    return opaque.write("iat", os.urandom(BYTES))


def read_secret(file: Path) -> Secret:
    """Read the secret in a file, without the line end. Raises OSError, ValueError."""
    return Secret(file.read_text("utf-8").removesuffix("\n").removesuffix("\r"))


def read_password(*, file: Path | None, stdin: bool) -> Secret:
    """Read a new password from the chosen source. Raises InvalidUsage."""
    chosen = _choose_source(file=file, stdin=stdin)
    mistakes = password.mistakes(chosen)
    if mistakes:
        raise invalid_usage("the password is not accepted", mistakes)
    return chosen


def _choose_source(*, file: Path | None, stdin: bool) -> Secret:
    if file is not None and stdin:
        raise InvalidUsage("--password-file and --password-stdin: only one of them")
    if file is not None:
        try:
            return read_secret(file)
        except (OSError, ValueError) as error:
            raise InvalidUsage(f"--password-file {file}: {error}") from error
    if stdin:
        return Secret(sys.stdin.readline().removesuffix("\n").removesuffix("\r"))
    if not sys.stdin.isatty():
        raise InvalidUsage("without a terminal, use --password-file or --password-stdin")
    return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def show_secret(
    command: CommandContext, document: dict[str, str], secret: str, *, sealed: bool = False
) -> None:
    """Print what was registered, with its secret if it has one. The secret is displayed only
    once."""
    if secret:
        document = document | {"client_secret": secret}
        storage = "it is stored sealed" if sealed else "only its digest is stored"
        command.note(f"The secret is displayed only once; {storage}.")
    command.show(document, "\n".join(f"{name}  {value}" for name, value in document.items()))
