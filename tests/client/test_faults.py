"""A store that is full, read-only, locked or corrupted: a clear error, and nothing is lost."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.places import InMemory, Plain, fill, read_only, small_disk
from tests.client.serving import Serving, serving
from tests.rows import row

from valetkey.client import (
    App,
    FileStore,
    Key,
    MemoryStore,
    Passphrase,
    SealedStore,
    StoreCorrupted,
    StoreError,
    StoreExposed,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    Tokens,
    TokenStore,
    locked_store,
)
from valetkey.client.os_keyring import KeyringKey

TOKENS = Tokens(access_token="a token", refresh_token="the first", scope=("a",))
GOOD = b'{"access_token":"another","refresh_token":"the second","token_type":"Bearer"}'

Make = Callable[[Path], TokenStore]

_RING, _WORDS = InMemory(), Passphrase("correct horse")
STORES: list[Any] = [
    row("", "plain file", FileStore),
    row("", "passphrase", lambda path: SealedStore(path, _WORDS)),
    row("", "keyring", lambda path: SealedStore(path, KeyringKey("stefapp", backend=_RING))),
]


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving() as one:
        one.replies["/token"] = (200, GOOD)
        yield one


def key(server: Serving, store: TokenStore) -> Key:
    return Key(App(issuer=server.url, client_id="x", scope=("a",)), store)


@pytest.mark.parametrize("make", STORES)
def test_a_full_disk_is_found_out_before_the_server_forgets_the_old_key(
    server: Serving, tmp_path: Path, make: Make
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = make(disk / "key")
        store.save(TOKENS)
        mine, ballast = key(server, store), fill(disk)
        with pytest.raises(StoreFull, match="No space"):
            mine.refresh()
        assert "/token" not in server.paths()
        assert make(disk / "key").load() == TOKENS
        assert sorted(file.name for file in disk.iterdir()) == ["ballast", "key", "key.lock"]
        ballast.unlink()
        assert mine.refresh().refresh_token == "the second"
        assert make(disk / "key").load() == mine.tokens
        mine.close()


@pytest.mark.parametrize("make", STORES)
def test_a_disk_that_takes_nothing(server: Serving, tmp_path: Path, make: Make) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = make(disk / "key")
        store.save(TOKENS)
        mine = key(server, store)
        with read_only(disk):
            assert mine.access_token() == "a token"
            for call in (mine.refresh, mine.forget, lambda: mine.connect(open_browser=_nobody)):
                with pytest.raises(StoreReadOnly):
                    call()
        assert "/token" not in server.paths()
        assert mine.refresh().refresh_token == "the second"
        mine.close()


def _nobody(address: str) -> None:
    raise AssertionError("nobody is asked for a key that could not be kept")


@pytest.mark.parametrize("make", STORES)
def test_what_cannot_be_kept_after_all_goes_on_in_memory(
    server: Serving, tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room that was made is gone when it is needed."""
    store = make(tmp_path / "key")
    store.save(TOKENS)
    mine, save = key(server, store), store.save

    def fails(tokens: Tokens | None) -> None:
        raise StoreFull("no space")

    monkeypatch.setattr(store, "save", fails)
    with pytest.raises(StoreFull):
        mine.refresh()
    assert make(tmp_path / "key").load() == TOKENS
    assert mine.access_token() == "another"
    monkeypatch.setattr(store, "save", save)
    assert mine.access_token() == "another"
    kept_at_last = make(tmp_path / "key").load()
    assert kept_at_last is not None
    assert kept_at_last.refresh_token == "the second"
    assert server.paths().count("/token") == 1
    mine.close()


def test_signing_out_while_the_disk_takes_nothing(server: Serving, tmp_path: Path) -> None:
    """The server is told all the same."""
    with small_disk(tmp_path / "disk") as disk:
        store = FileStore(disk / "key")
        store.save(TOKENS)
        server.replies["/revoke"] = (200, b"")
        mine = key(server, store)
        with read_only(disk), pytest.raises(StoreReadOnly):
            mine.revoke()
        assert "/revoke" in server.paths()
        mine.close()


@pytest.mark.parametrize("make", STORES)
def test_any_byte_that_is_changed_is_found_out(server: Serving, tmp_path: Path, make: Make) -> None:
    path = tmp_path / "key"
    make(path).save(TOKENS)
    whole = path.read_bytes()
    step = max(1, len(whole) // 12)
    for damaged in (b"", whole[:9], whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(StoreCorrupted):
            make(path).load()
    for at in range(len(whole) % step, len(whole), step):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        try:
            read = make(path).load()
        except (StoreCorrupted, StoreLocked):
            continue
        # A plain file has nothing to tell it by.
        assert whole.startswith(b"{")
        assert read != TOKENS


@pytest.mark.parametrize("make", STORES)
def test_a_corrupted_key_can_be_replaced_and_forgotten(
    server: Serving, tmp_path: Path, make: Make
) -> None:
    path = tmp_path / "key"
    make(path).save(TOKENS)
    path.write_bytes(b"nothing that anybody wrote")
    mine = key(server, make(path))
    with pytest.raises(StoreCorrupted):
        mine.access_token()
    mine.driver.run(mine.flows._keep(TOKENS))
    assert make(path).load() == TOKENS
    path.write_bytes(b"")
    mine.forget()
    assert mine.tokens is None
    mine.close()


def test_a_lock_that_somebody_keeps(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked_store, "LOCK_WAIT", 0.05)
    store = FileStore(tmp_path / "key")
    store.save(TOKENS)
    mine, let_go = key(server, store), FileStore(tmp_path / "key").take()
    assert let_go is not None
    with pytest.raises(StoreLocked, match="another process"):
        mine.refresh()
    assert mine.access_token() == "a token"
    let_go()
    assert mine.refresh().access_token == "another"
    mine.close()


def test_another_passphrase_opens_nothing_and_destroys_nothing(tmp_path: Path) -> None:
    path = tmp_path / "key"
    SealedStore(path, Passphrase("correct horse")).save(TOKENS)
    other = SealedStore(path, Passphrase("battery staple"))
    for call in (other.load, other.ready, lambda: other.save(TOKENS)):
        with pytest.raises(StoreLocked, match="another"):
            call()
    assert SealedStore(path, Passphrase("correct horse")).load() == TOKENS
    assert b"a token" not in path.read_bytes()


def test_a_key_store_that_is_locked(server: Serving, tmp_path: Path) -> None:
    ring = InMemory()
    mine = key(server, SealedStore(tmp_path / "key", KeyringKey("stefapp", backend=ring)))
    ring.locked = True
    with pytest.raises(StoreLocked, match="locked"):
        mine.connect(open_browser=_nobody)
    ring.locked = False
    mine.driver.run(mine.flows._keep(TOKENS))
    ring.locked = True
    again = SealedStore(tmp_path / "key", KeyringKey("stefapp", backend=ring))
    with pytest.raises(StoreLocked):
        again.load()
    ring.locked = False
    assert again.load() == TOKENS
    mine.close()


def test_a_key_store_holds_one_small_key_and_lets_go_of_it(server: Serving, tmp_path: Path) -> None:
    ring = InMemory()
    store = SealedStore(tmp_path / "key", KeyringKey("stefapp", backend=ring))
    mine = key(server, store)
    for _ in range(3):
        mine.driver.run(mine.flows._keep(TOKENS))
    (secret,) = ring.kept.values()
    assert len(secret) == 43
    assert secret.encode() not in (tmp_path / "key").read_bytes()
    ring.kept.clear()
    with pytest.raises(StoreCorrupted, match="no key for this file"):
        SealedStore(tmp_path / "key", KeyringKey("stefapp", backend=ring)).load()
    mine.driver.run(mine.flows._keep(TOKENS))
    mine.forget()
    assert not ring.kept
    with pytest.raises(Exception, match="nobody"):
        mine.connect(open_browser=lambda _: None, seconds=0.01)
    assert not ring.kept, "what was made ready and not needed is given back"
    mine.close()


def test_there_is_no_way_back_to_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for backend in (Plain(), _none()):
        monkeypatch.setattr("keyring.get_keyring", lambda found=backend: found)
        with pytest.raises(StoreError, match="no key store that is fit"):
            KeyringKey("stefapp")


def _none() -> Any:
    from keyring.backends.fail import Keyring

    return Keyring()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("make", STORES)
def test_what_others_could_read_is_not_read(tmp_path: Path, make: Make) -> None:
    make(tmp_path / "key").save(TOKENS)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(StoreExposed, match="0644"):
        make(tmp_path / "key").load()


def test_a_file_that_asks_for_too_much_work(tmp_path: Path) -> None:
    path = tmp_path / "key"
    SealedStore(path, Passphrase("x")).save(TOKENS)
    raw = bytearray(path.read_bytes())
    raw[33] = 0xFF  # of the memory that the derivation takes
    path.write_bytes(bytes(raw))
    with pytest.raises(StoreCorrupted, match="too much work"):
        SealedStore(path, Passphrase("x")).load()


def test_a_store_of_memory_has_room() -> None:
    store = MemoryStore()
    store.ready()
    store.save(TOKENS)
    assert store.load() == TOKENS
