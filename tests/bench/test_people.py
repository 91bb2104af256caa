"""The benchmark's own people: what `make bench` fills a database with."""

from pathlib import Path

import pytest
from bench.peers.people import PASSWORD, furnish, people_of

from valetkey.server.accounts import password
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import One
from valetkey.server.model.user import User
from valetkey.server.store.database import open_store
from valetkey.server.store.database_url import Database


@pytest.mark.anyio
async def test_everybody_is_there_with_the_password_of_the_load(tmp_path: Path) -> None:
    database = Database(tmp_path / "valetkey.db")
    snapshot = await furnish(database, 400)

    store = await open_store(database)
    try:
        for number in range(400):
            wanted = One(User, snapshot.people.member(number).user.id)
            found = (await store.read(wanted)).one(wanted)
            assert found is not None
            assert found.password == snapshot.people.password
        some = people_of(snapshot)[0].records[0]
        assert (await store.read(One(type(some), some.key))).rows
    finally:
        await store.close()
    assert password.fits(Secret(PASSWORD), snapshot.people.password)
