"""A store's cache of rows is bounded, and a record comes from the row that was read now."""

from tests.server.store.samples import ENV

from valetkey.server.model import ids
from valetkey.server.store.row_cache import SIZE, RowCache


def test_what_is_kept_is_found() -> None:
    rows: RowCache[str, int] = RowCache()
    assert rows.keep("a", 1) == 1
    assert rows.keep("a", 2) == 2
    assert rows == {"a": 2}


def test_it_is_bounded() -> None:
    rows: RowCache[str, int] = RowCache()
    for number in range(SIZE + 1):
        rows.keep(ids.user_id(ENV), number)
        assert len(rows) <= SIZE
    assert list(rows.values()) == [SIZE]
