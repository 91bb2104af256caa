"""The bench's people with password hashes of another system: they sign in, at a steady pace."""

import asyncio
import time
from pathlib import Path

import pytest
from bench.extras import sign_ins
from bench.imported import HASHES, PACE, paced
from bench.peers.people import PASSWORD
from tests.live import live

from valetkey.server.accounts import password_forms
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.user import User


@pytest.mark.parametrize("kind", HASHES)
def test_a_hash_is_one_that_the_server_imports(kind: str) -> None:
    stored = HASHES[kind]()
    assert password_forms.why_not_imported(stored) == ""
    assert password_forms.fits(stored, PASSWORD.encode())


def test_people_come_at_their_pace(tmp_path: Path) -> None:
    stored = HASHES["PBKDF2, 27,500 iterations"]()
    names = [f"person{number}" for number in range(6)]
    people = [
        User(id=ids.to_text(bytes([number]) * ids.LENGTH), username=name, password=stored)
        for number, name in enumerate(names)
    ]
    with live(tmp_path, unthrottled=("127.0.0.1",)) as server:
        server.run(server.store.commit([Create(one) for one in people]))
        requests = sign_ins(server.port, names)
        began = time.monotonic()
        came = asyncio.run(paced(server.port, requests, seconds=6 / PACE, pace=PACE))
        assert time.monotonic() - began >= 5 / PACE
    assert (len(came.took) + came.put_off, came.wrong) == (6, 0)
