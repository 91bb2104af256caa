"""Makes the golden database of a release: what this version writes, kept for ever, so that every
later one shows that it can open and use it.

    .venv/bin/python -m tests.server.store.golden.make 0.1.0

An SQLite file, the same for PostgreSQL as a dump, and what is in them as JSON. Once a release is
out its files are never made again; until then they are, whenever a record or the schema changes.
"""

import argparse
import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec
from tests.installation import CLIENTS, PASSWORDS, POLICIES, RESOURCE_SERVERS
from tests.postgres import binaries, cluster

from valetkey.jose.seal import digest
from valetkey.server.accounts import password
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.client import StoredSecret
from valetkey.server.model.counters import SingleUse, Throttle
from valetkey.server.model.environment import Env
from valetkey.server.model.event import event
from valetkey.server.model.grant import Delegate, DelegateTree, Grant, TokenFamily
from valetkey.server.model.keys import Epoch, Secret, SigningKey
from valetkey.server.model.leasing import Allowance, Lease, PeriodCount
from valetkey.server.model.limits import Bounds, Limits
from valetkey.server.model.pending import Approval, Pending
from valetkey.server.model.receipt import Line, Receipt
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.model.resource import CatalogRevision
from valetkey.server.model.stream import Job, Signal, Stream
from valetkey.server.model.user import Session, User
from valetkey.server.oauth.admin.keys import TURNED
from valetkey.server.oauth.core.decision import RefreshToken
from valetkey.server.oauth.tokens import refresh_token
from valetkey.server.store.database_url import PostgresURL
from valetkey.server.store.keyring import make, open_keys
from valetkey.server.store.port import RECORDS, Store
from valetkey.server.store.postgres import PostgresStore
from valetkey.server.store.sqlite.store import SQLiteStore
from valetkey.wire.security_event import SESSION_REVOKED

FOLDER: Final = Path(__file__).parent
MASTER: Final = bytes(range(32))
"""Of no secret: it opens nothing but the golden databases."""

BORN: Final = 1_790_000_000
NEVER: Final = 4_000_000_000
"""A second that no test will live to see."""

PERMISSIONS: Final = ("chirps.read", "chirps.write")


class Golden(msgspec.Struct):
    """What a golden database holds: the fields of each record by table and key, and a refresh token
    that was handed out."""

    refresh_token: str
    secrets: dict[str, str]
    records: dict[str, dict[str, dict[str, Any]]]


def _draw() -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        yield bytes.fromhex(digest(f"golden {number}"))


def _people(env: Env) -> Iterator[User]:
    for name, word in PASSWORDS.items():
        yield User(
            id=ids.user_id(env),
            username=name,
            password=password.hash_password(Secret(word), salt=env.random_bytes(16)),
            email=f"{name}@example.org",
            claims={"name": name.title()},
            created=BORN,
            changed=BORN,
        )


def _owned(env: Env, user: User) -> Iterator[Record]:
    """One app on one device, signed in, and the other app, stopped."""
    grant = Grant(
        id=ids.owned_id(env, owner=user.id),
        user=user.id,
        client="stefapp",
        permissions=PERMISSIONS,
        refused=("dms.send",),
        limits=Limits(until=NEVER, permissions={"chirps.write": Bounds(often={"total": 9})}),
        epoch=1,
        created=BORN,
        changed=BORN,
        revoked_delegates={"client:agent": ("chirps.read",)},
    )
    yield grant
    yield DelegateTree(
        id=grant.id,
        user=user.id,
        delegates=(
            Delegate(
                chain=("client:agent",),
                permissions=("chirps.read",),
                first=BORN,
                last=BORN // 86400,
            ),
        ),
    )
    yield msgspec.structs.replace(
        grant, id=ids.owned_id(env, owner=user.id), client="web", status="stopped"
    )
    yield Allowance(
        grant=grant.id,
        permission="chirps.write",
        often={"total": PeriodCount(0, 0, 3)},
        out=(Lease(id="a" * 22, holder="chirp", uses=1, expires=BORN + 30, often={"total": 0}),),
    )
    yield TokenFamily(
        id=ids.owned_id(env, owner=user.id),
        grant=grant.id,
        user=user.id,
        client="stefapp",
        scope=("chirps", "offline_access"),
        permissions=PERMISSIONS,
        resources=("https://chirp.example",),
        refreshable=True,
        auth_time=BORN,
        device="Firefox on Linux",
        created=BORN,
        used=BORN,
        expires=NEVER,
    )
    yield Session(
        id=ids.owned_id(env, owner=user.id),
        digest=digest("a cookie's secret"),
        user=user.id,
        auth_time=BORN,
        amr=("pwd",),
        epoch=1,
        expires=NEVER,
    )
    yield Approval(
        id=ids.owned_id(env, owner=user.id),
        user=user.id,
        client="stefapp",
        grant=grant.id,
        words="Two tickets",
        amount="25.00 EUR",
        created=BORN,
        expires=NEVER,
    )
    stream = ids.free_id(env)
    yield Stream(
        receiver=f"resource of {user.username}",
        id=stream,
        requested=(SESSION_REVOKED,),
        delivers="push",
        url="https://chirp.example/signals",
        status="paused",
        created=BORN,
    )
    yield Signal(
        stream=stream,
        order=f"{BORN}000.000",
        id=ids.free_id(env),
        event=SESSION_REVOKED,
        user=user.id,
        client="stefapp",
        at=NEVER,
    )
    yield Receipt(
        id=ids.owned_id(env, owner=user.id),
        user=user.id,
        client="stefapp",
        grant=grant.id,
        request=ids.free_id(env),
        at=BORN,
        language="de",
        app="stefApp",
        destination="127.0.0.1",
        why="permissions",
        lines=(Line(id="chirps.read", words="lesen", place="asked", ticked=True, granted=True),),
        revisions={"https://chirp.example": 1},
    )
    yield event(
        env,
        "granted",
        by="user",
        user=user.id,
        client="stefapp",
        grant=grant.id,
        permissions=PERMISSIONS,
    )


def records(secrets: dict[str, str]) -> tuple[Record, ...]:
    """At least one of every kind."""
    stream = _draw()
    env = Env(BORN, lambda count: next(stream)[:count])
    people = tuple(_people(env))

    def keeping(record: Any) -> Any:
        known = record.id in secrets and record.secrets
        kept = (StoredSecret(digest(secrets[record.id]), BORN),) if known else ()
        return msgspec.structs.replace(record, secrets=kept, created=BORN)

    return (
        *(keeping(client) for client in CLIENTS),
        *(keeping(server) for server in RESOURCE_SERVERS),
        *(
            CatalogRevision(server=server.id, number=1, catalog=server.catalog, at=BORN, by="miko")
            for server in RESOURCE_SERVERS
        ),
        *POLICIES,
        *people,
        *(record for user in people for record in _owned(env, user)),
        Epoch(number=1, since=BORN),
        *(make(use, MASTER, status=status) for use in TURNED for status in ("current", "coming")),
        make("salt", MASTER, status="current"),
        SingleUse(purpose="request_uri", value="seen", expires=NEVER),
        Throttle(bucket="account miko", tried=1, since=BORN, expires=NEVER),
        Job(id=ids.free_id(env), kind="ping", url="https://app.example/", due=NEVER, created=BORN),
        Pending(
            id=ids.free_id(env),
            kind="pushed",
            client="web",
            parameters={"state": "é&=\u2028"},
            created=BORN,
            expires=NEVER,
        ),
    )


async def _filled(store: Store, what: tuple[Record, ...]) -> None:
    await store.commit([Create(record) for record in what])
    await store.close()


def _sqlite(file: Path, what: tuple[Record, ...]) -> None:
    file.unlink(missing_ok=True)
    asyncio.run(_filled(SQLiteStore(file), what))
    connection = apsw.Connection(str(file))
    connection.execute("PRAGMA journal_mode = DELETE; VACUUM")
    connection.close()


def _postgres(file: Path, what: tuple[Record, ...]) -> None:
    folder = binaries()
    assert folder is not None
    with cluster() as server:

        async def filled() -> None:
            await _filled(await PostgresStore.open(PostgresURL(server.url)), what)

        asyncio.run(filled())
        command = (folder / "pg_dump", "--inserts", "--no-owner", "--no-privileges", server.url)
        dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # What psql alone understands, and comments, are of the program's version, not of the data's.
    kept = [line for line in dump.split("\n") if line and not line.startswith(("--", "\\"))]
    file.write_text("\n".join((*kept, "")))


def _told(what: tuple[Record, ...], secrets: dict[str, str]) -> Golden:
    ring = open_keys([one for one in what if isinstance(one, SigningKey)], MASTER, now=BORN)
    family = next(one for one in what if isinstance(one, TokenFamily))
    tables: dict[str, dict[str, dict[str, Any]]] = {kind.table: {} for kind in RECORDS}
    for one in what:
        tables[one.table][one.key] = stored_fields(one) | {"version": 1}
    token = refresh_token.write(RefreshToken(family.id, 0, 0), ring)
    return Golden(refresh_token=token, secrets=secrets, records=tables)


def main() -> None:
    """Writes the three files of a version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    version = parser.parse_args().version
    secrets = {name: f"golden secret of {name}" for name in ("web", "machine", "chirp")}
    what = records(secrets)
    _sqlite(FOLDER / f"{version}.db", what)
    _postgres(FOLDER / f"{version}.sql", what)
    golden = msgspec.json.format(msgspec.json.encode(_told(what, secrets)), indent=1)
    (FOLDER / f"{version}.json").write_bytes(golden + b"\n")


if __name__ == "__main__":
    main()
