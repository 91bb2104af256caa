"""`valetkey grant shards` and `lose`; shards in `valetkey client add`."""

import os
import time

import pytest
from msgspec.structs import replace
from tests.cli.line import Line
from tests.rows import row

from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.environment import Env
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant, TokenFamily, new_shards
from valetkey.server.store.port import Store
from valetkey.wire.key_shards import Tier


@pytest.fixture
def family(line: Line) -> TokenFamily:
    """A key of Miko's in two parts, and an ordinary one."""
    line.furnish()
    env = Env(int(time.time()), os.urandom)
    user = line.users["miko"].id
    grant = Grant(
        id=ids.owned_id(env, owner=user),
        user=user,
        client="stefapp",
        permissions=("openid",),
        created=env.now,
        changed=env.now,
    )
    ordinary = TokenFamily(
        id=ids.owned_id(env, owner=user),
        grant=grant.id,
        user=user,
        client="stefapp",
        refreshable=True,
        created=env.now,
        used=env.now,
        expires=env.now + 3600,
    )
    sharded = replace(
        ordinary,
        id=ids.owned_id(env, owner=user),
        shards=new_shards(2, ("device", "backend"), client="stefapp", now=env.now),
    )

    async def write(store: Store) -> None:
        await store.commit([Create(one) for one in (grant, ordinary, sharded)])

    line.store(write)
    return sharded


def test_who_holds_what(line: Line, family: TokenFamily) -> None:
    listed = line.json("grant", "shards", "--user", "miko")
    assert [(one["key"], one["holder"], one["held"]) for one in listed] == [
        (family.id, "device", "held"),
        (family.id, "backend", "unclaimed"),
    ]
    assert len(line.ok("grant", "shards", family.grant).splitlines()) == 3


def test_a_part_is_lost(line: Line, family: TokenFamily) -> None:
    words = ("grant", "lose", family.grant, family.id, "device")
    assert "confirm with --yes" in line.fails(*words, status=2)
    told = line.ok(*words, "--yes", "--reason", "He rang")
    assert told == "invalidated: device\n"
    assert [one["held"] for one in line.json("grant", "shards")] == ["unclaimed", "unclaimed"]
    (event,) = line.every(Event)
    assert (event.kind, event.by, event.reason) == ("reissued", "administrator", "He rang")
    assert "vk_kt_" not in told


def test_no_such_part(line: Line, family: TokenFamily) -> None:
    for key, holder in ((family.id, "recovery_code"), ("0" * 26, "device")):
        words = ("grant", "lose", family.grant, key, holder, "--yes")
        assert "has no key" in line.fails(*words, status=1)


def test_an_app_is_registered_for_parts(line: Line) -> None:
    line.furnish()
    words = ("client", "add", "--id", "harbour", "--public", "--scope", "openid")
    more = ("--redirect-uri", "http://127.0.0.1/cb", "--key-shard-backend", "machine")
    line.ok(*words, *more, "--key-shards", "2 of device backend recovery_code")
    (made,) = (one for one in line.every(Client) if one.id == "harbour")
    assert made.key_shards == (Tier(2, ("device", "backend", "recovery_code")),)
    assert made.key_shard_backend == "machine"


@pytest.mark.parametrize(
    "text,why",
    [
        row("RFC 6749 2", "a number in letters", "two of device backend", "--key-shards"),
        row("RFC 6749 2", "nobody that there is", "2 of cloud", "--key-shards"),
        row("RFC 6749 2", "one of one", "1 of device", "key_shards: the threshold is from 2"),
        row("RFC 6749 2", "nobody", "2", "key_shards: the first holder is the device"),
    ],
)
def test_what_is_no_way_to_hold_a_key(line: Line, text: str, why: str) -> None:
    line.furnish()
    words = ("client", "add", "--id", "harbour", "--public", "--key-shards", text)
    assert why in line.fails(*words, status=2)
