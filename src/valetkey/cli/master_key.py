"""The master key, which opens the keys in the database and is never in it."""

import os
from pathlib import Path
from typing import Final

from valetkey.cli.context import Failed, Wrong
from valetkey.jose import base64url
from valetkey.server.model.secret import Secret
from valetkey.server.settings import Settings
from valetkey.server.settings.checks import MASTER_KEY, why_not_key
from valetkey.server.store.database import PostgresURL
from valetkey.server.store.keyring import DamagedKey, WrongMasterKey, ensure_keys, read_keys
from valetkey.server.store.port import Store

SHARED: Final = (
    "every node of a PostgreSQL needs the same one, so make it once and give it to each: "
    """python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"""
)
"""Why no key is made here, and how to make one."""

DAMAGED: Final = "bring the database back from a backup (valetkey db restore)"
"""What to do about it."""


async def open_keys(settings: Settings, store: Store) -> bytes:
    """The master key, once it is known to open the keys in the database; both are made where
    there are none. Raises Wrong, Failed."""
    master = await master_key(settings, store)
    try:
        await ensure_keys(store, master)
    except DamagedKey as error:
        raise Failed(f"{settings.database}: {error}; {DAMAGED}") from error
    except WrongMasterKey as error:
        source = "VALETKEY_MASTER_KEY" if settings.master_key else str(settings.key_file)
        raise Wrong(f"{error}: {source} does not belong to {settings.database}") from error
    return master


async def master_key(settings: Settings, store: Store) -> bytes:
    """32 bytes from the environment, or from the key file, which is made beside an SQLite file that
    has no keys yet. Raises Wrong where the file is missing, wide open or no key; Failed where it
    cannot be made."""
    file = settings.key_file
    if settings.master_key is not None or file is None or file.exists():
        return given(settings)
    if await read_keys(store):
        raise Wrong(
            f"the master key {file} is missing, and the keys in {settings.database} open with "
            "nothing else: bring it back, or name it by VALETKEY_MASTER_KEY_FILE"
        )
    if isinstance(settings.database.at, PostgresURL):
        raise Wrong(f"the master key {file} is missing: {SHARED}")
    return _make(file)


def given(settings: Settings) -> bytes:
    """32 bytes from the environment, or from the key file as it is. Raises Wrong."""
    if settings.master_key is not None:
        return base64url.decode(settings.master_key.reveal())
    if settings.key_file is None or not settings.key_file.exists():
        raise Wrong(f"the master key {settings.key_file or ''} is missing")
    return read(settings.key_file)


def read(file: Path) -> bytes:
    """The key in a file. Raises Wrong where the file is wide open or no key."""
    why = why_not(file)
    if why:
        raise Wrong(f"the master key {file} {why}")
    return base64url.decode(file.read_text("ascii").strip())


def why_not(file: Path) -> str:
    """Why this file will not do as a master key, with how to mend it; or ""."""
    try:
        mode = file.stat().st_mode & 0o777
        if mode & 0o077:
            return f"may be read by others (mode {mode:04o}): chmod 600 {file}"
        why = why_not_key(Secret(file.read_text("ascii").strip()))
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        why = "is not text"
    return f"{why}; it should hold 32 bytes in base64url, 43 characters" if why else ""


def _make(file: Path) -> bytes:
    raw = os.urandom(MASTER_KEY)
    try:
        # Never over another's: of two processes that start together one wins, the other reads.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read(file)
    except OSError as error:
        raise Failed(f"the master key {file} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "w") as text:
            text.write(base64url.encode(raw) + "\n")
            text.flush()
            # What is sealed by the key must not outlive it: neither the file nor its name may be
            # lost.
            os.fsync(text.fileno())
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        file.unlink()  # Half a key would be in the way of a whole one.
        raise Failed(f"the master key {file} cannot be written: {error.strerror}") from error
    return raw
