"""The bench of the console, small: its rows are found as the server's own are, and each of its
requests is answered."""

from pathlib import Path

import apsw
from bench.desk import desk, requests
from bench.desk_fill import Size
from bench.population import population

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant
from valetkey.server.model.search import stored_key, terms_of
from valetkey.server.model.user import User
from valetkey.server.store.port import milliseconds


def test_what_it_fills_in_is_found(tmp_path: Path) -> None:
    size = Size(population(100, now=milliseconds() // 1000), 20)
    file = tmp_path / "desk.db"
    with desk(size, tmp_path / "server", str(file)) as one:
        assert one.call("/apps?limit=200").json()["items"]
        user = one.user().user
        (found,) = one.call(f"/users?email={user.email}").json()["items"]
        assert found["id"] == user.id
        (grant,) = one.call(f"/grants?user={user.id}").json()["items"]
        assert grant["last_used"]
        for _, prepare in requests():
            prepare(one)()
        records = [record for kind in (User, Client, Grant) for record in one.read_all(kind)]
    connection = apsw.Connection(str(file))
    stored = set(connection.execute("SELECT term, key FROM search"))
    expected = {(term, stored_key(one)) for one in records for term in terms_of(one)}
    assert len(records) > 220
    assert expected <= stored
    connection.close()
