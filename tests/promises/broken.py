"""The server with one protection taken out: `python -m tests.promises.broken WHICH serve …`.

A test that finds nothing has shown something only where it finds what is broken on purpose.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import apsw
import msgspec

from valetkey.cli import main, serving
from valetkey.jose import objects
from valetkey.server.accounts import factors
from valetkey.server.model.change import Change, Count, Stale, Versioned
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import Event
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Query, Results
from valetkey.server.oauth.grant_types import refresh_token
from valetkey.server.oauth.grants import recovery, sent_codes
from valetkey.server.pages.credentials import forgot
from valetkey.server.store.port import Unavailable
from valetkey.server.store.postgres import PostgresStore, commits, committer, reader
from valetkey.server.store.postgres.reader import PendingRead, Reader
from valetkey.server.store.postgres.statements import Statement
from valetkey.server.store.sqlite import writer
from valetkey.server.store.sqlite.store import SQLiteStore

LATE: Final = 0.05
"""Seconds after the reply in which the commit comes."""

DEADLY: Final = "deadly"
"""In the folder in which the server runs."""


def _put(module: ModuleType, name: str, other: Any) -> None:
    """Another one in the place of what has that name: nothing is broken where it has none."""
    if name not in vars(module):
        raise AttributeError(f"{module.__name__} has no {name}")
    vars(module)[name] = other


def _answers_before_commit(kind: Any) -> None:
    """Acknowledges what is not durable, though the node itself knows of it."""
    read, commit = kind.read, kind.commit
    behind: set[asyncio.Task[None]] = set()

    async def later(store: Any, changes: Sequence[Change], events: Sequence[Event]) -> None:
        await asyncio.sleep(LATE)
        with suppress(Stale, Unavailable):
            await commit(store, changes, events)

    async def hasty(
        store: Any, changes: Sequence[Change], events: Sequence[Event] = ()
    ) -> tuple[Throttle, ...]:
        if any(isinstance(one, Count) for one in changes):
            # Nothing is acknowledged by a count, and whoever counts waits for the counter.
            counters: tuple[Throttle, ...] = await commit(store, changes, events)
            return counters
        task = asyncio.create_task(later(store, changes, events))
        behind.add(task)
        task.add_done_callback(behind.discard)
        return ()

    async def patient(store: Any, *wants: Query) -> Results:
        if behind:
            await asyncio.wait(behind)
        found: Results = await read(store, *wants)
        return found

    kind.read, kind.commit = patient, hasty


def answers_before_commit() -> None:
    """Both stores."""
    _answers_before_commit(SQLiteStore)
    _answers_before_commit(PostgresStore)


def dies_before_commit() -> None:
    """Once there is a file with the name `DEADLY`, the next commit is the end: nothing of it is
    durable, and nobody gets a reply. Nothing is broken by it."""
    for kind in (SQLiteStore, PostgresStore):
        _dies(kind)


def _dies(kind: Any) -> None:
    commit = kind.commit

    def deadly(*given: Any) -> Any:
        if Path(DEADLY).exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return commit(*given)

    kind.commit = deadly


def forgets_preconditions() -> None:
    """A change whose precondition does not hold counts as written."""
    written, statement = writer._written, commits.commit

    def careless(cursor: apsw.Cursor, change: Versioned) -> bool:
        written(cursor, change)
        return True

    def blind(changes: Sequence[Change]) -> Statement:
        whole = statement(changes)
        return Statement(whole.sql.replace("HAVING count(*) > 0", "HAVING false"), whole.parameters)

    _put(writer, "_written", careless)
    _put(committer, "commit", blind)


def knows_no_window() -> None:
    """A refresh token that was just replaced counts as stolen at once."""

    def strict(shown: Any, family: Any, **_: Any) -> bool:
        return bool(shown.generation == family.generation)

    _put(refresh_token, "is_fresh", strict)


def overlooks_keys() -> None:
    """Whoever shows an old refresh token ends its family, with or without its key."""
    _put(refresh_token, "_check_holder", lambda *_, **__: None)


def overlooks_replays() -> None:
    """A replayed refresh token is refused, and no more."""
    replayed = refresh_token._replayed

    def lenient(*given: Any) -> Any:
        return msgspec.structs.replace(replayed(*given), changes=(), events=())

    _put(refresh_token, "_replayed", lenient)


def ends_abruptly() -> None:
    """SIGTERM is the end, whatever is under way."""
    at = serving._serve

    async def ending(*given: Any, **named: Any) -> None:
        asyncio.get_running_loop().call_later(
            0.5, signal.signal, signal.SIGTERM, lambda *_: os._exit(0)
        )
        await at(*given, **named)

    _put(serving, "_serve", ending)


def answers_from_memory() -> None:
    """What was read once is told again while the database is out of reach."""
    read = PostgresStore.read
    seen: dict[Query, Any] = {}

    async def remembering(store: PostgresStore, *wants: Query) -> Results:
        try:
            found = await read(store, *wants)
        except Unavailable:
            return Results({want: seen[want] for want in wants})
        seen.update({want: found.rows[want] for want in wants})
        return found

    vars_of: Any = PostgresStore
    vars_of.read = remembering


def reads_anything() -> None:
    """Of JSON it is read what could be neither stored nor sent on, and it is looked for."""

    def strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(pairs)

    _put(objects, "_check_texts", lambda value: None)
    _put(objects, "_STRICT", json.JSONDecoder(object_pairs_hook=strict))
    _put(reader, "is_name", lambda text: True)


def fails_together() -> None:
    """And a batch has one outcome for all its members."""
    reads_anything()

    def together(part: Sequence[committer.CommitRequest], error: Exception) -> Sequence[Any]:
        for job in part:
            job.resolve(Unavailable(str(error)))
        return []

    async def answer(one: Reader, batch: Sequence[PendingRead]) -> None:
        try:
            await one._read_batch(batch)
        except Exception as error:
            for asked in batch:
                if not asked.future.done():
                    asked.future.set_exception(Unavailable(str(error)))

    _put(committer, "_split_after", together)
    vars_of: Any = Reader
    vars_of._answer = answer


def keeps_codes() -> None:
    """A recovery code stays good after its use."""
    accepted = factors._accepted

    def lenient(*given: Any) -> Any:
        found = accepted(*given)
        return found if found is None else msgspec.structs.replace(found, changes=())

    _put(factors, "_accepted", lenient)


def keeps_resets() -> None:
    """A request for a new password stays good after its use, whatever the password is then."""
    finish = recovery.finish_reset

    def lenient(*given: Any, **named: Any) -> Any:
        changed = yield from finish(*given, **named)
        kept = [one for one in changed.changes if not isinstance(one.record, Pending)]
        return msgspec.structs.replace(changed, changes=tuple(kept))

    for module in (recovery, sent_codes):
        _put(module, "password_mark", lambda user: "")
    _put(recovery, "finish_reset", lenient)
    _put(forgot, "finish_reset", lenient)


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    "answers-before-commit": answers_before_commit,
    "dies-before-commit": dies_before_commit,
    "forgets-preconditions": forgets_preconditions,
    "knows-no-window": knows_no_window,
    "overlooks-keys": overlooks_keys,
    "overlooks-replays": overlooks_replays,
    "ends-abruptly": ends_abruptly,
    "answers-from-memory": answers_from_memory,
    "reads-anything": reads_anything,
    "fails-together": fails_together,
    "keeps-codes": keeps_codes,
    "keeps-resets": keeps_resets,
}

if __name__ == "__main__":
    PROTECTIONS[sys.argv.pop(1)]()
    main()
