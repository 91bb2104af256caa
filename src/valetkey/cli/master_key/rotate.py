"""`valetkey key rotate-master`: another master key, while servers run."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import sleep
from typing import Final

import click

from valetkey.cli.context import CommandContext
from valetkey.cli.master_key.file import (
    existing_master_key,
    open_keys,
    read,
    words_of,
    wrapped,
)
from valetkey.cli.options import Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.secrets import sync_names, write_private
from valetkey.jose import base64url, seal
from valetkey.server.custody.key_service import KeyServiceError, KeyServiceTerms
from valetkey.server.settings import Settings
from valetkey.server.settings.master_key import MASTER_KEY
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.master_key import MasterKeys, read_sealed, reseal
from valetkey.server.store.port import Store

NEW: Final = ".new"
"""The suffix of the file that replaces a master key's file."""

SETTLED: Final = 5.0
"""Seconds after which every server that runs seals with the new key: each reads the keys anew every
second, and commits within a few."""

SET_BOTH: Final = (
    "VALETKEY_MASTER_KEY has one key: set it on every node to a new one, a space, and this one; "
    "then run the command again. A new key: "
    """python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"""
)

COPY: Final = (
    "{file} has a new master key before the old one. Copy it to every node of the database, so "
    "that each accepts both keys; then run the command again"
)


@click.command(name="rotate-master", cls=Command)
@click.option("--drop-old", is_flag=True, help="Delete the old master key, once nothing needs it.")
@click.pass_obj
def rotate_master(command: CommandContext, *, drop_old: bool) -> None:
    """Replace the master key, while servers run.

    The key's file gets a new key before the old one, and both open; where a key service is set, it
    wraps the new one. Everything that the old key sealed is then sealed with the new one, in one
    commit. With PostgreSQL, the command stops in between, so that you can copy the file to every
    node. If the command is interrupted, run it again.

    --drop-old removes the old key from the file. It refuses while the database has anything that
    only the old key opens, and looks twice, some seconds apart. A backup from before needs the old
    key: keep it with the backup.
    """
    settings = command.settings()
    masters = existing_master_key(settings)
    if drop_old:
        _drop_old(command, settings, masters)
        return
    command.run(lambda store: open_keys(settings, store))
    if len(masters.keys) == 1:
        file = _file(settings)
        masters = _prepend(file, settings.key_service.terms)
        if isinstance(settings.database.at, PostgresURL):
            document = {"status": "prepared", "file": str(file)}
            command.show(document, COPY.format(file=file))
            return
    changed, total = command.run(lambda store: _reseal(store, masters))
    command.show(
        {"status": "resealed", "changed": changed, "total": total},
        f"{changed} of {total} keys were sealed again; the new master key opens all of them\n"
        "Delete the old one when all servers have the new one: "
        "valetkey key rotate-master --drop-old",
    )


def _file(settings: Settings) -> Path:
    if settings.master_key is not None or settings.key_file is None:
        raise InvalidUsage(SET_BOTH)
    return settings.key_file


async def _reseal(store: Store, masters: MasterKeys) -> tuple[int, int]:
    try:
        return await reseal(store, masters)
    except seal.BadSeal as error:
        raise Failed(f"neither master key opens a key in the database: {error}") from error


def _drop_old(command: CommandContext, settings: Settings, masters: MasterKeys) -> None:
    if len(masters.keys) == 1:
        raise Failed("there is no old master key")

    async def count(store: Store) -> tuple[int, int]:
        records = await read_sealed(store)
        return sum(not masters.is_newest(one) for one in records), len(records)

    old, total = command.run(count)
    if old:
        raise Failed(
            f"{old} of {total} keys are still sealed with the old master key: run "
            "`valetkey key rotate-master` first"
        )
    if settings.master_key is not None:
        text = "nothing needs the old master key: leave only the first key in VALETKEY_MASTER_KEY"
        command.show({"status": "unneeded", "total": total}, text)
        return
    file = _file(settings)
    # A server may make one more key before it learns of the new master key.
    sleep(SETTLED)
    command.run(lambda store: _reseal(store, masters))
    with locked(file):
        replace(file, words_of(file, settings.key_service.terms)[:1])
    text = f"{file} has only the new master key; copy it to every node"
    command.show({"status": "dropped", "total": total}, text)


def _prepend(file: Path, terms: KeyServiceTerms | None) -> MasterKeys:
    """Put a new key before the one in the file. Another process may have done so just now."""
    raw = os.urandom(MASTER_KEY)
    try:
        new = base64url.encode(raw) if terms is None else wrapped(raw, terms)
    except KeyServiceError as error:
        raise Failed(f"a new master key cannot be wrapped: {error}") from error
    with locked(file):
        words = words_of(file, terms)
        if len(words) == 1:
            replace(file, [new, *words])
    return read(file, terms)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Only one process at a time changes the file."""
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def replace(file: Path, words: Sequence[str]) -> None:
    """Replace the file, atomically, with the same owner and mode. Raises Failed."""
    new = file.with_name(file.name + NEW)
    try:
        new.unlink(missing_ok=True)  # Of a process that was killed.
        write_private(new, "".join(f"{word}\n" for word in words))
        before = file.stat()
        if (before.st_uid, before.st_gid) != (new.stat().st_uid, new.stat().st_gid):
            os.chown(new, before.st_uid, before.st_gid)
        new.chmod(before.st_mode & 0o777)
        new.replace(file)
        sync_names(file.parent)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Failed(
            f"the master key {file} cannot be changed here ({error.strerror}): change it where it "
            "comes from. While it is replaced, it has two lines: the new key, then the old one"
        ) from error
