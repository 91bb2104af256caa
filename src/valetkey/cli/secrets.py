"""Secrets come by prompt, by file or by stdin; never as an argument, which others can read."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from valetkey.cli.context import Desk, Wrong, wrong
from valetkey.server.accounts import password
from valetkey.server.model.secret import Secret
from valetkey.wire import opaque

BYTES: Final = 32
"""Random bytes of a secret that is made here."""


def make_secret() -> str:
    """A new secret for a client or a resource server, to be shown once."""
    return opaque.write("cs", os.urandom(BYTES))


def make_invitation() -> str:
    """A new initial access token, to be shown once."""
    return opaque.write("iat", os.urandom(BYTES))


def read_secret(file: Path) -> Secret:
    """The secret in a file, without the line end. Raises OSError, ValueError."""
    return Secret(file.read_text("utf-8").removesuffix("\n").removesuffix("\r"))


def read_password(*, file: Path | None, stdin: bool) -> Secret:
    """A new password, from where the line says. Raises Wrong."""
    chosen = _given(file=file, stdin=stdin)
    mistakes = password.mistakes(chosen)
    if mistakes:
        raise wrong("the password will not do", mistakes)
    return chosen


def _given(*, file: Path | None, stdin: bool) -> Secret:
    if file is not None and stdin:
        raise Wrong("--password-file and --password-stdin: only one of them")
    if file is not None:
        try:
            return read_secret(file)
        except (OSError, ValueError) as error:
            raise Wrong(f"--password-file {file}: {error}") from error
    if stdin:
        return Secret(sys.stdin.readline().removesuffix("\n").removesuffix("\r"))
    if not sys.stdin.isatty():
        raise Wrong("where nobody can be asked, give --password-file or --password-stdin")
    return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def show_secret(desk: Desk, document: dict[str, str], secret: str, *, sealed: bool = False) -> None:
    """What was registered, with its secret where it has one: this once."""
    if secret:
        document = document | {"client_secret": secret}
        kept = "it is kept sealed by the master key" if sealed else "only its digest is kept"
        desk.say(f"The secret is shown this once; {kept}.")
    desk.show(document, "\n".join(f"{name}  {value}" for name, value in document.items()))
