"""Whatever PostgreSQL says of a batch: where one member may be to blame, it is found, and the
others go through; where the database or the way to it is, one statement is sent, and all are told
so."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import pytest
from tests.rows import row
from tests.server.store.samples import NOW, once

from valetkey.server.model.change import Create, Stale
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.query import One
from valetkey.server.model.record import Record
from valetkey.server.store.port import Damaged, Unavailable, Unstorable

asyncpg = pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

from asyncpg import exceptions  # noqa: E402

from valetkey.server.store.postgres.commits import STALE  # noqa: E402
from valetkey.server.store.postgres.committer import BATCH, TRIES, Committer  # noqa: E402
from valetkey.server.store.postgres.connections import TROUBLE, NotReplicated, may_be_ours  # noqa: E402
from valetkey.server.store.postgres.reader import BATCH as READ_TOGETHER  # noqa: E402
from valetkey.server.store.postgres.reader import Reader  # noqa: E402
from valetkey.server.store.postgres.rows import json  # noqa: E402
from valetkey.server.store.postgres.statements import Statement  # noqa: E402

pytestmark = pytest.mark.anyio

ERRORS: Final[tuple[type[Exception], ...]] = (
    *(
        kind
        for name in dir(exceptions)
        if isinstance(kind := getattr(exceptions, name), type)
        and issubclass(kind, (asyncpg.PostgresError, asyncpg.InterfaceError))
    ),
    asyncpg.InternalClientError,
    NotReplicated,
    ConnectionResetError,
    OSError,
    TimeoutError,
    ValueError,
    OverflowError,
    TypeError,
)
"""Every error of the database and its driver, of the way there, and what Python raises for what it
cannot send."""

PLACE: Final = 45
"""Of the poison, among the others."""

LOST: Final = {"08", "25", "28", "3D", "53", "57", "58"}
"""Classes of codes (PostgreSQL, appendix A) that tell of the database, not of what was sent."""

TOLD: Final[dict[str, type[Exception]]] = {"22": Unstorable, "23": Unstorable, "54": Unstorable}
"""By the class of the code, what whoever may be to blame is told; Unavailable for all others."""


def _code(error: type[Exception]) -> str:
    code = getattr(error, "sqlstate", None) if issubclass(error, asyncpg.PostgresError) else None
    return str(code or "")


def is_lost(error: type[Exception]) -> bool:
    """Whether all of a batch is lost with it."""
    if not issubclass(error, TROUBLE):
        return False
    code = _code(error)
    return not code or code[:2] in LOST or code == "40003"  # the outcome is unknown


def told(error: type[Exception], *, writes: bool) -> type[Exception]:
    """What whoever brought it is told."""
    if not issubclass(error, TROUBLE):
        of_values = writes and issubclass(error, (ValueError, OverflowError))
        return Unstorable if of_values else error
    if not writes:
        return Unavailable
    if issubclass(error, asyncpg.UniqueViolationError):
        return Stale
    return TOLD.get(_code(error)[:2], Unavailable)


class Database:
    """Fails whenever the poison is sent, and keeps what it was sent."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.sent: list[int] = []

    async def commit(self, sql: str, *parameters: Any, until: float) -> list[Any]:
        self._judge(len(parameters[0]), parameters)
        return []

    async def fetch(self, statement: Statement) -> Sequence[Any]:
        keys: list[str] = statement.parameters[2]
        try:
            self._judge(len(keys), statement.parameters)
        except TROUBLE as error:
            if may_be_ours(error):
                raise
            raise Unavailable from error
        return [(at, *[None] * 7, json(_named(key))) for at, key in enumerate(keys)]

    def _judge(self, members: int, parameters: Sequence[Any]) -> None:
        self.sent.append(members)
        if any(isinstance(one, list) and "test poison" in one for one in parameters):
            raise self._error


def _named(key: str) -> Record:
    return SingleUse(purpose="test", value=key.partition(" ")[2], expires=NOW)


async def _thrown(database: Database) -> list[Any]:
    """The outcomes of a full batch with the poison at PLACE, its own last."""
    connections: Any = database
    committer = Committer(connections)
    names = [str(number) for number in range(BATCH - 1)]
    names.insert(PLACE, "poison")
    commits = (committer.submit([Create(once(name))], ()) for name in names)
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    await committer.stop()
    return [*outcomes[:PLACE], *outcomes[PLACE + 1 :], outcomes[PLACE]]


@pytest.mark.parametrize("error", [row("ATTACKS A93", one.__name__, one) for one in ERRORS])
async def test_each_error_of_a_commit_has_its_share(error: type[Exception]) -> None:
    database = Database(error("the poison"))
    *others, mine = await _thrown(database)
    assert database.sent[0] == BATCH
    assert type(mine) is told(error, writes=True)
    if is_lost(error):
        assert len(database.sent) == 1, "a lost database is not asked again"
        assert {type(one) for one in others} == {Unavailable}
    else:
        again = error in (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
        assert len(database.sent) <= 15 * (TRIES if again else 1)
        assert others == [()] * (BATCH - 1)


async def test_whoever_lost_a_race_costs_one_statement() -> None:
    error = asyncpg.InvalidTextRepresentationError(f'invalid input: "{STALE}{PLACE}"')
    database = Database(error)
    *others, mine = await _thrown(database)
    assert database.sent == [BATCH, BATCH - 1]
    assert isinstance(mine, Stale)
    assert mine.change.record.key == "test poison"
    assert others == [()] * (BATCH - 1)


async def test_a_database_that_is_lost_in_between_is_not_asked_again() -> None:
    class Going(Database):
        def _judge(self, members: int, parameters: Sequence[Any]) -> None:
            if len(self.sent) == 2:
                self._error = ConnectionResetError()
            super()._judge(members, parameters)

    database = Going(asyncpg.DataError("the poison"))
    *others, mine = await _thrown(database)
    assert isinstance(mine, Unavailable)
    assert database.sent == [128, 64, 64]
    # What had gone through before is told so, all others that nobody knows.
    assert others[-64:] == [()] * 64
    assert {type(one) for one in others[:-64]} == {Unavailable}


@pytest.mark.parametrize("error", [row("ATTACKS A93", one.__name__, one) for one in ERRORS])
async def test_each_error_of_a_read_has_its_share(error: type[Exception]) -> None:
    database = Database(error("the poison"))
    reader = Reader(database.fetch)
    names = [str(number) for number in range(READ_TOGETHER - 1)]
    names.insert(PLACE, "poison")
    reads = (reader.read([One(SingleUse, f"test {name}")]) for name in names)
    outcomes: list[Any] = await asyncio.gather(*reads, return_exceptions=True)
    assert database.sent[0] == READ_TOGETHER
    mine = outcomes.pop(PLACE)
    names.pop(PLACE)
    assert type(mine) is told(error, writes=False)
    if is_lost(error):
        assert len(database.sent) == 1, "a lost database is not asked again"
        assert {type(one) for one in outcomes} == {Unavailable}
    else:
        assert len(database.sent) <= 13
        found = [
            one.one(One(SingleUse, f"test {name}"))
            for name, one in zip(names, outcomes, strict=True)
        ]
        assert found == [_named(f"test {name}") for name in names]


async def test_a_damaged_row_is_told_to_whoever_wants_it() -> None:
    async def fetch(statement: Statement) -> Sequence[Any]:
        keys: list[str] = statement.parameters[2]
        return [
            (at, *[None] * 7, "{" if key == "test poison" else json(_named(key)))
            for at, key in enumerate(keys)
        ]

    reader = Reader(fetch)
    names = ["a", "poison", "b"]
    reads = (reader.read([One(SingleUse, f"test {name}")]) for name in names)
    first, mine, last = await asyncio.gather(*reads, return_exceptions=True)
    assert isinstance(mine, Damaged)
    assert "once" in str(mine)
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
