"""`valetkey key wrap-master` and `unwrap-master`: a key service keeps what opens the master key."""

from pathlib import Path
from typing import Final

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.master_key.file import make_master_key, opened, words_of, wrapped
from valetkey.cli.master_key.rotate import locked, replace
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.secrets import write_private
from valetkey.jose import base64url
from valetkey.server.custody.key_service import (
    NAMES,
    KeyServiceError,
    KeyServiceTerms,
    wrapped_by,
)
from valetkey.server.settings import Settings
from valetkey.server.settings.key_service import connect

WAS_PLAIN: Final = (
    "The key was readable here until now, and may be in backups: `valetkey key rotate-master` "
    "replaces it by one that never was"
)


@click.command(name="wrap-master", cls=Command)
@click.option("--new", is_flag=True, help="Create a master key, for a new database.")
@click.pass_obj
def wrap_master(command: CommandContext, *, new: bool) -> None:
    """Wrap the master key with the key service of the settings.

    The key's file then has what only the key service can unwrap. The key comes from the file, or
    from VALETKEY_MASTER_KEY; unset the variable afterwards. A key that the service has wrapped
    already is wrapped again, with the newest version of the service's key. Servers that run go on.
    """
    settings, file, terms = _of(command)
    try:
        if new:
            make_master_key(file, terms)
            was_plain = False
        else:
            was_plain = _wrap(settings, file, terms)
    except FileExistsError as error:
        raise Failed(f"the master key {file} already exists") from error
    except OSError as error:
        raise Failed(f"the master key {file} cannot be created: {error.strerror}") from error
    except KeyServiceError as error:
        raise Failed(f"the master key cannot be wrapped: {error}") from error
    if was_plain:
        command.note(WAS_PLAIN)
    command.show(
        {"status": "wrapped", "file": str(file), "by": terms.kind, "key": terms.key},
        f"{file} has the master key, wrapped by {NAMES[terms.kind]} ({terms.key})",
    )


@click.command(name="unwrap-master", cls=Command)
@click.pass_obj
def unwrap_master(command: CommandContext) -> None:
    """Write the unwrapped master key to its file, to use another key service, or none.

    Set or empty key_service.kind afterwards: a server does not start with a key that is not as the
    settings say.
    """
    _, file, terms = _of(command)
    try:
        with locked(file):
            words = words_of(file, terms)
            replace(file, [base64url.encode(opened(word, terms)) for word in words])
    except KeyServiceError as error:
        raise Failed(f"the master key {file} cannot be unwrapped: {error}") from error
    except OSError as error:
        raise Failed(f"the master key {file} cannot be read: {error.strerror}") from error
    document = {"status": "unwrapped", "file": str(file)}
    command.show(document, f"{file} has the master key, readable for all who can read the file")


def _of(command: CommandContext) -> tuple[Settings, Path, KeyServiceTerms]:
    settings = command.settings()
    if (terms := settings.key_service.terms) is None:
        raise InvalidUsage("no key service is set: set key_service.kind, and what it needs")
    if settings.key_file is None:
        raise InvalidUsage("name the file for the wrapped key in master_key_file")
    return settings, settings.key_file, terms


def _wrap(settings: Settings, file: Path, terms: KeyServiceTerms) -> bool:
    """Wrap the keys of the variable or the file. Return whether they were readable."""
    service = connect(terms)
    if settings.master_key is not None:
        words = settings.master_key.reveal().split()
        text = [wrapped(base64url.decode(word), terms, service) for word in words]
        write_private(file, "".join(f"{word}\n" for word in text))
        return True
    if not file.exists():
        raise InvalidUsage(f"the master key {file} is missing: --new creates one")
    with locked(file):
        is_plain = not any(map(wrapped_by, file.read_text("ascii", "replace").split()))
        words = words_of(file, None if is_plain else terms)
        keys = [opened(word, None if is_plain else terms) for word in words]
        replace(file, [wrapped(key, terms, service) for key in keys])
    return is_plain
