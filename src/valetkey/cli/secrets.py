"""Reads secrets from a prompt, a file or stdin. Never from an argument, which other users can
see.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from valetkey.cli.context import CommandContext, Failed, InvalidUsage, invalid_usage
from valetkey.jose import base64url
from valetkey.server.accounts.password_policy import explain
from valetkey.server.http.new_passwords import NewPasswords
from valetkey.server.model.keys import Secret
from valetkey.server.settings import Settings
from valetkey.server.settings.checks import why_not_private
from valetkey.server.settings.master_key import MASTER_KEY, why_not_key
from valetkey.server.settings.passkeys import why_not_domain
from valetkey.server.store.database import PostgresURL
from valetkey.server.store.keyring import DamagedKey, WrongMasterKey, ensure_keys, read_keys
from valetkey.server.store.master_key import MasterKeys
from valetkey.server.store.port import Store
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


def read_password(
    rules: NewPasswords, *, file: Path | None, stdin: bool, about: Iterable[str] = ()
) -> Secret:
    """Read a new password from the chosen source. `about` are the names of its user. Raises
    InvalidUsage."""
    chosen = _choose_source(file=file, stdin=stdin)
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


# The master key. It opens the keys in the database, and is never stored there.

SHARED: Final = (
    "all nodes of a PostgreSQL database need the same one: create it once, and copy it to each: "
    """python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"""
)
"""Why no key is created automatically, and how to create one."""

DAMAGED: Final = "restore the database from a backup (valetkey db restore)"
"""What to do about damaged keys."""


async def open_keys(settings: Settings, store: Store) -> MasterKeys:
    """Read the master key, and check that it opens the keys in the database. Creates both if there
    are none. Raises InvalidUsage, Failed."""
    master = await master_key(settings, store)
    try:
        await ensure_keys(store, master)
    except DamagedKey as error:
        raise Failed(f"{settings.database}: {error}; {DAMAGED}") from error
    except WrongMasterKey as error:
        source = "VALETKEY_MASTER_KEY" if settings.master_key else str(settings.key_file)
        raise InvalidUsage(f"{error}: {source} does not belong to {settings.database}") from error
    return master


async def open_installation(settings: Settings, store: Store) -> MasterKeys:
    """Read the master key as `open_keys` does, for a server that starts. Raises InvalidUsage,
    Failed: also if the passkeys in the database would stop working."""
    master = await open_keys(settings, store)
    has_passkeys = settings.sign_in.password and settings.accounts.passkeys
    if has_passkeys and (why := await why_not_domain(store, settings.relying_party)):
        raise InvalidUsage(why)
    return master


async def master_key(settings: Settings, store: Store) -> MasterKeys:
    """Read 32 bytes from the environment, or from the key file, which is created beside an SQLite
    file that has no keys yet. Raises InvalidUsage if the file is missing, readable by others, or no
    key; Failed if it cannot be created."""
    file = settings.key_file
    if settings.master_key is not None or file is None or file.exists():
        return existing_master_key(settings)
    if await read_keys(store):
        raise InvalidUsage(
            f"the master key {file} is missing, and only it opens the keys in "
            f"{settings.database}: bring it back, or name it in VALETKEY_MASTER_KEY_FILE"
        )
    if isinstance(settings.database.at, PostgresURL):
        raise InvalidUsage(f"the master key {file} is missing: {SHARED}")
    return _make(file)


def existing_master_key(settings: Settings) -> MasterKeys:
    """Read the master key from the environment or the key file. Creates nothing. Raises
    InvalidUsage."""
    if settings.master_key is not None:
        return MasterKeys(*_decoded(settings.master_key.reveal()))
    if settings.key_file is None or not settings.key_file.exists():
        raise InvalidUsage(f"the master key {settings.key_file or ''} is missing")
    return read(settings.key_file)


def read(file: Path) -> MasterKeys:
    """Read the key in a file, or the two of a replacement. Raises InvalidUsage if the file is
    readable by others, or has no key."""
    why = why_not(file)
    if why:
        raise InvalidUsage(f"the master key {file} {why}")
    return MasterKeys(*_decoded(file.read_text("ascii")), read_again=lambda: _read_again(file))


def _read_again(file: Path) -> tuple[bytes, ...]:
    try:
        return read(file).keys
    except (InvalidUsage, OSError, ValueError):
        return ()


def _decoded(text: str) -> tuple[bytes, ...]:
    return tuple(base64url.decode(word) for word in text.split())


def why_not(file: Path) -> str:
    """Return why this file is no master key, and how to fix it; "" if it is one."""
    try:
        if why := why_not_private(file):
            return why
        why = why_not_key(Secret(file.read_text("ascii").strip()))
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        why = "is not text"
    return f"{why}; it should hold 32 bytes in base64url, 43 characters" if why else ""


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


def make_master_key(file: Path) -> bytes:
    """Create the master key's file. Raises FileExistsError, OSError."""
    raw = os.urandom(MASTER_KEY)
    write_private(file, base64url.encode(raw) + "\n")
    return raw


def _make(file: Path) -> MasterKeys:
    try:
        # Of two processes that start together, one creates the key, the other reads it.
        make_master_key(file)
    except FileExistsError:
        pass
    except OSError as error:
        raise Failed(f"the master key {file} cannot be created: {error.strerror}") from error
    return read(file)
