"""Files beside the database that have a fault: each is named, and nothing is guessed."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.store.beside import MIKO, Disk, furnished, grant, owned

from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One
from valetkey.server.model.user import Session, User
from valetkey.server.store.restore import backup
from valetkey.server.store.revocations.places import files_in
from valetkey.server.store.revocations.restoring import (
    Incomplete,
    Revived,
)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return furnished(tmp_path)


NOW = int(time.time())


# Faults.


def fill(disk: Disk) -> Grant:
    """Three files; the second one has the end of a grant."""
    one = grant(disk.users[MIKO])
    disk.commit(Create(one))
    disk.back_up()
    sessions = [
        Session(id=owned(disk), digest="0", user=one.user, auth_time=NOW, expires=NOW + 9999)
        for _ in range(2)
    ]
    disk.commit(*map(Create, sessions))
    disk.commit(Remove(disk.one(One(Session, sessions[0].id))))
    disk.commit(Update(replace(disk.one(One(Grant, one.id)), status="stopped")))
    disk.commit(Remove(disk.one(One(Session, sessions[1].id))))
    assert len(files_in(disk.place)) == 3
    return one


def edit(disk: Disk) -> None:
    file = files_in(disk.place)[1]
    file.write_bytes(file.read_bytes().replace(b'"stopped"', b'"active"'))


def leave_out(disk: Disk) -> None:
    file = files_in(disk.place)[1]
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + b"".join(lines[2:]))


def drop(disk: Disk) -> None:
    files_in(disk.place)[1].unlink()


def put_back(disk: Disk) -> None:
    first, second, _ = files_in(disk.place)
    shutil.copy(first, second)


def from_elsewhere(disk: Disk) -> None:
    folder = disk.place.parent / "other"
    folder.mkdir()
    other = furnished(folder)
    fill(other)
    shutil.copy(files_in(other.place)[1], files_in(disk.place)[1])


FAULTS = [
    row("file", "a line changed", edit, r"00000002\.revocations, line 2: the line is damaged"),
    row("file", "a line left out", leave_out, r"00000002\.revocations, line 2: the line is dam"),
    row("folder", "a file missing", drop, r"beside: the file 00000002 is missing"),
    row("file", "another file in its place", put_back, r"was file 1, and has another name"),
    row("file", "of another installation", from_elsewhere, r"belongs to another installation"),
]


@pytest.mark.parametrize("spoil, says", FAULTS)
def test_a_fault_is_named_and_refused(disk: Disk, spoil: Callable[[Disk], None], says: str) -> None:
    one = fill(disk)
    spoil(disk)
    disk.lose()
    with pytest.raises(Incomplete, match=says):
        disk.apply()
    # No server starts on it until somebody has decided.
    with pytest.raises(Revived, match="has not ended"):
        disk.check()
    applied = disk.apply(lost=True)
    assert applied.epoch == 1
    assert applied.asked_again == 1
    assert disk.one(One(Grant, one.id)).epoch == 0
    disk.check()


def test_a_last_line_that_was_cut_is_none(disk: Disk) -> None:
    one = fill(disk)
    file = files_in(disk.place)[2]
    file.write_bytes(file.read_bytes()[:-20])
    disk.lose()
    assert disk.apply().epoch is None
    assert disk.one(One(Grant, one.id)).status == "stopped"


def test_only_what_may_have_ended_in_the_lost_span_is_asked_again(disk: Disk) -> None:
    """The second file is lost. What is known to stand after it stands."""
    known, unknown = grant(disk.users[MIKO]), grant(disk.users["noor"])
    disk.commit(Create(known), Create(unknown))
    disk.back_up()
    for _ in range(2):
        session = Session(
            id=owned(disk), digest="0", user=known.user, auth_time=NOW, expires=NOW + 9999
        )
        disk.commit(Create(session))
        disk.commit(Remove(disk.one(One(Session, session.id))))
    time.sleep(0.01)
    disk.commit(Update(replace(disk.one(One(Grant, known.id)), face="seen")))
    assert len(files_in(disk.place)) == 3
    drop(disk)
    disk.lose()
    applied = disk.apply(lost=True)
    assert (applied.epoch, applied.asked_again) == (1, 1)
    assert disk.one(One(Grant, known.id)).epoch == 1
    assert disk.one(One(Grant, unknown.id)).epoch == 0


def test_a_backup_from_before_the_first_file(disk: Disk) -> None:
    """Nobody knows what ended before anything was kept."""
    copy = disk.database.with_name("early.db")
    disk.sql("DELETE FROM epochs")
    backup(disk.database, copy)
    disk.check()
    fill(disk)
    disk.copy = copy
    disk.lose()
    with pytest.raises(Revived, match="older than the first file"):
        disk.check()
    with pytest.raises(Incomplete, match="the backup is older than the first file, or all are"):
        disk.apply()
    disk.apply(lost=True)
    disk.check()


def test_an_empty_folder_is_no_answer(disk: Disk) -> None:
    fill(disk)
    for file in files_in(disk.place):
        file.unlink()
    disk.lose()
    with pytest.raises(Incomplete, match="or all are gone"):
        disk.apply()
    with pytest.raises(Revived, match="has not ended"):
        disk.check()
    assert disk.apply(lost=True).epoch == 1


def test_files_that_no_backup_needs_may_go(disk: Disk) -> None:
    fill(disk)
    disk.back_up()
    first = files_in(disk.place)[0]
    disk.commit(Remove(disk.one(One(User, disk.users["noor"].id))))
    first.unlink()
    disk.lose()
    with pytest.raises(Incomplete, match="the files before 00000002 are gone"):
        disk.apply()
