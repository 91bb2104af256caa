"""R15: a restored backup does not bring back revoked access."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from tests.installation import SECRETS
from tests.live import Live

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.server.oauth.tokens import refresh_token
from valetkey.server.store.keyring import open_keys, read_keys
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.restore import Restored, backup, finalize
from valetkey.server.store.sqlite.store import SQLiteStore

KEYS = 1000


async def _hand_out(store: Store, user: str, master: bytes) -> list[str]:
    """Many keys to one app, each on a device of its own; the refresh tokens."""
    env = Env(int(time.time()), os.urandom)
    ring = open_keys(await read_keys(store), master, now=env.now)
    grant = Grant(
        id=ids.owned_id(env, owner=user),
        user=user,
        client="stefapp",
        permissions=("chirps.read",),
        created=env.now,
        changed=env.now,
    )
    families = [
        TokenFamily(
            id=ids.owned_id(env, owner=user),
            grant=grant.id,
            user=user,
            client="stefapp",
            permissions=("chirps.read",),
            refreshable=True,
            created=env.now,
            used=env.now,
            expires=env.now + 86400,
        )
        for _ in range(KEYS)
    ]
    await store.commit([Create(grant), *(Create(family) for family in families)])
    return [refresh_token.write(RefreshToken(family.id, 0, 0), ring) for family in families]


def _refresh(server: Live, token: str) -> int:
    form = {"grant_type": "refresh_token", "client_id": "stefapp", "refresh_token": token}
    return server.http.post("/token", data=form).status_code


def _access_token(server: Live, token: str) -> str:
    form = {"grant_type": "refresh_token", "client_id": "stefapp", "refresh_token": token}
    answer: str = server.http.post("/token", data=form).json()["access_token"]
    return answer


async def _finish(path: Path, master: bytes) -> Restored:
    store = SQLiteStore(path)
    try:
        return await finalize(store, master)
    finally:
        await store.close()


def test_nothing_that_was_revoked_after_the_backup_is_active(tmp_path: Path) -> None:
    server = Live(tmp_path / "valetkey.db")
    server.start()
    try:
        miko = server.users["miko"].id
        tokens = server.run(_hand_out(server.store, miko, server.master_key))
        access = _access_token(server, tokens[0])
        copy = tmp_path / "backup.db"
        backup(server.database, copy)
        for token in tokens:
            form = {"client_id": "stefapp", "token": token}
            assert server.http.post("/revoke", data=form).status_code == 200
    finally:
        server.stop()

    restored = asyncio.run(_finish(copy, server.master_key))
    assert restored.epoch == 1
    assert restored.at >= restored.known_until

    again = Live(copy, master_key=server.master_key)
    again.start(furnished=False)
    try:
        assert {_refresh(again, token) for token in tokens} == {400}
        answer = again.http.post(
            "/introspect", data={"token": access}, auth=("chirp", SECRETS["chirp"])
        )
        assert answer.json() == {"active": False}
        browser = again.browser()
        browser.open("/sign-in")
        browser.sign_in()
        # The grant of before opens nothing, and is not shown as a key that stands.
        assert "stefapp" not in browser.page.text
    finally:
        again.stop()


def test_without_the_end_of_the_epoch_the_check_above_would_fail(tmp_path: Path) -> None:
    server = Live(tmp_path / "valetkey.db")
    server.start()
    try:
        tokens = server.run(_hand_out(server.store, server.users["miko"].id, server.master_key))
        copy = tmp_path / "backup.db"
        backup(server.database, copy)
        server.http.post("/revoke", data={"client_id": "stefapp", "token": tokens[1]})
        assert _refresh(server, tokens[1]) == 400
    finally:
        server.stop()
    again = Live(copy, master_key=server.master_key)
    again.start(furnished=False)
    try:
        assert _refresh(again, tokens[1]) == 200
    finally:
        again.stop()


def test_a_backup_needs_a_database_and_a_free_name(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        backup(tmp_path / "none.db", tmp_path / "copy.db")
    (tmp_path / "taken.db").write_text("")
    with pytest.raises(FileExistsError):
        backup(tmp_path / "none.db", tmp_path / "taken.db")
