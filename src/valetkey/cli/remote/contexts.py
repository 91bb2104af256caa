"""Contexts: the servers that this user administers from here, each under a name.

They are in `contexts.json` in the user's configuration folder, mode 0600. There are no secrets in
it: the tokens of each context are in a file of their own, which a key in the operating system's key
store seals where there is one.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import msgspec

from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.client.errors import StoreError
from valetkey.client.store import FileStore, PrivateFile, TokenStore
from valetkey.wire import address

LOCAL: Final = "local"
"""Stands for the database on this machine, as without any context."""

BUILT_IN: Final = "valetkey-cli"
"""The client id of this command line at a server."""

WAIT: Final = 5.0
"""Seconds to wait for another process that changes the contexts."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class ServerContext(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A server. `ca_file` has the authorities that vouch for its certificate, "" for those of the
    system. `secret_file` has the secret of an app that acts for itself, "" for a person. `sealed`:
    the tokens are sealed with a key of the operating system's key store."""

    server: str
    client_id: str = BUILT_IN
    ca_file: str = ""
    secret_file: str = ""
    sealed: bool = False


class Contexts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All contexts. `current` is the name of the one in use, "" for the local database."""

    current: str = ""
    contexts: dict[str, ServerContext] = {}


def folder() -> Path:
    """The configuration folder of the user."""
    return Path(click.get_app_dir("valetkey"))


def _file() -> PrivateFile:
    return PrivateFile(folder() / "contexts.json")


def read_contexts() -> Contexts:
    """The contexts. Raises Failed if the file is malformed, or open to others."""
    file = _file()
    try:
        raw = file.read()
        return Contexts() if raw is None else msgspec.json.decode(raw, type=Contexts)
    except StoreError as error:
        raise Failed(str(error)) from error
    except msgspec.DecodeError as error:
        raise Failed(f"{file.path}: {error}") from error


def change_contexts(change: Callable[[Contexts], Contexts]) -> Contexts:
    """Write the contexts as `change` makes them, one process at a time. Raises Failed."""
    file = _file()
    try:
        with _locked(file):
            changed = change(read_contexts())
            file.write(msgspec.json.format(msgspec.json.encode(changed)) + b"\n")
    except StoreError as error:
        raise Failed(str(error)) from error
    return changed


@contextmanager
def _locked(file: PrivateFile) -> Iterator[None]:
    end = time.monotonic() + WAIT
    while (let_go := file.take()) is None:
        if time.monotonic() > end:
            raise Failed(f"{file.path} is locked by another process")
        time.sleep(0.02)
    try:
        yield
    finally:
        let_go()


def token_store(name: str, context: ServerContext) -> TokenStore:
    """Where the tokens of a context are. Raises StoreError if the key store does not open."""
    if not context.sealed:
        return FileStore(folder() / f"tokens-{name}.json")
    # Imported here: few need it, and it may be missing.
    from valetkey.client.os_keyring import KeyringKey  # noqa: PLC0415
    from valetkey.client.sealed_file import SealedStore  # noqa: PLC0415

    return SealedStore(folder() / f"tokens-{name}.sealed", KeyringKey("valetkey"))


def rename_tokens(name: str, new: str, context: ServerContext) -> None:
    """Keep the tokens of a context under another name. Raises Failed."""
    ending = "sealed" if context.sealed else "json"
    old = folder() / f"tokens-{name}.{ending}"
    try:
        if old.exists():
            old.replace(folder() / f"tokens-{new}.{ending}")
    except OSError as error:
        raise Failed(f"{old}: {error.strerror}") from error


def has_key_store() -> bool:
    """Whether the operating system has a key store that is fit for secrets."""
    try:
        from valetkey.client.os_keyring import KeyringKey  # noqa: PLC0415

        KeyringKey("valetkey")
    except (ImportError, StoreError):
        return False
    return True


def check_name(name: str) -> str:
    """The name, if a context may have it. Raises InvalidUsage."""
    if name == LOCAL or not _NAME.fullmatch(name):
        raise InvalidUsage(f"{name!r} is no name for a context: letters, digits and . _ - only")
    return name


LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_server(server: str) -> str:
    """The issuer as it is written, without a slash at the end. Raises InvalidUsage."""
    parts = address.read(server)
    if parts is None or not parts.is_web or (parts.scheme == "http" and parts.host not in LOOPBACK):
        raise InvalidUsage(
            f"{server!r} is no address of a server, such as https://id.chirp.example"
        )
    if parts.query or parts.fragment or parts.has_user:
        raise InvalidUsage(f"{server!r} is no address of a server: host, port and path only")
    return server.rstrip("/")


def name_of(server: str) -> str:
    """The name that a context has by default: the host, and the port if there is one."""
    parts = address.read(server)
    if parts is None:
        raise InvalidUsage(f"{server!r} is no address of a server")
    host = re.sub(r"[^A-Za-z0-9.-]", "-", parts.host)
    return f"{host}-{parts.port}" if parts.port else host
