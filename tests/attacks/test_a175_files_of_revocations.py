"""A175: somebody who can write beside the database, before a restore (CWE-345, CWE-353).

Attack: Before a backup is restored, they edit the files of what was revoked: they take the end of
their app's access out, widen it, put back an older file, or add ends of other people's access.
Defense: Each line has a MAC of itself and the line before, with a key from the database. What was
changed, left out or added is named, and no server starts. They can make users be asked again, and
cut off the newest lines: the command prints the time until which the files tell.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.rows import row
from tests.server.store.beside import MIKO, furnished, grant

from valetkey.server.model.change import Create, Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One
from valetkey.server.store.revocations.places import files_in
from valetkey.server.store.revocations.restoring import Incomplete, Revived


def widen(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"stopped"', b'"active"') for line in lines]


def take_out(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines[2:]]


def swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[3], lines[4], lines[1], lines[2], *lines[5:]]


def repeat(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], *lines[1:]]


def void(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1], lines[2].replace(b'"done"', b'"void"'), *lines[3:]]


def add(lines: list[bytes]) -> list[bytes]:
    """The end of another user's access, in the attacker's words."""
    return [*lines[:-1], lines[1].replace(b'"file"', b'"fact"'), lines[-1]]


EDITS = [
    row("line", "widened", widen),
    row("line", "taken out", take_out),
    row("line", "declared as never committed", void),
    row("lines", "in another order", swap),
    row("lines", "twice", repeat),
    row("line", "added", add),
]


@pytest.mark.parametrize("edit", EDITS)
def test_edited_files_revive_nothing_and_end_nothing(
    edit: Callable[[list[bytes]], list[bytes]], tmp_path: Path
) -> None:
    disk = furnished(tmp_path)
    mine, other = grant(disk.users[MIKO]), grant(disk.users["noor"])
    disk.commit(Create(mine), Create(other))
    disk.back_up()

    async def stop(store: object) -> None:
        for status in ("paused", "stopped"):
            one = (await store.read(query)).one(query)  # type: ignore[attr-defined]
            await store.commit([Update(replace(one, status=status))])  # type: ignore[attr-defined]

    query = One(Grant, mine.id)
    disk.run(stop)
    (file,) = files_in(disk.place)
    file.write_bytes(b"".join(edit(file.read_bytes().splitlines(keepends=True))))
    disk.lose()
    with pytest.raises(Incomplete, match=r"line \d: the line is damaged, or was changed"):
        disk.apply()
    with pytest.raises(Revived):
        disk.check()
    assert disk.one(One(Grant, other.id)).status == "active"
    # Whoever goes on ends what may have ended: at most, users are asked again.
    assert disk.apply(lost=True).epoch == 1
    assert disk.one(query).epoch == 0


def test_a_cut_end_is_seen_by_its_time(tmp_path: Path) -> None:
    disk = furnished(tmp_path)
    one = grant(disk.users[MIKO])
    disk.commit(Create(one))
    disk.back_up()
    disk.commit(Update(replace(disk.one(One(Grant, one.id)), status="stopped")))
    (file,) = files_in(disk.place)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0])
    disk.lose()
    applied = disk.apply()
    assert applied.narrowed == {}
    assert applied.known_until == int(lines[0].split(b",")[1]) // 1000
