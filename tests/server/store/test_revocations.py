"""What is kept beside the database, and what a restored one is narrowed by."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.store.beside import MIKO, Disk, furnished, grant, owned

from valetkey.server.model.change import Change, Create, Remove, Stale, Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import REVOKED, SingleUse
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.factor import Factor
from valetkey.server.model.grant import Grant
from valetkey.server.model.keys import Epoch, SigningKey
from valetkey.server.model.organization import Membership, Organization, OrganizationRule
from valetkey.server.model.query import Many, One, Query
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.role import RoleBinding
from valetkey.server.model.user import Identity, Session, User
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.revocations.places import files_in
from valetkey.server.store.revocations.restoring import (
    Revived,
)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return furnished(tmp_path)


# What each kind of row is narrowed by. A row: what there was, what happened, what is left.

NOW = int(time.time())


def updated(**fields: Any) -> Callable[[Any], Change]:
    return lambda record: Update(replace(record, **fields))


RULE = OrganizationRule(apps="listed")
KINDS: list[Any] = [
    row(
        "user",
        "a new password voids the old one",
        lambda disk: disk.users[MIKO],
        updated(password="$argon2id$other"),
        lambda left: not left.password,
    ),
    row(
        "user",
        "an address of before gets no code",
        lambda disk: disk.users[MIKO],
        updated(email="new@example.org"),
        lambda left: not left.email and not left.email_verified,
    ),
    row(
        "user",
        "disabled",
        lambda disk: disk.users[MIKO],
        updated(status="disabled", disabled_by=("administrator",)),
        lambda left: left.status == "disabled" and left.password,
    ),
    row(
        "user",
        "erased",
        lambda disk: disk.users[MIKO],
        Remove,
        lambda left: left.status == "disabled" and not left.password,
    ),
    row(
        "session",
        "ended",
        lambda disk: Session(
            id=owned(disk), digest="0", user=disk.users[MIKO].id, auth_time=NOW, expires=NOW + 9999
        ),
        Remove,
        lambda left: left is None,
    ),
    row(
        "factor",
        "a passkey removed",
        lambda disk: Factor(
            id=owned(disk), user=disk.users[MIKO].id, kind="passkey", created=NOW, credential="c"
        ),
        Remove,
        lambda left: left is None,
    ),
    row(
        "factor",
        "a recovery code used",
        lambda disk: Factor(
            id=owned(disk), user=disk.users[MIKO].id, kind="recovery", created=NOW, codes=("a", "b")
        ),
        updated(codes=("a",)),
        lambda left: left is None,
    ),
    row(
        "factor",
        "a code of an authenticator used",
        lambda disk: Factor(id=owned(disk), user=disk.users[MIKO].id, kind="totp", created=NOW),
        updated(counter=7),
        lambda left: left.counter == 7,
    ),
    row(
        "identity",
        "unlinked",
        lambda disk: Identity(
            id=owned(disk), user=disk.users[MIKO].id, source="s", subject="x", created=NOW
        ),
        Remove,
        lambda left: left is None,
    ),
    row(
        "role",
        "taken",
        lambda disk: RoleBinding(
            user=disk.users[MIKO].id, roles=("owner", "support"), changed=NOW - 9
        ),
        updated(roles=("support",), changed=NOW),
        lambda left: left.roles == ("support",),
    ),
    row(
        "membership",
        "no administrator any more",
        lambda disk: Membership(
            organization="o", user=disk.users[MIKO].id, administrator=True, created=NOW
        ),
        updated(administrator=False),
        lambda left: not left.administrator,
    ),
    row(
        "organization",
        "a narrower rule",
        lambda disk: Organization(id="o", name="O", created=NOW, changed=NOW),
        updated(rule=RULE, revision=2),
        lambda left: left.rule == RULE and left.revision == 2 and left.applied == 1,
    ),
    row(
        "grant",
        "a permission removed",
        lambda disk: grant(disk.users[MIKO]),
        lambda one: Update(one.with_permissions(("chirps.read",))),
        lambda left: left.permissions == ("chirps.read",) and left.lost_permissions,
    ),
    row(
        "grant",
        "a delegate revoked",
        lambda disk: grant(disk.users[MIKO]),
        updated(revoked_delegates={"client:x": ("chirps.read",)}),
        lambda left: left.revoked_delegates == {"client:x": ("chirps.read",)},
    ),
    row(
        "client",
        "without its secret, suspended",
        lambda _: Client(id="new", name="New", scope=("chirps.read",), created=NOW),
        updated(status="suspended", scope=()),
        lambda left: left.status == "suspended" and left.scope == (),
    ),
    row(
        "client",
        "a key removed",
        lambda _: Client(
            id="new", name="New", created=NOW, jwks={"keys": [{"kid": "a"}, {"kid": "b"}]}
        ),
        updated(jwks={"keys": [{"kid": "b"}]}),
        lambda left: left.jwks == {"keys": [{"kid": "b"}]},
    ),
    row(
        "client",
        "removed",
        lambda _: Client(id="new", name="New", created=NOW),
        Remove,
        lambda left: left is None,
    ),
]


@pytest.mark.parametrize("before, change, holds", KINDS)
def test_what_ended_stays_ended(
    disk: Disk,
    before: Callable[[Disk], Record],
    change: Callable[[Any], Change],
    holds: Callable[[Any], object],
) -> None:
    record = before(disk)
    query: Query = One(type(record), record.key)
    if disk.one(query) is None:
        disk.commit(Create(record))
    disk.back_up()
    stored = disk.one(query)
    disk.commit(change(stored))
    disk.check()
    disk.lose()
    with pytest.raises(Revived):
        disk.check()
    assert disk.apply().narrowed == {record.table: 1}
    assert holds(disk.one(query))
    disk.check()
    # It says the same, so nothing more is to narrow, nor is a later change undone.
    disk.commit(Update(replace(disk.one(query)))) if disk.one(query) else None
    disk.check()


def test_a_secret_of_a_client_and_of_an_api(disk: Disk) -> None:
    web, chirp = One(Client, "web"), One(ResourceServer, "chirp")
    disk.back_up()
    disk.commit(Update(replace(disk.one(web), secrets=())))
    disk.commit(Update(replace(disk.one(chirp), secrets=())))
    disk.lose()
    assert disk.apply().narrowed == {"clients": 1, "resource_servers": 1}
    assert disk.one(web).secrets == disk.one(chirp).secrets == ()


def test_a_token_a_signing_key_and_an_epoch(disk: Disk) -> None:
    disk.back_up()
    key = next(one for one in disk.run(_keys) if one.use == "ES256" and one.status == "current")
    token = SingleUse(purpose=REVOKED, value="jti", expires=NOW + 9999)
    disk.commit(Create(token), Remove(key), Create(Epoch(number=3, since=NOW)))
    disk.lose()
    assert disk.apply().narrowed == {"epochs": 1, "once": 1, "signing_keys": 1}
    assert disk.one(One(SingleUse, token.key)).expires == NOW + 9999
    assert disk.one(One(SigningKey, key.kid)) is None
    assert disk.one(One(Epoch, "current")).number == 3


async def _keys(store: Store) -> tuple[SigningKey, ...]:
    query = Many(SigningKey)
    return (await store.read(query)).many(query)


def test_an_erased_user_is_erased_again(disk: Disk) -> None:
    miko = disk.users[MIKO]
    disk.back_up()
    disk.commit(Remove(disk.one(One(User, miko.id))))
    disk.lose()
    disk.apply()
    assert disk.one(One(Erasure, miko.id)).due <= time.time()


def test_what_was_resumed_is_not_paused(disk: Disk) -> None:
    one = grant(disk.users[MIKO])
    query = One(Grant, one.id)
    disk.commit(Create(one))
    disk.back_up()
    disk.commit(Update(replace(disk.one(query), status="paused")))
    disk.commit(Update(replace(disk.one(query), status="active")))
    disk.lose()
    disk.check()
    assert disk.apply().narrowed == {}
    assert disk.one(query).status == "active"


def test_a_lost_race_ends_nothing(disk: Disk) -> None:
    one = grant(disk.users[MIKO])
    disk.commit(Create(one))
    disk.back_up()
    with pytest.raises(Stale):
        disk.commit(Update(replace(one, status="stopped", version=7)))
    disk.check()
    assert disk.apply().narrowed == {}


def test_a_commit_that_never_came_ends_at_the_start(disk: Disk) -> None:
    """The server died between the line and the commit: the user may have been told either."""
    one = grant(disk.users[MIKO])
    query = One(Grant, one.id)
    disk.commit(Create(one))
    disk.back_up()
    disk.commit(Update(replace(disk.one(query), status="stopped")))
    (file,) = files_in(disk.place)
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    disk.lose()
    disk.check()
    assert disk.one(query).status == "stopped"


def test_without_the_folder_nothing_ends(disk: Disk) -> None:
    """A revocation that could not be kept is refused; what is no revocation goes on."""
    one = grant(disk.users[MIKO])
    disk.commit(Create(one))
    for file in files_in(disk.place):
        file.unlink()
    disk.place.rmdir()
    with pytest.raises(Unavailable, match="revocations cannot be written"):
        disk.commit(Update(replace(disk.one(One(Grant, one.id)), status="stopped")))
    assert disk.one(One(Grant, one.id)).status == "active"
    disk.commit(Create(grant(disk.users["noor"])))
    disk.commit(Update(disk.one(One(User, disk.users[MIKO].id)), as_it_is=True))


def test_files_hold_no_secret(disk: Disk) -> None:
    miko = disk.one(One(User, disk.users[MIKO].id))
    web = disk.one(One(Client, "web"))
    disk.commit(Update(replace(miko, zone="Europe/Paris")))
    disk.commit(Update(replace(web, name="Web")))
    text = b"".join(file.read_bytes() for file in files_in(disk.place)).decode()
    assert miko.id in text
    hidden = (miko.password, miko.email, miko.username, web.secrets[0].digest)
    assert [one for one in hidden if one in text] == []
