"""Whatever one job of a batch on SQLite raises: where it may be the job's own, the others are
written; where it is the disk's, the file's or the connection's, nobody's is acknowledged."""

import asyncio
from pathlib import Path
from typing import Final

import apsw
import pytest
from tests.rows import row
from tests.server.store.samples import once, told
from tests.server.store.steps import kept

from valetkey.server.model.change import Create
from valetkey.server.store.port import Unavailable, Unstorable
from valetkey.server.store.sqlite.store import SQLiteStore
from valetkey.server.store.sqlite.transactions import LOST
from valetkey.server.store.sqlite.writer import Commit, WriteJob
from valetkey.server.store.survey import MALFORMED

ERRORS: Final[tuple[type[Exception], ...]] = (
    *(
        kind
        for name in dir(apsw)
        if isinstance(kind := getattr(apsw, name), type) and issubclass(kind, apsw.Error)
    ),
    ValueError,
    OverflowError,
    TypeError,
    KeyError,
    RecursionError,
)
"""Every error of the library, and what Python raises for a record that it cannot write."""

OUTCOMES: Final[dict[type[Exception], type[Exception]]] = {
    ValueError: Unstorable,
    OverflowError: Unstorable,
    apsw.TooBigError: Unstorable,
    apsw.MismatchError: Unstorable,
    TypeError: TypeError,
    KeyError: KeyError,
    RecursionError: RecursionError,
}
"""What whoever brought it is told; Unavailable for all others."""


class Poison(Commit):
    """Writes, and then fails."""

    def __init__(self, error: type[Exception], *, single: bool) -> None:
        super().__init__(
            asyncio.get_running_loop(), [Create(once("poison"))], () if single else [told()]
        )
        self._error = error
        self.ran = 0

    def run(self, cursor: apsw.Cursor) -> int:
        self.ran += 1
        if not self.single:
            super().run(cursor)
        raise self._error("the poison")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "valetkey.db"


pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("single", [True, False], ids=["one statement", "several"])
@pytest.mark.parametrize("error", [row("ATTACKS A93", one.__name__, one) for one in ERRORS])
async def test_each_error_has_its_share(file: Path, error: type[Exception], single: bool) -> None:
    store = SQLiteStore(file)
    writer = store._writer
    loop = asyncio.get_running_loop()
    others = [once(str(number)) for number in range(9)]
    jobs: list[WriteJob] = [Commit(loop, [Create(one)], ()) for one in others]
    poison = Poison(error, single=single)
    jobs.insert(4, poison)
    outcomes = await asyncio.gather(*map(writer.submit, jobs), return_exceptions=True)
    lost = issubclass(error, LOST)
    assert type(outcomes.pop(4)) is OUTCOMES.get(error, Unavailable)
    assert {type(one) for one in outcomes} == {Unavailable if lost else int}
    assert poison.ran == 1
    for one in others:
        assert (await kept(store, one) is None) is lost
    assert await kept(store, once("poison")) is None
    if issubclass(error, MALFORMED):
        with pytest.raises(Unavailable, match="is malformed"):
            await store.commit([Create(once("afterwards"))])
    else:
        await store.commit([Create(once("afterwards"))])
    await store.close()


async def test_where_sqlite_undid_all_nobody_is_told_yes(file: Path) -> None:
    store = SQLiteStore(file)

    class Undoing(Commit):
        def run(self, cursor: apsw.Cursor) -> int:
            cursor.execute("ROLLBACK")
            raise apsw.SQLError("and all of it with it")

    loop = asyncio.get_running_loop()
    jobs: list[WriteJob] = [Commit(loop, [Create(once(name))], ()) for name in "abc"]
    jobs.insert(1, Undoing(loop, [Create(once("poison"))], ()))
    outcomes = await asyncio.gather(*map(store._writer.submit, jobs), return_exceptions=True)
    assert {type(one) for one in outcomes} == {Unavailable}
    assert [await kept(store, once(name)) for name in "abc"] == [None] * 3
    await store.commit([Create(once("a"))])
    await store.close()
