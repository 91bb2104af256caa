"""What a process that was killed had left of users' limits: another one finds just that."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.promises.spender import caller
from tests.resource.test_purse import NONE
from tests.rows import row

from valetkey.resource import lease_journal
from valetkey.resource.errors import Unreachable
from valetkey.resource.http import Wrong
from valetkey.resource.lease_cache import Form, Spent, seconds
from valetkey.resource.lease_journal import NOWHERE, SLOTS, Journal, Note, is_of, orphans, ready
from valetkey.resource.spending import JournalPlace, Spending
from valetkey.wire.lease import GRACE, RETURN_PATH, Leased

pytestmark = pytest.mark.anyio

WHOSE = "https://id.example chirp"
WRITE = "chirps.write"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = ready(tmp_path / "leases")
    assert made is not None
    return made


def killed(folder: Path, does: Callable[[Journal], None]) -> None:
    """Another process does this with a journal of its own, until it is killed."""
    child = os.fork()
    if not child:
        try:
            does(Journal(folder, "w"))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def notes_in(folder: Path, whose: str = "w") -> list[list[Note]]:
    return [notes for path, notes in orphans(folder) if is_of(path, whose)]


def files(folder: Path) -> int:
    return len(list(folder.iterdir()))


def two(journal: Journal) -> None:
    """One lease that is spent from, and one whose answer never came."""
    first = journal.note("g1", WRITE, "a" * 22, until=50)
    first.hold(9, 900, 70)
    first.update(8, 850)
    journal.note("g2", WRITE, "b" * 22, until=50)
    journal.note("g3", WRITE, "c" * 22, until=50).free()


def test_what_a_killed_process_had_left_is_found_to_the_last_use(folder: Path) -> None:
    killed(folder, two)
    notes = [
        Note("g2", WRITE, "b" * 22, None, None, 50),
        Note("g1", WRITE, "a" * 22, 8, 850, 70),
    ]
    (seen,) = notes_in(folder)
    assert sorted(seen, key=lambda one: one.grant) == notes[::-1]
    assert notes_in(folder, "another") == []


def test_what_a_living_process_has_is_nobody_elses(folder: Path) -> None:
    stored = Journal(folder, "w")
    two(stored)
    assert notes_in(folder) == []
    stored.close()
    assert len(notes_in(folder)) == 1


def test_one_looks_at_a_time(folder: Path) -> None:
    killed(folder, two)
    looking = orphans(folder)
    next(looking)
    assert notes_in(folder) == []
    del looking
    assert len(notes_in(folder)) == 1


def copied(file: Path) -> None:
    """As a backup is that is restored: perhaps from before the last uses."""
    shutil.copy(file, file.with_name("copy"))
    file.unlink()
    file.with_name("copy").rename(file)


def of_another_boot(file: Path) -> None:
    raw = file.read_bytes()
    boot = raw.split(b" ")[2]
    file.write_bytes(raw.replace(boot, b"0" * len(boot), 1))


def cut(file: Path) -> None:
    os.truncate(file, 1000)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


UNTRUE = [row("journal", one.__name__, one) for one in (copied, of_another_boot, cut, emptied)]


@pytest.mark.parametrize("what", UNTRUE)
def test_what_may_have_lost_its_last_uses_counts_for_nothing(
    what: Callable[[Path], None], folder: Path
) -> None:
    killed(folder, two)
    (file,) = folder.iterdir()
    what(file)
    assert notes_in(folder) == [[]]


def open_to_others(folder: Path) -> None:
    folder.chmod(0o770)


def a_link(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


def a_file(folder: Path) -> None:
    folder.rmdir()
    folder.touch(0o600)


@pytest.mark.parametrize("what", [open_to_others, a_link, a_file])
def test_a_folder_that_others_may_have_made_is_left_alone(
    what: Callable[[Path], None], folder: Path
) -> None:
    what(folder)
    assert ready(folder) is None


def test_where_no_boot_is_known_nothing_is_noted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_journal, "_BOOT", tmp_path / "none")
    assert ready(folder) is None


def test_what_is_too_much_or_too_long_is_not_noted(folder: Path) -> None:
    stored = Journal(folder, "w")
    assert stored.note("g", "p" * 250, "a" * 22, until=0) is NOWHERE
    slots = [stored.note("g", WRITE, "a" * 22, until=0) for _ in range(SLOTS + 1)]
    assert [one is NOWHERE for one in slots] == [False] * SLOTS + [True]


def test_a_slot_that_was_given_up_writes_into_no_other(folder: Path) -> None:
    stored = Journal(folder, "w")
    old = stored.note("g1", WRITE, "a" * 22, until=0)
    old.free()
    stored.note("g2", WRITE, "b" * 22, until=0).hold(1, 0, 0)
    old.update(5, 5)
    old.free()
    stored.close()
    old.update(5, 5)
    assert notes_in(folder) == [[Note("g2", WRITE, "b" * 22, 1, 0, 0)]]


# What the kit does with it.


class Server:
    """Leases ten at a time and keeps what comes back; away, wrong or there."""

    def __init__(self) -> None:
        self.back: list[Form] = []
        self.trouble: Exception | None = None

    async def __call__(self, path: str, form: Form) -> bytes:
        if self.trouble is not None:
            raise self.trouble
        if "back" in form:
            self.back.append({name: form[name] for name in form if name != "family"})
        if path == RETURN_PATH:
            return b"null"
        told = Leased(lease=form["lease"], expires_in=30, grant_version=1, uses=10)
        return msgspec.json.encode(told)

    def spending(self, folder: Path) -> Spending:
        return Spending(self, JournalPlace(folder, WHOSE))


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


def spend_and_die(folder: Path, uses: int) -> None:
    """A process that is killed once it has spent so many of ten."""
    child = os.fork()
    if not child:
        try:
            asyncio.run(spend(Server().spending(folder), uses))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


async def spend(spending: Spending, uses: int) -> None:
    for _ in range(uses):
        await spending.use(caller("i", "g", "f"), WRITE, 0)


@pytest.mark.parametrize("uses", [1, 9, 10])
async def test_the_next_process_returns_what_a_killed_one_had_left(uses: int, folder: Path) -> None:
    await asyncio.to_thread(spend_and_die, folder, uses)
    server = Server()
    next_one = server.spending(folder)
    await spend(next_one, 1)
    await turns()
    (back,) = server.back
    assert (back["grant"], back["permission"]) == ("g", WRITE)
    assert (back["unused_uses"], back["unused_amount"]) == (str(10 - uses), "0")
    await next_one.close()
    assert [one["unused_uses"] for one in server.back] == [str(10 - uses), "9"]
    assert files(folder) == 0


async def test_while_the_server_is_away_what_is_left_stays_noted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(spend_and_die, folder, 4)
    server = Server()
    one = server.spending(folder)
    await spend(one, 1)
    server.trouble = Unreachable("away")
    await turns()
    await one.close()
    assert server.back == []
    # The dead one's, and the own that could not be returned.
    assert files(folder) == 2
    server.trouble = None
    other = server.spending(folder)
    await spend(other, 1)
    await turns()
    await other.close()
    assert sorted(each["unused_uses"] for each in server.back) == ["6", "9", "9"]
    assert files(folder) == 0


async def test_a_server_in_trouble_is_asked_less_and_less_often(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valetkey.resource.spending.TIDY", 0.01)
    monkeypatch.setattr("valetkey.resource.spending.SELDOM", 0.04)
    await asyncio.to_thread(spend_and_die, folder, 4)
    server = Server()
    one = server.spending(folder)
    await spend(one, 1)
    server.trouble = Unreachable("away")
    await until(lambda: one._pause == 0.04)
    server.trouble = None
    await until(lambda: bool(server.back) and one._pause == 0.01)
    await one.close()
    assert files(folder) == 0


async def test_what_the_server_calls_wrong_is_not_sent_for_ever(folder: Path) -> None:
    await asyncio.to_thread(spend_and_die, folder, 4)
    server = Server()
    one = server.spending(folder)
    await spend(one, 1)
    server.trouble = Wrong("more than was leased")
    await turns()
    await one.close()
    assert files(folder) == 0


def begun(folder: Path, *, ago: int) -> None:
    """A process began a file so many seconds ago, and has not locked it."""
    path = folder / ".w.0123456789abcdef"
    path.touch()
    os.utime(path, (time.time() - ago,) * 2)


LITTER = [
    row("journal", "another API's, whose leases are over", lambda at: killed(at, over), 0),
    row("journal", "another API's, whose leases can go back", lambda at: killed(at, due), 1),
    row("journal", "begun, and never written", lambda at: begun(at, ago=61), 0),
    row("journal", "begun just now", lambda at: begun(at, ago=1), 1),
]


def over(journal: Journal) -> None:
    journal.note("g1", WRITE, "a" * 22, until=seconds() - GRACE - 1)


def due(journal: Journal) -> None:
    journal.note("g1", WRITE, "a" * 22, until=seconds() + 30)


@pytest.mark.parametrize("rest,stays", LITTER)
async def test_what_is_of_no_use_to_anybody_is_removed(
    rest: Callable[[Path], None], stays: int, folder: Path
) -> None:
    rest(folder)
    server = Server()
    one = server.spending(folder)
    await spend(one, 1)
    await turns()
    await one.close()
    assert [each["grant"] for each in server.back] == ["g"]
    assert files(folder) == stays


async def test_without_private_memory_a_lease_is_only_not_noted(folder: Path) -> None:
    open_to_others(folder)
    server = Server()
    one = server.spending(folder)
    await spend(one, 3)
    await one.close()
    assert [each["unused_uses"] for each in server.back] == ["7"]


async def test_a_refusal_leaves_nothing_noted(folder: Path) -> None:
    async def refuses(path: str, form: Form) -> bytes:
        return msgspec.json.encode(NONE)

    one = Spending(refuses, JournalPlace(folder, WHOSE))
    with pytest.raises(Spent):
        await spend(one, 1)
    await one.close()
    assert files(folder) == 0
