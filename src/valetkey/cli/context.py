"""The context of a command: its settings, the database, and its output."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

import click

from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.cli.output.formats import MACHINE, CannotPrint, OutputFormat, check, render, write
from valetkey.server.audit.local import recorded_locally
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.administration import reserved_catalog
from valetkey.server.oauth.features import switched
from valetkey.server.oauth.signals.fan_out import Decided, with_signals
from valetkey.server.settings import Loaded, Settings, SettingsError, read
from valetkey.server.store.database import open_store, survey
from valetkey.server.store.database_url import Database, PostgresURL
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store, TokenUnavailable, Unavailable, Unstorable, Unusable
from valetkey.server.store.settle import settle
from valetkey.spec.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from valetkey.cli.remote.connection import Connection

T = TypeVar("T")
D = TypeVar("D", bound=Decided)
Missing: TypeAlias = Literal["fail", "make", "pretend"]

NO_KEYS: Final = Keyring(signing={}, published=(), sealing=(), macs=())


class CommandContext:
    """The common options of a command. `flags` are settings by name."""

    def __init__(self) -> None:
        self.config: Path | None = None
        self.flags: dict[str, object] = {}
        self.output: OutputFormat = "table"
        self.jq = ""
        self.words: tuple[str, ...] = ()
        """The command line."""

    @property
    def as_json(self) -> bool:
        """Whether the answer is for a program."""
        return bool(self.jq) or self.output in MACHINE

    @as_json.setter
    def as_json(self, value: bool) -> None:
        if value and not self.as_json:
            self.output = "json"

    def set_output(self, form: OutputFormat, *, jq: str = "") -> None:
        """Choose how answers are printed. Raises InvalidUsage if that is not possible here: before
        the command changes anything."""
        self.output, self.jq = form, jq or self.jq
        try:
            check(form, self.jq)
        except CannotPrint as error:
            raise InvalidUsage(str(error)) from error

    def settings(self) -> Settings:
        """Read the settings. Raises InvalidUsage with every mistake."""
        return self.loaded().settings

    def loaded(self) -> Loaded:
        """Read the settings, and where each comes from. Raises InvalidUsage with every mistake."""
        try:
            return read(self.flags, os.environ, self.config)
        except SettingsError as error:
            raise InvalidUsage(str(error)) from error

    def run(
        self, work: Callable[[Store], Awaitable[T]], *, missing: Missing = "fail", ship: bool = True
    ) -> T:
        """Run `work` with the database open. If there is no database, fail, create one, or pretend
        that there is an empty one. Without `ship`, nothing is written to the place of revocations.
        Raises Failed."""
        settings = self.settings()

        async def working() -> T:
            store = await open_database(settings.database, missing=missing)
            try:
                if ship and settings.revocations is not None:
                    store = _shipped(settings, store)
                return await work(recorded_locally(store, operation_name()))
            finally:
                await store.close()

        try:
            return asyncio.run(working())
        except TokenUnavailable as error:
            raise Failed(str(error), type="unavailable") from error
        except Unavailable as error:
            raise Failed(f"the database cannot answer: {error}", type="unavailable") from error
        except Unstorable as error:
            raise Failed(f"the database cannot hold this: {error}") from error
        except TemporarilyUnavailable as error:
            raise Failed(
                "another process changed the same data: try again", type="conflict"
            ) from error

    def remote_name(self) -> str:
        """The name of the context of the server to which the command goes, "" for the database of
        this machine. Raises Failed if there is no such context."""
        # Imported here: a server that starts has no use for it.
        from valetkey.cli.remote.selection import context_name  # noqa: PLC0415

        return context_name(self.words)

    def check_local(self, command: str) -> None:
        """Raises Failed where the command line goes to a server elsewhere, which this command can't
        reach: it would change the database of this machine instead."""
        if self.remote_name():
            raise Failed(
                f"`{command}` works on the database of the server's own machine only: run it "
                "there, or with --context local",
                type="local-only",
            )

    def connection(self) -> "Connection | None":
        """A connection to the server to which the command goes, None for the database of this
        machine. Raises Failed."""
        name = self.remote_name()
        if not name:
            return None
        from valetkey.cli.remote.connection import Connection  # noqa: PLC0415
        from valetkey.cli.remote.contexts import read_contexts  # noqa: PLC0415

        return Connection(name, read_contexts().contexts[name])

    def context(self, keyring: Keyring = NO_KEYS) -> Context:
        """The context for administrative rules, at this moment. They read the catalogs they
        need."""
        # Imported here: most commands need no context.
        from valetkey.server.settings.mail import notice_targets  # noqa: PLC0415

        settings = self.settings()
        features = switched(settings.enabled, settings.disable)
        at = Installation(
            issuer=settings.issuer,
            lifetimes=settings.lifetimes,
            demands=settings.clients.demands,
            keyring=keyring,
            offer=Offer(settings.issuer, reserved=reserved_catalog(settings.issuer, features)),
            features=features,
            notices=notice_targets(settings),
        )
        return Context(at, Env.at(time.time_ns(), os.urandom))

    def show(self, document: object, text: str) -> None:
        """Print the answer on stdout: the document if JSON or the like was requested, else the
        text."""
        try:
            write(render(document, text, form=self.output, jq=self.jq))
        except CannotPrint as error:
            raise InvalidUsage(str(error)) from error

    def progress(self, text: str) -> None:
        """Show how far a long act is, in one line of a terminal; "" ends it."""
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

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


def operation_name() -> str:
    """The command as the audit log names it, such as `client.add`."""
    context = click.get_current_context(silent=True)
    words = [] if context is None else context.command_path.split()[1:]
    return ".".join(words) or "valetkey"


def _shipped(settings: Settings, store: Store) -> Store:
    # Imported here: few commands ship what they end.
    from valetkey.cli.master_key.file import existing_master_key  # noqa: PLC0415
    from valetkey.server.store.revocations.shipping import shipped_to  # noqa: PLC0415

    return shipped_to(store, settings.revocations, lambda: existing_master_key(settings))


async def open_database(database: Database, *, missing: Missing = "make") -> Store:
    """Open the database. Raises Failed if it is missing, unusable or unreachable."""
    try:
        if missing == "make" or await _is_there(database):
            return await open_store(database)
    except (Unusable, Unavailable) as error:
        raise Failed(f"the database {database} cannot be opened: {error}") from error
    if missing == "pretend":
        return MemoryStore()
    raise Failed(
        f"there is no database {database}; `valetkey serve` creates it", type="no-database"
    )


async def _is_there(database: Database) -> bool:
    match database.at:
        case Path() as file:
            return file.exists()
        case PostgresURL():
            return bool((await survey(database)).ran)
