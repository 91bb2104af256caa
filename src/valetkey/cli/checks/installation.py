"""Checks of an installation: database, keys, certificate, address."""

import asyncio
import resource
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

import apsw
from cryptography import x509

from valetkey.cli.checks.revocations import revocation_checks
from valetkey.cli.checks.sign_in import sign_in_checks
from valetkey.cli.context import open_database
from valetkey.cli.key_token import check_token
from valetkey.cli.master_key.check import check_master_key
from valetkey.cli.master_key.file import DAMAGED
from valetkey.cli.notices import notice_checks
from valetkey.cli.output.errors import Failed
from valetkey.jose.objects import read_object
from valetkey.server.accounts import password
from valetkey.server.accounts.relying_party import why_not_possible
from valetkey.server.accounts.throttle import FAILED, WINDOW
from valetkey.server.http import file_limit
from valetkey.server.http.countries import age_of
from valetkey.server.http.platform_sign_in import ends_at
from valetkey.server.http.sign_in_failures import HIDDEN, PROXY_NOT_TRUSTED
from valetkey.server.model.counters import Throttle
from valetkey.server.model.keys import SigningKey
from valetkey.server.model.query import One
from valetkey.server.settings import Settings
from valetkey.server.settings.passkeys import why_not_domain
from valetkey.server.store.database import DriverMissing, survey
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.keyring import read_keys
from valetkey.server.store.migrate import MigrationError, pending
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.survey import Survey, damage
from valetkey.wire.metadata import AUTHORIZATION_SERVER, well_known

T = TypeVar("T")

# Checks of the machine: libraries and limits.

Verdict: TypeAlias = Literal["ok", "warn", "fail"]

SQLITE: Final = (3, 51, 3)
"""Versions of SQLite from 3.7.0 on and before this one can corrupt a database when its write-ahead
log is reset."""


class Row(NamedTuple):
    """One check: its name, the verdict, and the details."""

    what: str
    verdict: Verdict
    says: str


def machine() -> Iterator[Row]:
    """Check the libraries and the limit of open files."""
    yield _argon2()
    yield sqlite(apsw.sqlite_lib_version())
    yield open_files(*resource.getrlimit(resource.RLIMIT_NOFILE))


def open_files(soft: int, hard: int) -> Row:
    """Check that a server may open enough files. It raises its soft limit to the hard limit
    itself."""
    most = file_limit.ENOUGH if hard == resource.RLIM_INFINITY else min(hard, file_limit.ENOUGH)
    most = max(soft, most)
    if most < file_limit.FEW:
        says = f"at most {most}, one for each connection: raise the limit (ulimit -Hn)"
        return Row("open files", "warn", says)
    return Row("open files", "ok", f"up to {most}")


def _argon2() -> Row:
    if not password.possible():
        why = "this build of cryptography lacks it (OpenSSL before 3.2): install its wheel"
        return Row("Argon2id", "fail", why)
    return Row("Argon2id", "ok", "passwords can be hashed")


def sqlite(version: str) -> Row:
    """Check that this version of SQLite does not lose data."""
    if tuple(int(part) for part in version.split(".")[:3]) < SQLITE:
        return Row("SQLite", "fail", f"{version} can corrupt a database: install a newer apsw")
    return Row("SQLite", "ok", version)


RELEASED: Final = 1_767_225_600
"""2026-01-01: a correct clock cannot show an earlier time."""

EXPIRES_SOON: Final = 14 * 86400
TIMEOUT: Final = 3.0

OLD_COUNTRIES: Final = 60
"""Days after which a database of countries is old."""

MANY_FAIL: Final = 100
"""The number of failed sign-ins in a window that causes a warning."""

RESTORE: Final = "stop the server, and restore the file with valetkey db restore"

SKEW_NOTED: Final = 1.0
SKEW_WRONG: Final = 10.0
"""The largest allowed difference between the database's clock and this machine's, in seconds."""


def installation(settings: Settings, *, ca: Path | None = None) -> Iterator[Row]:
    """Run all checks of an installation. `ca` is a PEM file of the authority that issued the
    issuer's certificate; None for the system's authorities."""
    rows = tuple(_database(settings.database))
    yield from rows
    opens = rows[0].verdict == "ok" and all(row.verdict != "fail" for row in rows)
    keys: Sequence[SigningKey] = ()
    if opens:
        try:
            keys = _keys(settings.database)
        except (Failed, Unavailable) as error:
            opens = False
            yield Row("keys", "fail", f"cannot be read: {error}; {DAMAGED}")
    if isinstance(settings.database.at, Path):
        yield from _modes(settings.database.at)
    yield Row(*check_master_key(settings, keys))
    others = (*check_token(settings, keys), *revocation_checks(settings))
    yield from (Row(*one) for one in others)
    now = int(time.time())
    yield _clock(now, keys)
    yield from _certificate(settings)
    counters = _counters(settings.database) if opens else {}
    yield _proxies(settings, hidden=_running(counters.get(HIDDEN), now) > 0)
    yield _sign_ins(_running(counters.get(FAILED), now))
    yield from _lazy(settings, now)
    yield from (Row(*one) for one in sign_in_checks(settings))
    yield from _countries(settings, now)
    if opens and settings.sign_in.password and settings.accounts.passkeys:
        yield _passkeys(settings)
    yield from (Row(*one) for one in notice_checks(settings, opens=opens))
    yield _port(settings)
    yield _issuer(settings.issuer, ca)


def _countries(settings: Settings, now: int) -> Iterator[Row]:
    file = settings.accounts.countries_file
    if file is None:
        return
    # That it can be read is checked with the settings.
    days, name = age_of(file, now)
    if days > OLD_COUNTRIES:
        yield Row("countries", "warn", f"{name}, {days} days old: networks move, get a newer one")
    else:
        yield Row("countries", "ok", name)


def _database(database: Database) -> Iterator[Row]:
    try:
        wrong = damage(database.at) if isinstance(database.at, Path) else ""
        if wrong:
            yield Row("database", "fail", f"{database} is malformed: {wrong}; {RESTORE}")
            return
        result = asyncio.run(survey(database))
    except (DriverMissing, Unavailable) as error:
        yield Row("database", "fail", f"{database}: {error}")
        return
    yield _schema(database, result)
    if isinstance(database.at, PostgresURL):
        yield _safe(result)
        yield _skew(result)


def _schema(database: Database, result: Survey) -> Row:
    if not result.ran:
        return Row(
            "database", "warn", f"{database} does not exist yet; `valetkey serve` creates it"
        )
    try:
        steps = pending(result.ran, result.shipped)
    except MigrationError as error:
        return Row("database", "fail", f"{database}: {error}")
    if steps:
        return Row("database", "warn", f"{database} will be migrated at the next start")
    return Row("database", "ok", f"{database} is at step {result.ran[-1].number}, the newest")


def _safe(result: Survey) -> Row:
    if result.off:
        settings = ", ".join(f"{name} = off" for name in result.off)
        return Row("database settings", "fail", f"{settings}: it may lose commits; set them to on")
    return Row("database settings", "ok", "acknowledged commits are durable")


def _skew(result: Survey) -> Row:
    apart = abs(result.ahead)
    verdict: Verdict = "fail" if apart > SKEW_WRONG else ("warn" if apart > SKEW_NOTED else "ok")
    side = "ahead of" if result.ahead > 0 else "behind"
    says = f"{apart:.1f} seconds {side} this machine's" if apart else "agrees with this machine's"
    return Row("database clock", verdict, says)


def _keys(database: Database) -> Sequence[SigningKey]:
    return asyncio.run(_reading(database, read_keys))


async def _reading(database: Database, read: Callable[[Store], Awaitable[T]]) -> T:
    store = await open_database(database)
    try:
        return await read(store)
    finally:
        await store.close()


def _modes(file: Path) -> Iterator[Row]:
    for one in (file, file.with_name(file.name + "-wal")):
        if one.exists() and one.stat().st_mode & 0o077:
            yield Row("file modes", "warn", f"{one} is readable by others: chmod 600 {one}")


def _clock(now: int, keys: Sequence[SigningKey]) -> Row:
    text = datetime.fromtimestamp(now, UTC).isoformat(" ", "seconds")
    newest = max((key.since for key in keys), default=0)
    if now < max(RELEASED, newest - 60):
        return Row("clock", "fail", f"{text} is in the past; tokens would be wrong")
    return Row("clock", "ok", text)


def _certificate(settings: Settings) -> Iterator[Row]:
    if settings.tls_certificate is None:
        return
    until = x509.load_pem_x509_certificate(
        settings.tls_certificate.read_bytes()
    ).not_valid_after_utc
    remaining = until.timestamp() - time.time()
    verdict: Verdict = "fail" if remaining <= 0 else ("warn" if remaining < EXPIRES_SOON else "ok")
    yield Row("certificate", verdict, f"good until {until.isoformat(' ', 'seconds')}")


def _passkeys(settings: Settings) -> Row:
    party = settings.relying_party
    reading = _reading(settings.database, lambda store: why_not_domain(store, party))
    if why := asyncio.run(reading):
        return Row("passkeys", "fail", why)
    if party is None:
        return Row("passkeys", "ok", f"none: the issuer {why_not_possible(settings.issuer)}")
    return Row("passkeys", "ok", f"they belong to {party.rp_id}")


def _counters(database: Database) -> Mapping[str, Throttle]:
    wanted = [One(Throttle, bucket) for bucket in (FAILED, HIDDEN)]
    result = asyncio.run(_reading(database, lambda store: store.read(*wanted)))
    return {want.key: row for want in wanted if (row := result.one(want)) is not None}


def _running(counter: Throttle | None, now: int) -> int:
    return counter.tried if counter is not None and counter.is_running(now) else 0


def _sign_ins(failed: int) -> Row:
    if failed < MANY_FAIL:
        return Row("sign-ins", "ok", f"{failed} failed recently")
    says = f"{failed} failed within {WINDOW // 60} minutes: someone may be guessing passwords"
    return Row("sign-ins", "warn", f"{says}; the log shows from where")


def _proxies(settings: Settings, *, hidden: bool) -> Row:
    if hidden:
        says = "requests come through a proxy that is not in trusted_proxies"
        return Row("proxies", "warn", f"{says}, so all callers share its address (see the log)")
    if settings.hides_callers:
        return Row("proxies", "warn", PROXY_NOT_TRUSTED)
    return Row("proxies", "ok", ", ".join(settings.trusted_proxies) or "none is trusted")


def _lazy(settings: Settings, now: int) -> Iterator[Row]:
    lazy = settings.sign_in.lazy
    if not lazy.url or lazy.until is None:
        return
    remaining = ends_at(lazy.until) - now
    if remaining <= 0:
        says = f"off since {lazy.until}: remove [sign_in.lazy], or set another day"
        yield Row("lazy migration", "warn", says)
    elif not settings.sign_in.password:
        yield Row("lazy migration", "warn", "off, as sign_in.password is false")
    else:
        yield Row("lazy migration", "ok", f"on for {-(-remaining // 86400)} days")


def _port(settings: Settings) -> Row:
    if settings.listens_elsewhere:
        says = f"the issuer is {settings.issuer}, but the server listens at {settings.address}"
        return Row("port", "warn", f"{says}: without a proxy, apps cannot reach it")
    return Row("port", "ok", f"it listens at {settings.address}")


def _issuer(issuer: str, ca: Path | None) -> Row:
    try:
        trust = ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        return Row("issuer", "fail", f"{ca} holds no certificates in PEM: {error}")
    import httpx2  # noqa: PLC0415 - a start has no use for it

    below, inserted = issuer + AUTHORIZATION_SERVER, well_known(issuer, AUTHORIZATION_SERVER)
    try:
        answers = {
            url: _issuer_in(httpx2.get(url, timeout=TIMEOUT, verify=trust).content)
            for url in dict.fromkeys((below, inserted))
        }
    except httpx2.HTTPError as error:
        if (refused := _refused(error)) is not None:
            return Row("issuer", "fail", f"its certificate is refused: {refused}; {_PRIVATE}")
        return Row("issuer", "warn", f"{issuer} does not answer; is the server running? ({error})")
    if answers[below] != issuer:
        return Row("issuer", "fail", f"{below} answers, but as another server")
    if answers[inserted] != issuer:
        says = f"{inserted} is not the server's, and apps look there first: {_FORWARD}"
        return Row("issuer", "fail", says)
    return Row("issuer", "ok", f"{issuer} answers")


_FORWARD: Final = "let the proxy forward it, with its path unchanged"


def _issuer_in(document: bytes) -> object:
    """Return the issuer that a metadata document names, None if it is no such document."""
    try:
        return read_object(document).get("issuer")
    except ValueError:
        return None


_PRIVATE: Final = "for an authority of your own, name its file with --ca"


def _refused(error: BaseException | None) -> str | None:
    """Return why a certificate was refused; None if the error has another cause."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None
