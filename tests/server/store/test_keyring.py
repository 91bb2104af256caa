"""The server's keys: made on the first start, sealed by a master key, opened into a ring."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.server.store.steps import put

from valetkey.jose import jws
from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.model.keys import SigningKey
from valetkey.server.oauth.admin.keys import TURNED
from valetkey.server.store.keyring import WrongMasterKey, ensure_keys, make, open_keys, read_keys
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store
from valetkey.server.store.sqlite.store import SQLiteStore

pytestmark = pytest.mark.anyio

MASTER, OTHER = bytes(range(32)), bytes(32)


@pytest.fixture(scope="module")
async def first() -> tuple[SigningKey, ...]:
    """The keys of a first start, made once: RSA takes its time."""
    fresh = MemoryStore()
    await ensure_keys(fresh, MASTER)
    return await read_keys(fresh)


@pytest.fixture
async def store(first: tuple[SigningKey, ...]) -> Store:
    started = MemoryStore()
    await put(started, *first)
    return started


async def test_the_first_start_makes_a_current_and_a_coming_key_for_each_use(store: Store) -> None:
    keys = await read_keys(store)
    assert Counter((key.use, key.status) for key in keys) == {
        **{(use, status): 1 for use in TURNED for status in ("current", "coming")},
        ("salt", "current"): 1,
    }


async def test_the_next_start_makes_none(store: Store) -> None:
    before = await read_keys(store)
    await ensure_keys(store, MASTER)
    assert await read_keys(store) == before


async def test_what_is_missing_is_made_and_nothing_else(store: Store) -> None:
    wanted = [key for key in await read_keys(store) if key.use != "mac" or key.status == "current"]
    partly = MemoryStore()
    await put(partly, *(replace(key, version=0) for key in wanted))
    await ensure_keys(partly, MASTER)
    keys = await read_keys(partly)
    assert len(keys) == 2 * len(TURNED) + 1
    assert {key.kid for key in wanted} < {key.kid for key in keys}


async def test_another_master_key_opens_nothing_and_makes_nothing(store: Store) -> None:
    """ATTACKS A83."""
    before = await read_keys(store)
    with pytest.raises(WrongMasterKey):
        await ensure_keys(store, OTHER)
    assert await read_keys(store) == before


async def test_a_key_cannot_be_passed_off_as_another(store: Store) -> None:
    """Each is sealed to its own name and use."""
    keys = await read_keys(store)
    first, second = (key for key in keys if key.use == "seal")
    for forged in (
        replace(first, sealed=second.sealed),
        replace(first, kid=second.kid),
        replace(first, use="mac"),
    ):
        with pytest.raises(WrongMasterKey):
            open_keys((forged,), MASTER, now=0)


async def test_nothing_at_rest_is_a_key(store: Store) -> None:
    keys = await read_keys(store)
    ring = open_keys(keys, MASTER, now=0)
    secrets = [key.raw for key in (*ring.sealing, *ring.macs)]
    secrets += [key.to_der() for key in ring.signing.values()]
    for key in keys:
        for secret in secrets:
            assert secret not in key.sealed
            assert secret[-16:] not in key.sealed


async def test_the_ring_signs_and_checks(store: Store) -> None:
    ring = open_keys(await read_keys(store), MASTER, now=0)
    for algorithm in ALGORITHMS:
        token = jws.sign(b"{}", key=ring.signing[algorithm], typ="at+jwt")
        keys = ring.published
        assert jws.verify(token, keys, algorithms=(algorithm,), typ=("at+jwt",)) == b"{}"
    assert len({key.kid for key in ring.published}) == 2 * len(ALGORITHMS)


async def test_the_current_key_comes_first_in_each_sequence(store: Store) -> None:
    keys = await read_keys(store)
    ring = open_keys(keys, MASTER, now=0)
    status = {key.kid: key.status for key in keys}
    for sequence in (ring.sealing, ring.macs):
        assert [status[key.kid] for key in sequence] == ["current", "coming"]
    assert {status[key.kid] for key in ring.signing.values()} == {"current"}


def retiring(key: SigningKey, until: int) -> SigningKey:
    return replace(key, status="retiring", until=until)


async def test_a_retiring_key_checks_until_its_end() -> None:
    old, new = make("ES256", MASTER), make("ES256", MASTER, status="current")
    keys = (retiring(old, 100), new)
    for now, published in ((99, {old.kid, new.kid}), (100, {new.kid})):
        ring = open_keys(keys, MASTER, now=now)
        assert {key.kid for key in ring.published} == published
        assert ring.signing["ES256"].kid == new.kid


async def test_processes_that_start_together_make_keys_once(tmp_path: Path) -> None:
    """What one signs or seals, the other reads, from the first moment on."""
    stores = [SQLiteStore(tmp_path / "valetkey.db") for _ in range(2)]
    await asyncio.gather(*(ensure_keys(store, MASTER) for store in stores))
    made = Counter((key.use, key.status) for key in await read_keys(stores[0]))
    assert set(made.values()) == {1}
    rings = [open_keys(await read_keys(store), MASTER, now=0) for store in stores]
    for store in stores:
        await store.close()
    one, two = rings
    assert {key.kid for key in one.published} == {key.kid for key in two.published}
    assert {a: key.kid for a, key in one.signing.items()} == {
        a: key.kid for a, key in two.signing.items()
    }
    assert [key.kid for key in one.macs] == [key.kid for key in two.macs]
