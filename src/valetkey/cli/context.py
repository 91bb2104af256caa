"""The desk at which a command works: its settings, the database, and how it answers."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

import click
import msgspec

from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.features import switched
from valetkey.server.settings import Settings, SettingsError, load
from valetkey.server.store.database import Database, PostgresURL
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.open import open_store, survey
from valetkey.server.store.port import Store, Unavailable, Unstorable, Unusable
from valetkey.spec.errors import TemporarilyUnavailable

T = TypeVar("T")
Missing: TypeAlias = Literal["fail", "make", "pretend"]

NO_KEYS: Final = Keyring(signing={}, published=(), sealing=(), macs=())


class Failed(click.ClickException):
    """It could not be done."""

    exit_code = 1


class Wrong(click.ClickException):
    """It was asked wrongly."""

    exit_code = 2


def wrong(what: str, mistakes: Iterable[str]) -> Wrong:
    """One error for all the mistakes."""
    return Wrong("\n  - ".join((f"{what}:", *mistakes)))


class Desk:
    """What the line says beside the command. `flags` are settings by name."""

    def __init__(self) -> None:
        self.config: Path | None = None
        self.flags: dict[str, object] = {}
        self.as_json = False

    def settings(self) -> Settings:
        """The settings. Raises Wrong with every mistake."""
        try:
            return load(self.flags, os.environ, self.config)
        except SettingsError as error:
            raise Wrong(str(error)) from error

    def run(self, work: Callable[[Store], Awaitable[T]], *, missing: Missing = "fail") -> T:
        """Does the work on the database. Where there is none it fails, makes one, or pretends
        that there were an empty one. Raises Failed."""
        database = self.settings().database

        async def working() -> T:
            store = await opened(database, missing=missing)
            try:
                return await work(store)
            finally:
                await store.close()

        try:
            return asyncio.run(working())
        except Unavailable as error:
            raise Failed(f"the database cannot answer: {error}") from error
        except Unstorable as error:
            raise Failed(f"the database cannot hold this: {error}") from error
        except TemporarilyUnavailable as error:
            raise Failed("somebody else changed the same just now: try again") from error

    def context(self, keyring: Keyring = NO_KEYS) -> Context:
        """This moment, for rules of administration; they read the catalogs that they need."""
        settings = self.settings()
        at = Installation(
            issuer=settings.issuer,
            lifetimes=settings.lifetimes,
            keyring=keyring,
            offer=Offer(settings.issuer),
            features=switched(settings.enabled, settings.disable),
        )
        return Context(at, Env(int(time.time()), os.urandom))

    def show(self, document: object, text: str) -> None:
        """The answer, on stdout: the document where JSON is wanted, else the text."""
        if self.as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2))
        elif text:
            click.echo(text)

    def say(self, text: str) -> None:
        """A word beside the answer, on stderr."""
        click.echo(text, err=True)

    def sure(self, question: str, *, yes: bool) -> None:
        """Asks before something goes. Raises Abort for a no, Wrong where nobody can be asked."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise Wrong(f"{question} Say --yes where nobody can be asked.")
        click.confirm(question, abort=True, err=True)


async def opened(database: Database, *, missing: Missing = "make") -> Store:
    """The database, opened. Raises Failed where it is missing, unusable or out of reach."""
    try:
        if missing == "make" or await _is_there(database):
            return await open_store(database)
    except (Unusable, Unavailable) as error:
        raise Failed(f"the database {database} cannot be opened: {error}") from error
    if missing == "pretend":
        return MemoryStore()
    raise Failed(f"there is no database {database}; `valetkey serve` makes one")


async def _is_there(database: Database) -> bool:
    match database.at:
        case Path() as file:
            return file.exists()
        case PostgresURL():
            return bool((await survey(database)).ran)


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as aligned text under a header; "" where there are none."""
    body = [tuple(row) for row in rows]
    if not body:
        return ""
    widths = [max(len(row[at]) for row in (header, *body)) for at in range(len(header))]
    lines = [_line(row, widths) for row in body]
    return "\n".join((click.style(_line(header, widths), bold=True), *lines))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def moment(seconds: int) -> str:
    """A time for people, "" for none."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else ""


def fields(record: msgspec.Struct, *, hide: Iterable[str] = ()) -> dict[str, Any]:
    """A record as a document: every field but those to hide."""
    hidden = {"version", *hide}
    names = zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)
    return {encoded: getattr(record, name) for name, encoded in names if encoded not in hidden}
