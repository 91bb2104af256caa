"""Where a key is kept: for its owner alone, whole or not at all, by one at a time."""

import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from valetkey.client import (
    FileStore,
    MemoryStore,
    StoreCorrupted,
    StoreExposed,
    StoreFull,
    Tokens,
    TokenStore,
)

KEY = Tokens(access_token="an access token", refresh_token="a refresh token", scope=("chirps",))


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "deep" / "key.json")


def take_lock(store: TokenStore) -> Callable[[], None]:
    """The lock, however long it takes; what lets go of it."""
    while (let_go := store.take()) is None:
        os.sched_yield()
    return let_go


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_kept_is_found_again(store: FileStore) -> None:
    assert store.load() is None
    store.save(KEY)
    assert FileStore(store.path).load() == KEY
    store.save(None)
    assert store.load() is None
    store.save(None)


def test_it_is_for_its_owner_alone(store: FileStore) -> None:
    before = os.umask(0)
    try:
        store.save(KEY)
        let_go = take_lock(store)
        assert mode(store.path) == 0o600
    finally:
        os.umask(before)
    assert mode(store.path.parent) == 0o700
    assert {mode(file) for file in store.path.parent.iterdir()} == {0o600}
    let_go()


def test_a_file_that_others_could_read_is_refused(store: FileStore) -> None:
    store.save(KEY)
    store.path.chmod(0o640)
    with pytest.raises(StoreExposed, match="0600"):
        store.load()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"access_token": 1}'])
def test_a_file_that_holds_no_key(store: FileStore, raw: bytes) -> None:
    store.save(KEY)
    store.path.write_bytes(raw)
    with pytest.raises(StoreCorrupted, match="no key"):
        store.load()


def test_what_cannot_be_written_leaves_the_old_key(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(KEY)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFull, match="No space"):
        store.save(msgspec.structs.replace(KEY, access_token="another"))
    assert store.load() == KEY
    assert [file.name for file in store.path.parent.iterdir()] == ["key.json"]


def test_a_key_does_not_print() -> None:
    assert KEY.access_token not in repr(KEY)
    assert KEY.refresh_token not in repr(KEY)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_lock_is_held_by_one_at_a_time(kind: str, tmp_path: Path) -> None:
    store: TokenStore = MemoryStore() if kind == "memory" else FileStore(tmp_path / "key")
    inside, most = [0], [0]

    def enter() -> None:
        for _ in range(50):
            let_go = take_lock(store)
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            os.sched_yield()
            inside[0] -= 1
            let_go()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


_ANOTHER = """
import sys
from pathlib import Path
from valetkey.client import FileStore
store = FileStore(Path(sys.argv[1]))
for _ in range(100):
    while (let_go := store.take()) is None:
        pass
    count = Path(sys.argv[2])
    count.write_text(str(int(count.read_text()) + 1))
    let_go()
"""


def test_processes_wait_for_each_other(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    command = [sys.executable, "-c", _ANOTHER, str(tmp_path / "key"), str(count)]
    started = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert count.read_text() == "300"
