"""`valetkey db` around an update to another version: no way back, and the search index of what an
older server wrote."""

from contextlib import closing

import apsw
import pytest
from tests.cli.line import Line
from tests.server.store.samples import NOW

from valetkey.server.model.change import Create
from valetkey.server.model.last_use import IndexState
from valetkey.server.model.search import TERMS
from valetkey.server.store.migrate import MigrationError, migrations, pending, ran

OURS = migrations("sqlite")


def test_no_way_back(line: Line) -> None:
    """A server that knows fewer steps does not start on it any more; this one goes on."""
    line.ok("db", "migrate")
    answer = line.json("db", "migrate", "--refuse-older")
    assert answer == {"ran": [], "refuses_older": True}
    with closing(apsw.Connection(str(line.folder / "valetkey.db"))) as connection:
        steps = ran(connection)
    with pytest.raises(MigrationError, match="install the newer one"):
        pending(steps, OURS[:-1])
    assert pending(steps, OURS) == ()
    line.ok("db", "status")


def test_reindex(line: Line) -> None:
    """Servers walk again through all records, also those that an older one wrote."""
    line.ok("db", "migrate")
    state = IndexState(kind="users", terms=TERMS, rounds=2, ended=NOW)
    line.store(lambda store: store.commit([Create(state)]))
    assert line.json("db", "reindex") == {"reindex": True}
    row = line.json("db", "show", "index_states", "users")
    assert not {"rounds", "before"} & {name for name, value in row.items() if value}
