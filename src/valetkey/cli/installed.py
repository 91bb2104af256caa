"""What an installation needs: its database, its keys, its certificate, its address."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw
import httpx2
from cryptography import x509

from valetkey.cli import master_key
from valetkey.cli.checkup import Row, Verdict
from valetkey.cli.desk import open_store
from valetkey.jose import base64url
from valetkey.model.keys import SigningKey
from valetkey.settings import Settings
from valetkey.store.keyring import WrongMasterKey, open_keys, read_keys
from valetkey.store.migrate import migrations
from valetkey.wire.metadata import AUTHORIZATION_SERVER

RELEASED: Final = 1_767_225_600
"""2026-01-01: no true clock shows an earlier time."""

EXPIRES_SOON: Final = 14 * 86400
TIMEOUT: Final = 3.0


def installation(settings: Settings) -> Iterator[Row]:
    """Every check of one installation."""
    database = _database(settings.database)
    keys = _keys(settings.database) if database.verdict == "ok" else ()
    yield database
    yield from _modes(settings.database)
    yield _master_key(settings, keys)
    yield _clock(int(time.time()), keys)
    yield from _certificate(settings)
    yield _proxies(settings)
    yield _issuer(settings.issuer)


def _database(file: Path) -> Row:
    if not file.exists():
        return Row("database", "warn", f"{file} is not there yet; `valetkey serve` makes it")
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            run = dict(connection.execute("SELECT number, checksum FROM migrations"))
        finally:
            connection.close()
    except apsw.Error as error:
        return Row("database", "fail", f"{file} cannot be read: {error}")
    known = {one.number: one.checksum for one in migrations("sqlite")}
    if run.items() - known.items():
        return Row("database", "fail", f"{file} was made by another version of valetkey")
    if known.items() - run.items():
        return Row("database", "warn", f"{file} will be brought up to date at the next start")
    return Row("database", "ok", f"{file} is at step {max(known)}, the newest")


def _keys(file: Path) -> Sequence[SigningKey]:
    async def reading() -> Sequence[SigningKey]:
        store = open_store(file, make=False)
        try:
            return await read_keys(store)
        finally:
            await store.close()

    return asyncio.run(reading())


def _modes(file: Path) -> Iterator[Row]:
    for one in (file, file.with_name(file.name + "-wal")):
        if one.exists() and one.stat().st_mode & 0o077:
            yield Row("file modes", "warn", f"{one} may be read by others: chmod 600 {one}")


def _master_key(settings: Settings, keys: Sequence[SigningKey]) -> Row:
    file = settings.key_file
    if settings.master_key is not None:
        source, master = "VALETKEY_MASTER_KEY", base64url.decode(settings.master_key.reveal())
    elif file.exists():
        why = master_key.why_not(file)
        if why:
            return Row("master key", "fail", f"{file} {why}")
        source, master = str(file), master_key.read(file)
    elif keys:
        return Row("master key", "fail", f"{file} is missing, and nothing else opens the keys")
    else:
        return Row("master key", "warn", f"{file} is not there yet; `valetkey serve` makes it")
    try:
        open_keys(keys, master, now=0)
    except WrongMasterKey as error:
        return Row("master key", "fail", f"{error}; it comes from {source}")
    return Row("master key", "ok", f"{source} opens {len(keys)} keys")


def _clock(now: int, keys: Sequence[SigningKey]) -> Row:
    shown = datetime.fromtimestamp(now, UTC).isoformat(" ", "seconds")
    newest = max((key.since for key in keys), default=0)
    if now < max(RELEASED, newest - 60):
        return Row("clock", "fail", f"{shown} is in the past; tokens would be wrong")
    return Row("clock", "ok", shown)


def _certificate(settings: Settings) -> Iterator[Row]:
    if settings.tls_certificate is None:
        return
    until = x509.load_pem_x509_certificate(
        settings.tls_certificate.read_bytes()
    ).not_valid_after_utc
    left = until.timestamp() - time.time()
    verdict: Verdict = "fail" if left <= 0 else ("warn" if left < EXPIRES_SOON else "ok")
    yield Row("certificate", verdict, f"good until {until.isoformat(' ', 'seconds')}")


def _proxies(settings: Settings) -> Row:
    behind = settings.issuer.startswith("https:") and settings.tls_certificate is None
    if behind and not settings.trusted_proxies:
        return Row(
            "proxies",
            "warn",
            "the issuer is https, so a proxy ends TLS: name it in trusted_proxies, or everybody "
            "shares its address, and its throttle",
        )
    return Row("proxies", "ok", ", ".join(settings.trusted_proxies) or "none are trusted")


def _issuer(issuer: str) -> Row:
    url = issuer + AUTHORIZATION_SERVER
    try:
        reply = httpx2.get(url, timeout=TIMEOUT)
        named = reply.json().get("issuer") if reply.status_code == 200 else None
    except httpx2.HTTPError as error:
        return Row("issuer", "warn", f"{issuer} does not answer; is the server running? ({error})")
    except (ValueError, AttributeError):
        named = None
    if named != issuer:
        return Row("issuer", "fail", f"{url} answers, but not as this server")
    return Row("issuer", "ok", f"{issuer} answers")
