"""A82: database theft.

Attack: A thief copies the database.
Defense: It contains names, digests and encrypted keys. Nothing in it opens anything.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.attacks import story
from tests.attacks.play import AS_SPA, STEFAPP, asking, desk, every, find
from tests.live import Live

from valetkey.server.model import ids
from valetkey.server.model.client import Client
from valetkey.server.model.pending import Pending
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.reply_address import address
from valetkey.server.oauth.authorize.request import PARAMETERS
from valetkey.server.oauth.authorize.request_stages import understand_and_check
from valetkey.server.store.port import RECORDS
from valetkey.wire.form import Form


@pytest.fixture(scope="module")
def secrets(server: Live) -> frozenset[str]:
    """All that was secret in a whole story."""
    return story.play(server)


def files(server: Live) -> dict[str, bytes]:
    """The database's files as a thief finds them while the server runs."""
    database = server.database
    return {
        one.name: one.read_bytes()
        for one in database.parent.iterdir()
        if one.name.startswith(database.name)
    }


def spellings(secret: str) -> Iterator[bytes]:
    """The secret as text, and the bytes behind it where there are some."""
    yield secret.encode()
    parts = secret.split(".") if secret.count(".") == 2 else []
    for part in {secret, secret.rpartition("_")[2], *parts}:
        if len(part) < 16:
            continue
        yield part.encode()
        try:
            raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except (binascii.Error, ValueError):
            continue
        if len(raw) >= 16:
            yield raw
            yield raw.hex().encode()
            yield base64.b64encode(raw)


def test_no_secret_stands_in_its_files(secrets: frozenset[str], server: Live) -> None:
    found = files(server)
    assert {"valetkey.db", "valetkey.db-wal"} <= set(found)
    # So that it is the files of this very story.
    its = ids.to_bytes(server.users["miko"].id)[ids.PLACE :]
    assert any(its in content for content in found.values())
    for secret in secrets:
        for spelling in spellings(secret):
            for name, content in found.items():
                assert spelling not in content, (name, secret[:12], len(spelling))


def test_no_secret_stands_in_any_record(secrets: frozenset[str], server: Live) -> None:
    shown = "\n".join(repr(record) for kind in RECORDS for record in every(server, kind))
    assert "Pending(" in shown
    assert [secret[:12] for secret in secrets if secret in shown] == []


def test_passwords_are_kept_as_argon2id_each_with_its_own_salt(server: Live) -> None:
    kept = [user.password for user in every(server, User) if user.password]
    assert all(one.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for one in kept)
    assert len({one.split("$")[4] for one in kept}) == len(kept) == 2


def test_what_waits_keeps_only_what_is_read_of_it(server: Live) -> None:
    stray = {"client_secret": "x", "password": "x", "code_verifier": "x", "unknown": "x"}
    browser = server.browser()
    browser.open(asking(STEFAPP, **stray).path())
    server.http.post("/par", data=asking(STEFAPP, **stray).parameters())
    waiting = [one for one in every(server, Pending) if one.kind not in {"code", "answered"}]
    assert {one.kind for one in waiting} == {"pushed", "interaction"}
    for one in waiting:
        assert set(one.parameters) <= PARAMETERS


class Watched(Form):
    """Parameters that note which of them are read, by whichever of a form's ways."""

    def __init__(self, one: Mapping[str, str]) -> None:
        super().__init__(one)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def test_what_is_read_of_a_request_is_kept(server: Live) -> None:
    """So that a parameter which a later step reads is not lost on the way."""
    watched = Watched(asking(AS_SPA, scope="openid").parameters())
    context = desk(server)
    client, _ = address(watched, find(server, Client, "spa"), context)
    understand_and_check(watched, client, context, pushed=False)
    assert watched.read - {"request", "request_uri"} == PARAMETERS - {
        "client_id",
        "ui_locales",
        "grant_id",
        "grant_management_action",
    }
