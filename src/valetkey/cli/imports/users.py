"""`valetkey import users`: imports users, in batches and in memory that does not grow."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import click
import msgspec

from valetkey.cli.context import CommandContext, settle_and_notify
from valetkey.cli.imports.hash_strings import FirebaseConfig, read_firebase_config
from valetkey.cli.imports.report import Progress, Report, printable
from valetkey.cli.imports.sources import (
    FORMATS,
    Options,
    Source,
    UnknownFormat,
    guess,
)
from valetkey.cli.imports.streams import BrokenFile
from valetkey.cli.options import PATH, Command
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.server.accounts.importing import (
    ImportedBatch,
    Incoming,
    OnExisting,
    OnRefusal,
    Terms,
    import_batch,
)
from valetkey.server.accounts.password import is_imported
from valetkey.server.accounts.sign_in import MARKER
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.environment import Env
from valetkey.server.model.query import Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.user_status import change_user_status
from valetkey.server.settings.checks import why_not_private
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.settle import ask

BATCH: Final = 500
"""Users of one commit."""

T = TypeVar("T")

PAUSES: Final = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 0.0)
"""Seconds to wait after each attempt to write a batch; after the last one, it fails."""

HASH_CONFIG: Final = "FIREBASE_HASH_CONFIG"


@click.command(cls=Command)
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), help="By default, it is recognized.")
@click.option("--dry-run", is_flag=True, help="Only report what would happen.")
@click.option(
    "--on-error",
    type=click.Choice(["skip", "stop"]),
    default="skip",
    show_default=True,
    help="Go on after a record that is refused, or stop.",
)
@click.option(
    "--on-existing",
    type=click.Choice(["skip", "update", "fail"]),
    default="skip",
    show_default=True,
    help="Leave a user who exists, update them, or refuse the record.",
)
@click.option(
    "--source",
    default="",
    help="Where users sign in with the ids in the file: `platform`, or an issuer.",
)
@click.option("--report", type=PATH, help="Write every refused record to this file, as NDJSON.")
@click.option(
    "--hash-config", type=PATH, help="The hash parameters of a Firebase project, of mode 0600."
)
@click.option("--peppered", is_flag=True, help="The hashes of Devise have a pepper.")
@click.pass_obj
def users(
    command: CommandContext,
    /,
    file: Path,
    *,
    form: str | None,
    dry_run: bool,
    on_error: OnRefusal,
    on_existing: OnExisting,
    source: str,
    report: Path | None,
    hash_config: Path | None,
    peppered: bool,
) -> None:
    """Import users from FILE: NDJSON, CSV, or an export of another system.

    Password hashes are kept, and replaced at the first sign-in. If the import breaks off, run it
    again: it goes on, and nobody is imported twice. Exit status 1 if a record is refused.
    """
    options = Options(_firebase_config(hash_config), peppered=peppered)
    try:
        users_of = Source(file, form or guess(file), options)
    except (UnknownFormat, OSError) as error:
        raise InvalidUsage(f"{file}: {error}") from error
    outcome, progress = Report(report), Progress(users_of)
    terms = Terms(on_existing=on_existing, on_refusal=on_error, source=source)
    importing = Importing(command, outcome, terms)
    work = importing.preview if dry_run else importing.run
    broken = ""
    try:
        command.run(
            partial(work, source=users_of, progress=progress),
            missing="pretend" if dry_run else "make",
        )
    except (BrokenFile, OSError) as error:
        broken = f"{file}: {printable(str(error))}; what was read before is imported"
    except KeyboardInterrupt:
        broken = "interrupted: run the same command again, and it goes on"
    finally:
        progress.end()
        outcome.close()
    command.show(outcome.document(dry_run=dry_run), "\n".join(outcome.lines(dry_run=dry_run)))
    if broken:
        raise Failed(broken)
    if outcome.counts["refused"]:
        raise SystemExit(1)


def _firebase_config(file: Path | None) -> FirebaseConfig | None:
    text = os.environ.get(HASH_CONFIG)
    if file is None and text is None:
        return None
    try:
        if file is not None:
            if why := why_not_private(file):
                raise InvalidUsage(f"{file} {why}")
            text = file.read_text("utf-8")
        return read_firebase_config(text or "")
    except (OSError, ValueError) as error:
        raise InvalidUsage(f"{file or HASH_CONFIG}: {error}") from error


class Importing:
    """Imports users batch by batch."""

    def __init__(self, command: CommandContext, report: Report, terms: Terms) -> None:
        self._context = command.context()
        self._report = report
        self._terms = terms
        self._is_marked = False

    async def run(self, store: Store, *, source: Source, progress: Progress) -> None:
        """Import everything."""
        for batch in self._batches(source):
            began = time.monotonic()
            for part in await self._written(store, batch):
                if self._count(part, progress):
                    return
            # As long as it took: a server on this database gets every other turn.
            await asyncio.sleep(time.monotonic() - began)

    async def preview(self, store: Store, *, source: Source, progress: Progress) -> None:
        """Judge everything, and write nothing."""
        for batch in self._batches(source):
            outcome = await ask(store, import_batch(batch, self._terms, env_now()))
            if self._count(outcome, progress):
                return

    def _batches(self, source: Source) -> Iterator[Sequence[Incoming]]:
        batch: list[Incoming] = []
        broken = None
        records = iter(source)
        while broken is None:
            try:
                one = next(records, None)
            except (BrokenFile, OSError) as error:
                broken, one = error, None
            if isinstance(one, str):
                self._report.skipped[one] += 1
                continue
            if one is not None:
                batch.append(one)
            if len(batch) == BATCH or (one is None and batch):
                yield batch
                batch = []
            if one is None:
                break
        if broken is not None:
            raise broken

    async def _written(self, store: Store, batch: Sequence[Incoming]) -> list[ImportedBatch]:
        if self._terms.on_existing != "update":
            return [await self._commit(store, batch, self._terms)]
        # Apps are notified about a user who changes, so each of them is a commit of its own.
        skipping = msgspec.structs.replace(self._terms, on_existing="skip")
        first = await self._commit(store, batch, skipping)
        there = [one.incoming for one in first.judgments if one.verdict == "kept"]
        others = tuple(one for one in first.judgments if one.verdict != "kept")
        return [ImportedBatch(others), *[await self._update(store, one) for one in there]]

    async def _update(self, store: Store, one: Incoming) -> ImportedBatch:
        outcome = await self._commit(store, [one], self._terms)
        if one.user.status == "disabled":
            for change in outcome.changes:
                if isinstance(change.record, User) and change.record.status == "active":
                    await self._disable(store, change.record.id)
        return outcome

    async def _disable(self, store: Store, name: str) -> None:
        context = msgspec.structs.replace(self._context, env=env_now())
        rule = partial(change_user_status, name, "disabled", reason="imported", context=context)
        await settle_and_notify(store, rule, context)

    async def _commit(self, store: Store, batch: Sequence[Incoming], terms: Terms) -> ImportedBatch:
        """Write a batch. The next attempt finds what was written although its answer was lost."""
        attempts: dict[str, User] = {}
        context = self._context

        def deciding() -> Rule[ImportedBatch]:
            outcome = yield from import_batch(batch, terms, context.env, attempts=attempts)
            attempts.update(outcome.written)
            return outcome

        async def attempt() -> ImportedBatch:
            nonlocal context
            context = msgspec.structs.replace(self._context, env=env_now())
            await self._mark(store, batch)
            return await settle_and_notify(store, deciding, context)

        return await insist(attempt)

    async def _mark(self, store: Store, batch: Sequence[Incoming]) -> None:
        """Before the first hash of another system is written, make refusals take equal time."""
        if self._is_marked or not any(is_imported(one.user.password) for one in batch):
            return
        with contextlib.suppress(Stale):  # It is there already.
            await store.commit([Create(MARKER)])
        self._is_marked = True

    def _count(self, outcome: ImportedBatch, progress: Progress) -> bool:
        """Count the records of a batch. Whether to stop."""
        for judgment in outcome.judgments:
            self._report.add(judgment)
        progress.show(self._report)
        return self._terms.on_refusal == "stop" and bool(self._report.counts["refused"])


def env_now() -> Env:
    """The time and randomness of now."""
    return Env.at(time.time_ns(), os.urandom)


async def insist(attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of the attempt, which is repeated after a pause while the database is busy. Raises
    Unavailable if it stays so."""
    for pause in PAUSES:
        try:
            return await attempt()
        except Unavailable:
            if not pause:
                raise
            await asyncio.sleep(pause)
    raise AssertionError
