"""The master key: read from its file or the environment, or unwrapped by a key service.

It opens the keys in the database, and is never stored there.
"""

import asyncio
import functools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.secrets import write_private
from valetkey.jose import base64url
from valetkey.server.custody.key_service import (
    KeyService,
    KeyServiceError,
    KeyServiceTerms,
    wrapped_by,
)
from valetkey.server.http import log
from valetkey.server.model.keys import Secret
from valetkey.server.settings import Settings
from valetkey.server.settings.checks import why_not_private
from valetkey.server.settings.key_service import connect
from valetkey.server.settings.kms import KmsSettings
from valetkey.server.settings.load import secret_in
from valetkey.server.settings.master_key import MASTER_KEY, why_not_key, why_not_wrapped
from valetkey.server.settings.passkeys import why_not_domain
from valetkey.server.settings.pkcs11 import TokenSettings
from valetkey.server.store import keyring
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.keyring import DamagedKey, WrongMasterKey, ensure_keys, read_keys
from valetkey.server.store.master_key import KeyToken, MasterKeys
from valetkey.server.store.port import Store, TokenUnavailable
from valetkey.server.store.revocations.places import reason
from valetkey.server.store.revocations.restoring import Revived, check_not_revived
from valetkey.server.store.revocations.shipping import key_of

if TYPE_CHECKING:
    from valetkey.server.custody.kms_keys import KmsKeys
    from valetkey.server.custody.pkcs11_token import Pkcs11Token

SHARED: Final = (
    "all nodes of a PostgreSQL database need the same one: create it once, and copy it to each: "
    """python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"""
)

SHARED_WRAPPED: Final = (
    "all nodes of a PostgreSQL database need the same one: create it once "
    "(valetkey key wrap-master --new), and copy it to each"
)

NOT_WRAPPED: Final = (
    "VALETKEY_MASTER_KEY is not wrapped, and key_service is set: run `valetkey key wrap-master`, "
    "which writes the wrapped key to master_key_file, and unset the variable"
)

PAUSE: Final = 60.0
"""Seconds after which a key service that has failed is asked again by a running server."""

DAMAGED: Final = "restore the database from a backup (valetkey db restore)"
"""What to do about damaged keys."""


async def open_keys(settings: Settings, store: Store) -> MasterKeys:
    """Read the master key, and check that it opens the keys in the database. Creates both if there
    are none. Raises InvalidUsage, Failed."""
    master = await master_key(settings, store)
    try:
        await ensure_keys(store, master)
    except TokenUnavailable as error:
        raise Failed(str(error)) from error
    except DamagedKey as error:
        raise Failed(f"{settings.database}: {error}; {DAMAGED}") from error
    except WrongMasterKey as error:
        source = "VALETKEY_MASTER_KEY" if settings.master_key else str(settings.key_file)
        raise InvalidUsage(f"{error}: {source} does not belong to {settings.database}") from error
    return master


async def open_installation(settings: Settings, store: Store) -> MasterKeys:
    """Read the master key as `open_keys` does, for a server that starts. Raises InvalidUsage,
    Failed: also if the passkeys in the database would stop working, or signing keys are in a token
    that doesn't sign."""
    master = await open_keys(settings, store)
    ring = keyring.open_keys(await read_keys(store), master, now=int(time.time()))
    if ring.check_token is not None:
        try:
            ring.check_token()
        except TokenUnavailable as error:
            raise Failed(str(error)) from error
    await _check_revocations(settings, store, master)
    has_passkeys = settings.sign_in.password and settings.accounts.passkeys
    if has_passkeys and (why := await why_not_domain(store, settings.relying_party)):
        raise InvalidUsage(why)
    return master


async def _check_revocations(settings: Settings, store: Store, master: MasterKeys) -> None:
    """Raise Failed if the database is older than what was revoked, as a restored one is."""
    place = settings.revocations
    if place is None:
        return
    try:
        await asyncio.to_thread(place.check)
        faults = await check_not_revived(store, place, await key_of(store, master))
    except OSError as error:
        raise Failed(f"{place}: revocations cannot be written: {reason(error)}") from error
    except Revived as error:
        raise Failed(f"{error}: run `valetkey db restore --apply`") from error
    for fault in faults:
        log.warning("a file of revocations has a fault", place=fault.place, detail=fault.says)


async def master_key(settings: Settings, store: Store) -> MasterKeys:
    """Read 32 bytes from the environment, or from the key file, which is created beside an SQLite
    file that has no keys yet. Raises InvalidUsage if the file is missing, readable by others, or no
    key; Failed if it cannot be created or unwrapped."""
    file = settings.key_file
    if settings.master_key is not None or file is None or file.exists():
        return existing_master_key(settings)
    if await read_keys(store):
        raise InvalidUsage(
            f"the master key {file} is missing, and only it opens the keys in "
            f"{settings.database}: bring it back, or name it in VALETKEY_MASTER_KEY_FILE"
        )
    if isinstance(settings.database.at, PostgresURL):
        raise InvalidUsage(f"the master key {file} is missing: {shared(settings)}")
    _make(file, settings.key_service.terms)
    return existing_master_key(settings)


def shared(settings: Settings) -> str:
    """Why no key is created automatically, and how to create one."""
    return SHARED_WRAPPED if settings.key_service.kind else SHARED


def existing_master_key(settings: Settings) -> MasterKeys:
    """Read the master key from the environment or the key file. Creates nothing. Raises
    InvalidUsage, and Failed if a key service does not unwrap it."""
    terms = settings.key_service.terms
    if settings.master_key is not None:
        if terms is not None:
            raise InvalidUsage(NOT_WRAPPED)
        words = settings.master_key.reveal().split()
        return MasterKeys(*map(base64url.decode, words), tokens=key_tokens(settings))
    if settings.key_file is None or not settings.key_file.exists():
        raise InvalidUsage(f"the master key {settings.key_file or ''} is missing")
    return read(settings.key_file, terms, tokens=key_tokens(settings))


def key_tokens(settings: Settings) -> tuple[KeyToken, ...]:
    """What holds signing keys, by the settings. Nothing is opened yet."""
    found = (key_token(settings.pkcs11), kms_keys(settings.kms))
    return tuple(one for one in found if one is not None)


@functools.cache
def kms_keys(settings: KmsSettings) -> "KmsKeys | None":
    """AWS KMS by the settings, None if it holds no keys: one in a process."""
    if not settings.region:
        return None
    # Imported here: few installations need it.
    from valetkey.server.custody.kms_keys import KmsKeys, KmsTerms  # noqa: PLC0415

    values = {name: getattr(settings, name) for name in KmsTerms.__struct_fields__}
    return KmsKeys(KmsTerms(**values))


@functools.cache
def key_token(settings: TokenSettings) -> "Pkcs11Token | None":
    """The token of the settings, None for none: one in a process. It is not opened yet."""
    if settings.module is None:
        return None
    # Imported here: few installations need it.
    from valetkey.server.custody.pkcs11_token import Pkcs11Token, TokenTerms  # noqa: PLC0415

    pin = secret_in(settings.pin, settings.pin_file)
    return Pkcs11Token(
        TokenTerms(
            module=settings.module,
            label=settings.token,
            pin=pin or Secret(""),
            algorithms=settings.algorithms,
        )
    )


def read(
    file: Path, terms: KeyServiceTerms | None = None, *, tokens: Sequence[KeyToken] = ()
) -> MasterKeys:
    """Read the key in a file, or the two of a replacement. Raises InvalidUsage if the file is
    readable by others, or has no key; Failed if the key service does not unwrap it."""
    try:
        return MasterKeys(*_read(file, terms), read_again=Rereading(file, terms), tokens=tokens)
    except KeyServiceError as error:
        raise Failed(f"the master key {file} cannot be unwrapped: {error}") from error


def words_of(file: Path, terms: KeyServiceTerms | None) -> list[str]:
    """The keys in a file as they are written there, newest first. Raises InvalidUsage."""
    if why := why_not(file, terms):
        raise InvalidUsage(f"the master key {file} {why}")
    return file.read_text("ascii").split()


def _read(file: Path, terms: KeyServiceTerms | None) -> tuple[bytes, ...]:
    return tuple(opened(word, terms) for word in words_of(file, terms))


def opened(word: str, terms: KeyServiceTerms | None) -> bytes:
    """The key that is written so. Raises KeyServiceError."""
    return base64url.decode(word) if terms is None else _unwrapped(word, terms)


@functools.lru_cache(maxsize=8)
def _unwrapped(word: str, terms: KeyServiceTerms) -> bytes:
    """Asked once in a process: workers get the answer from the process that starts them, so that
    they can be replaced while the service is away."""
    plain = connect(terms).unwrap(word)
    if len(plain) != MASTER_KEY:
        raise KeyServiceError(f"it unwraps to {len(plain)} bytes, which are no master key")
    return plain


def wrapped(plain: bytes, terms: KeyServiceTerms, service: KeyService | None = None) -> str:
    """The key as the service wraps it. Proves that it can be unwrapped. Raises KeyServiceError."""
    service = service or connect(terms)
    word = service.wrap(plain)
    if service.unwrap(word) != plain:
        raise KeyServiceError("the key service unwraps another key than it has wrapped")
    return word


class Rereading:
    """Reads the file again for a running server, which stands still meanwhile. A service that has
    failed is asked again after PAUSE seconds."""

    def __init__(self, file: Path, terms: KeyServiceTerms | None) -> None:
        self._file, self._terms = file, terms
        self._not_before = float("-inf")

    def __call__(self) -> tuple[bytes, ...]:
        if time.monotonic() < self._not_before:
            return ()
        try:
            return _read(self._file, self._terms)
        except KeyServiceError:
            self._not_before = time.monotonic() + PAUSE
        except (InvalidUsage, OSError, ValueError):
            pass
        return ()


def why_not(file: Path, terms: KeyServiceTerms | None = None) -> str:
    """Return why this file is no master key, and how to fix it; "" if it is one."""
    try:
        text = file.read_text("ascii").strip()
        # Reading a wrapped key is not enough to have it.
        is_wrapped = any(wrapped_by(word) for word in text.split())
        if not is_wrapped and (why := why_not_private(file)):
            return why
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return f"is not text; {_SHOULD}"
    if terms is not None or is_wrapped:
        return why_not_wrapped(text, None if terms is None else terms.kind)
    why = why_not_key(Secret(text))
    return f"{why}; {_SHOULD}" if why else ""


_SHOULD: Final = "it should hold 32 bytes in base64url, 43 characters"


def make_master_key(file: Path, terms: KeyServiceTerms | None = None) -> None:
    """Create the master key's file. Raises FileExistsError, OSError, KeyServiceError."""
    raw = os.urandom(MASTER_KEY)
    word = base64url.encode(raw) if terms is None else wrapped(raw, terms)
    write_private(file, word + "\n")


def _make(file: Path, terms: KeyServiceTerms | None) -> None:
    try:
        # Of two processes that start together, one creates the key, the other reads it.
        make_master_key(file, terms)
    except FileExistsError:
        pass
    except OSError as error:
        raise Failed(f"the master key {file} cannot be created: {error.strerror}") from error
    except KeyServiceError as error:
        raise Failed(f"the master key {file} cannot be created: {error}") from error
