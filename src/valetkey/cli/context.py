"""The context of a command: its settings, the database, and its output."""

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
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.signals.fan_out import Decided, with_signals
from valetkey.server.settings import Settings, SettingsError, load
from valetkey.server.store.database import Database, PostgresURL, open_store, survey
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store, Unavailable, Unstorable, Unusable
from valetkey.server.store.settle import settle
from valetkey.spec.errors import TemporarilyUnavailable

T = TypeVar("T")
D = TypeVar("D", bound=Decided)
Missing: TypeAlias = Literal["fail", "make", "pretend"]

NO_KEYS: Final = Keyring(signing={}, published=(), sealing=(), macs=())


class Failed(click.ClickException):
    """The command failed."""

    exit_code = 1


class InvalidUsage(click.ClickException):
    """Usage error: options, settings or a file are wrong."""

    exit_code = 2


def invalid_usage(what: str, mistakes: Iterable[str]) -> InvalidUsage:
    """One error that lists all mistakes."""
    return InvalidUsage("\n  - ".join((f"{what}:", *mistakes)))


class CommandContext:
    """The common options of a command. `flags` are settings by name."""

    def __init__(self) -> None:
        self.config: Path | None = None
        self.flags: dict[str, object] = {}
        self.as_json = False

    def settings(self) -> Settings:
        """Read the settings. Raises InvalidUsage with every mistake."""
        try:
            return load(self.flags, os.environ, self.config)
        except SettingsError as error:
            raise InvalidUsage(str(error)) from error

    def run(self, work: Callable[[Store], Awaitable[T]], *, missing: Missing = "fail") -> T:
        """Run `work` with the database open. If there is no database, fail, create one, or pretend
        that there is an empty one. Raises Failed."""
        database = self.settings().database

        async def working() -> T:
            store = await open_database(database, missing=missing)
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
            raise Failed("another process changed the same data: try again") from error

    def context(self, keyring: Keyring = NO_KEYS) -> Context:
        """The context for administrative rules, at this moment. They read the catalogs they
        need."""
        # Imported here: most commands need no context.
        from valetkey.server.settings.mail import notice_targets  # noqa: PLC0415

        settings = self.settings()
        at = Installation(
            issuer=settings.issuer,
            lifetimes=settings.lifetimes,
            keyring=keyring,
            offer=Offer(settings.issuer),
            features=switched(settings.enabled, settings.disable),
            notices=notice_targets(settings),
        )
        return Context(at, Env.at(time.time_ns(), os.urandom))

    def show(self, document: object, text: str) -> None:
        """Print the answer on stdout: the document if JSON was requested, else the text."""
        if self.as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2))
        elif text:
            click.echo(text)

    def note(self, text: str) -> None:
        """Print a note on stderr, besides the answer."""
        click.echo(text, err=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask for confirmation. Raises Abort for a no, InvalidUsage if there is no terminal."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise InvalidUsage(f"{question} Without a terminal, confirm with --yes.")
        click.confirm(question, abort=True, err=True)


async def settle_and_notify(store: Store, rule: Callable[[], Rule[D]], context: Context) -> D:
    """Commit a rule's decision, together with the notifications about what it changes. Raises what
    the rule raises, and TemporarilyUnavailable."""
    return await settle(store, rule, then=lambda outcome: with_signals(outcome, context))


async def open_database(database: Database, *, missing: Missing = "make") -> Store:
    """Open the database. Raises Failed if it is missing, unusable or unreachable."""
    try:
        if missing == "make" or await _is_there(database):
            return await open_store(database)
    except (Unusable, Unavailable) as error:
        raise Failed(f"the database {database} cannot be opened: {error}") from error
    if missing == "pretend":
        return MemoryStore()
    raise Failed(f"there is no database {database}; `valetkey serve` creates it")


async def _is_there(database: Database) -> bool:
    match database.at:
        case Path() as file:
            return file.exists()
        case PostgresURL():
            return bool((await survey(database)).ran)


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format rows as aligned text under a header; "" if there are none."""
    body = [tuple(row) for row in rows]
    if not body:
        return ""
    widths = [max(len(row[at]) for row in (header, *body)) for at in range(len(header))]
    lines = [_line(row, widths) for row in body]
    return "\n".join((click.style(_line(header, widths), bold=True), *lines))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def format_time(seconds: int) -> str:
    """Format a time (seconds since 1970) for people; "" for 0."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else ""


def fields(record: msgspec.Struct, *, hide: Iterable[str] = ()) -> dict[str, Any]:
    """A record as a document: every field except those to hide."""
    hidden = {"version", *hide}
    names = zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)
    return {encoded: getattr(record, name) for name, encoded in names if encoded not in hidden}
