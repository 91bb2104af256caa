"""Reads secrets from a prompt, a file or stdin. Never from an argument, which other users can
see.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from valetkey.cli.output.errors import InvalidUsage, invalid_usage
from valetkey.server.accounts.password_policy import explain
from valetkey.server.http.new_passwords import NewPasswords
from valetkey.server.model.keys import Secret
from valetkey.server.settings import Settings
from valetkey.wire import opaque

if TYPE_CHECKING:
    from valetkey.cli.context import CommandContext

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


def read_password(
    rules: NewPasswords, *, file: Path | None, stdin: bool, about: Iterable[str] = ()
) -> Secret:
    """Read a new password from the chosen source. `about` are the names of its user. Raises
    InvalidUsage."""
    chosen = read_new_password(file=file, stdin=stdin)
    if why := asyncio.run(why_not_password(rules, chosen, about=about)):
        raise invalid_usage("the password is not accepted", [why])
    return chosen


async def why_not_password(
    rules: NewPasswords, secret: Secret, *, about: Iterable[str] = ()
) -> str:
    """Why a new password is not accepted, or ""."""
    problem = await rules.problem(secret, about=about)
    return "" if problem is None else explain(problem, rules.policy)


def password_rules(settings: Settings) -> NewPasswords:
    """The rules for new passwords. Breaches are asked about where the settings say so."""
    # Imported here, because it imports the whole server.
    from valetkey.server.settings.outside import fetcher  # noqa: PLC0415
    from valetkey.server.settings.sign_in import new_passwords  # noqa: PLC0415

    return new_passwords(settings, fetcher(settings))


def read_new_password(*, file: Path | None, stdin: bool) -> Secret:
    """Read a password from the chosen source, without judging it. Raises InvalidUsage."""
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
    command: "CommandContext", document: dict[str, str], secret: str, *, sealed: bool = False
) -> None:
    """Print what was registered, with its secret if it has one. The secret is displayed only
    once."""
    if secret:
        document = document | {"client_secret": secret}
        storage = "it is stored sealed" if sealed else "only its digest is stored"
        command.note(f"The secret is displayed only once; {storage}.")
    command.show(document, "\n".join(f"{name}  {value}" for name, value in document.items()))


def write_private(file: Path, text: str) -> None:
    """Write a new file that only its owner can read. Raises FileExistsError, OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            # Make the file and its name durable before anything depends on it.
            os.fsync(out.fileno())
        sync_names(file.parent)
    except OSError:
        file.unlink()  # A partial secret would block the creation of a whole one.
        raise


def sync_names(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
