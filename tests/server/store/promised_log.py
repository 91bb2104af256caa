"""The promises of the store about the change log."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.store.samples import MIKO, NOW, grant, once, sample, told, user
from tests.server.store.steps import put, won

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import REVOKED, SingleUse
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import Epoch, SigningKey
from valetkey.server.model.limits import Bounds, Limits
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.user import User
from valetkey.server.store.port import Store
from valetkey.wire.change_log import RETENTION, Entry

GRANT: Final = replace(sample(Grant), limits=Limits(), revoked_delegates={}, lost_permissions=())
CUT: Final = {"client:agent": ("posts:read",)}
FAMILY: Final = sample(TokenFamily)
USER: Final = sample(User)
CLIENT: Final = sample(Client)
KEY: Final = replace(sample(SigningKey), use="ES256")
LIMITED: Final = replace(
    grant(),
    permissions=("posts:read", "posts:write"),
    limits=Limits(until=NOW + 60, permissions={"posts:write": Bounds(often={"day": 3})}),
)
OPEN: Final = replace(FAMILY, status="open")


def told_of(kind: str, status: str, record: Record, **more: object) -> Entry:
    return Entry(kind=kind, status=status, subject=record.key, **more)  # type: ignore[arg-type]


async def entries(store: Store, after: int = 0) -> list[Entry]:
    """What the log says, without what differs from time to time."""
    found = (await store.log(after)).entries
    return [replace(one, at=0, mark="", seq=0) for one in found]


MINE: Final = ("posts:read",)
ASKED: Final = (*FAMILY.scope, *FAMILY.permissions, *FAMILY.details)

ROWS: Final = [
    row(
        "port",
        "a grant is made",
        [Create(GRANT)],
        [told_of("grant", "paused", GRANT, grant_version=1, permissions=MINE, about=MINE)],
    ),
    row(
        "port",
        "a grant is narrowed and stopped",
        [
            Create(GRANT),
            Update(replace(GRANT.with_permissions(()), version=1)),
            Update(replace(GRANT.with_permissions(()), version=2, status="stopped")),
        ],
        [
            told_of("grant", "paused", GRANT, grant_version=1, permissions=MINE, about=MINE),
            told_of("grant", "paused", GRANT, grant_version=2, about=MINE),
            told_of("grant", "stopped", GRANT, grant_version=3, about=MINE),
        ],
    ),
    row(
        "port",
        "a grant has limits",
        [Create(LIMITED)],
        [
            told_of(
                "grant",
                "active",
                LIMITED,
                grant_version=1,
                permissions=("posts:read", "posts:write"),
                limited=("posts:write",),
                until=NOW + 60,
                about=("posts:read", "posts:write"),
            )
        ],
    ),
    row(
        "port",
        "somebody is cut off",
        [Create(GRANT), Update(replace(GRANT, version=1, revoked_delegates=CUT))],
        [
            told_of("grant", "paused", GRANT, grant_version=1, permissions=MINE, about=MINE),
            told_of(
                "grant",
                "paused",
                GRANT,
                grant_version=2,
                permissions=MINE,
                revoked_delegates=CUT,
                about=MINE,
            ),
        ],
    ),
    row(
        "port",
        "a grant is removed",
        [Create(GRANT), Remove(replace(GRANT, version=1))],
        [
            told_of("grant", "paused", GRANT, grant_version=1, permissions=MINE, about=MINE),
            told_of("grant", "removed", GRANT, grant_version=2, permissions=MINE, about=MINE),
        ],
    ),
    row("port", "a family begins", [Create(OPEN)], []),
    row(
        "port",
        "a family is refreshed",
        [Create(OPEN), Update(replace(OPEN, version=1, generation=8))],
        [],
    ),
    row(
        "port",
        "a family is closed",
        [Create(OPEN), Update(replace(FAMILY, version=1))],
        [told_of("family", "closed", FAMILY, listed=FAMILY.in_lists, about=ASKED)],
    ),
    row("port", "a code is burned", [Create(FAMILY)], []),
    row(
        "port",
        "a family is removed",
        [Create(OPEN), Remove(replace(OPEN, version=1))],
        [told_of("family", "closed", FAMILY, listed=FAMILY.in_lists, about=ASKED)],
    ),
    row("port", "somebody comes", [Create(USER)], []),
    row(
        "port",
        "somebody is disabled, comes back, and goes",
        [
            Create(USER),
            Update(replace(USER, version=1)),
            Update(replace(USER, version=2, status="active")),
            Remove(replace(USER, version=3)),
        ],
        [
            told_of("user", "disabled", USER),
            told_of("user", "active", USER),
            told_of("user", "removed", USER),
        ],
    ),
    row(
        "port",
        "an app is suspended, may do less, and goes",
        [
            Create(CLIENT),
            Update(replace(CLIENT, version=1)),
            Update(replace(CLIENT, version=2, status="active", scope=("openid",))),
            Remove(replace(CLIENT, version=3)),
        ],
        [
            told_of("client", "suspended", CLIENT, permissions=("openid", "basic")),
            told_of("client", "active", CLIENT, permissions=("openid",)),
            told_of("client", "removed", CLIENT, permissions=("openid", "basic")),
        ],
    ),
    row(
        "port",
        "an access token is revoked",
        [Create(SingleUse(purpose=REVOKED, value="jti", expires=NOW))],
        [Entry(kind="token", subject="jti", status="revoked")],
    ),
    row(
        "port",
        "an epoch ends",
        [Create(Epoch(number=1, since=NOW))],
        [Entry(kind="all", status="over")],
    ),
    row(
        "port",
        "a signing key is revoked",
        [Create(replace(KEY, until=0)), Remove(replace(KEY, version=1, until=0))],
        [Entry(kind="key", subject=KEY.kid, status="removed")],
    ),
    row("port", "whatever else", [Create(once("x")), Create(sample(ResourceServer))], []),
]


class Logs:
    """What a key hangs on is told when it changes, once, in order, and in the same commit."""

    @pytest.mark.parametrize("changes, expected", ROWS)
    async def test_a_change_is_told(
        self, store: Store, changes: Sequence[Change], expected: list[Entry]
    ) -> None:
        for change in changes:
            await store.commit([change], [told()])
        assert await entries(store) == expected

    async def test_all_of_a_commit_is_told_in_its_order(self, store: Store) -> None:
        one, two = grant("one"), grant("two")
        await store.commit([Create(one), Create(once("x")), Create(two)])
        assert [entry.subject for entry in await entries(store)] == [one.id, two.id]

    async def test_nothing_is_told_of_what_did_not_happen(self, store: Store) -> None:
        await put(store, once("there"))
        assert not await won(store, [Create(grant()), Create(once("there"))])
        assert not await won(store, [Create(once("there")), Create(grant())])
        empty = await store.log(0)
        assert (empty.head, empty.first, empty.link, empty.entries) == (0, 1, "", ())
        await put(store, grant())
        assert [entry.seq for entry in (await store.log(0)).entries] == [1]

    async def test_numbers_have_no_gap_however_many_commit(self, store: Store) -> None:
        await put(store, once("there"))
        wins = [won(store, [Create(grant(str(n)))]) for n in range(20)]
        losses = [won(store, [Create(grant(f"no {n}")), Create(once("there"))]) for n in range(20)]
        mixed = [attempt for pair in zip(wins, losses, strict=True) for attempt in pair]
        assert await asyncio.gather(*mixed) == [True, False] * 20
        log = await store.log(0)
        assert [entry.seq for entry in log.entries] == list(range(1, 21))
        assert len({entry.mark for entry in log.entries}) == 20
        assert log.head == 20

    async def test_a_piece_is_read_from_anywhere(self, store: Store) -> None:
        await put(store, *(grant(str(n)) for n in range(5)))
        whole = (await store.log(0)).entries
        piece = await store.log(2, limit=2)
        assert piece.entries == whole[2:4]
        assert (piece.head, piece.first, piece.link) == (5, 1, whole[1].mark)
        assert (await store.log(5)).link == whole[4].mark
        beyond = await store.log(6)
        assert (beyond.head, beyond.link, beyond.entries) == (5, None, ())

    async def test_an_entry_says_when_it_was(self, store: Store) -> None:
        before = int(time.time())
        await put(store, grant())
        (entry,) = (await store.log(0)).entries
        assert before <= entry.at <= time.time()

    async def test_old_entries_are_forgotten_and_numbers_go_on(self, store: Store) -> None:
        await put(store, *(grant(str(n)) for n in range(3)))
        (*_, last) = (await store.log(0)).entries
        assert await store.sweep(last.at + RETENTION - 60) == 0
        assert await store.sweep(last.at + RETENTION) == 3
        log = await store.log(3)
        assert (log.head, log.first, log.link, log.entries) == (3, 4, None, ())
        await put(store, grant("later"))
        assert [entry.seq for entry in (await store.log(3)).entries] == [4]
        after = await store.log(1)
        assert (after.first, after.link, after.entries) == (4, None, ())

    async def test_somebody_is_told_of_by_name_alone(self, store: Store) -> None:
        """No user's data, beyond the name that every token of theirs carries."""
        await put(store, user("miko"))
        await store.commit([Create(replace(USER, id=MIKO, username="noor"))])
        await store.commit([Update(replace(USER, id=MIKO, username="noor", version=1))])
        (entry,) = (await store.log(0)).entries
        assert replace(entry, at=0, mark="", seq=0) == told_of("user", "disabled", USER)
