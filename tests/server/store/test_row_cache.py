"""A store's cache of rows is bounded, and a record comes from the row that was read now."""

from tests.server.store.samples import ENV

from valetkey.server.model import ids
from valetkey.server.store.row_cache import LEAVE, SIZE, RowCache


def test_what_is_read_again_is_found() -> None:
    rows: RowCache[str, int] = RowCache()
    assert rows.keep("a", 1) == 1
    assert rows == {}, "most rows are read once"
    assert rows.keep("a", 1) == 1
    assert rows == {"a": 1}
    assert rows.keep("a", 2) == 2
    assert rows == {"a": 2}


def test_it_is_bounded_and_the_oldest_leave() -> None:
    rows: RowCache[str, int] = RowCache()
    names = [ids.user_id(ENV) for _ in range(SIZE + 1)]
    for number, name in enumerate(names):
        for _ in range(2):
            rows.keep(name, number)
        assert len(rows) <= SIZE
    assert list(rows.values()) == list(range(LEAVE, SIZE + 1))


def test_names_that_were_seen_once_are_bounded() -> None:
    rows: RowCache[str, int] = RowCache()
    for number in range(3 * SIZE):
        rows.keep(str(number), number)
        assert len(rows._once) <= SIZE
    assert rows == {}
