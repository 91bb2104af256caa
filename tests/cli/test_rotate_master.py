"""`valetkey key rotate-master`: another master key, while servers run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.line import Line

from valetkey.cli.master_key import rotate
from valetkey.jose import base64url
from valetkey.server.model.audit import AuditRecord
from valetkey.server.model.change import Create
from valetkey.server.model.keys import SigningKey
from valetkey.server.store.keyring import WrongMasterKey, make, open_keys
from valetkey.server.store.master_key import MasterKeys


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate, "SETTLED", 0)


@pytest.fixture
def file(line: Line) -> Path:
    line.ok("key", "rotate")
    return line.folder / "valetkey.db.key"


def words(file: Path) -> list[bytes]:
    return [base64url.decode(word) for word in file.read_text().split()]


def test_another_master_key_opens_the_same_keys(line: Line, file: Path) -> None:
    (old,) = words(file)
    before = open_keys(line.every(SigningKey), old, now=0)
    assert line.json("key", "rotate-master") == {"status": "resealed", "changed": 12, "total": 12}
    new, kept = words(file)
    assert kept == old != new
    assert file.stat().st_mode & 0o777 == 0o600
    after = open_keys(line.every(SigningKey), new, now=0)
    assert [one.kid for one in after.published] == [one.kid for one in before.published]
    assert [one.raw for one in after.macs] == [one.raw for one in before.macs]
    assert after.salt.raw == before.salt.raw
    with pytest.raises(WrongMasterKey):
        open_keys(line.every(SigningKey), old, now=0)


def test_each_change_is_in_the_audit_log_without_the_key(line: Line, file: Path) -> None:
    line.ok("key", "rotate-master")
    acts = [one for one in line.every(AuditRecord) if one.operation == "key.rotate-master"]
    assert len(acts) == 12
    assert {tuple(one.facts.changes) for one in acts} == {("sealed",)}
    assert {tuple(one.facts.changes["sealed"]) for one in acts} == {("(hidden)",) * 2}


def test_again_changes_nothing_and_makes_no_third_key(line: Line, file: Path) -> None:
    line.ok("key", "rotate-master")
    text = file.read_text()
    assert line.json("key", "rotate-master")["changed"] == 0
    assert file.read_text() == text


def test_the_old_key_goes_only_when_nothing_needs_it(line: Line, file: Path) -> None:
    assert "no old master key" in line.fails("key", "rotate-master", "--drop-old", status=1)
    (old,) = words(file)
    file.write_text(base64url.encode(bytes(32)) + "\n" + base64url.encode(old) + "\n")
    told = line.fails("key", "rotate-master", "--drop-old", status=1)
    assert "12 of 12 keys are still sealed with the old master key" in told
    assert words(file) == [bytes(32), old]
    assert "12 of 12 keys are still sealed" in line.run("doctor").output
    line.ok("key", "rotate-master")
    line.ok("key", "rotate-master", "--drop-old")
    assert words(file) == [bytes(32)]
    line.ok("key", "rotate")


def test_a_key_that_a_server_made_meanwhile_is_not_lost(
    line: Line, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has not learned of the new master key, and seals with the old one."""
    (old,) = words(file)
    line.ok("key", "rotate-master")
    late = make("seal", old)

    def settle(seconds: float) -> None:
        assert len(words(file)) == 2
        line.store(lambda store: store.commit([Create(late)]))

    monkeypatch.setattr(rotate, "sleep", settle)
    line.ok("key", "rotate-master", "--drop-old")
    (new,) = words(file)
    assert late.kid in {one.kid for one in open_keys(line.every(SigningKey), new, now=0).sealing}


def test_until_something_is_sealed_with_the_new_key_the_old_one_seals() -> None:
    """A node that does not have the new key yet can still open what others seal."""
    new, old = bytes(range(32)), bytes(32)
    sealed = MasterKeys(old).seal(b"key", purpose=b"test")
    both = MasterKeys(new, old)
    assert both.unseal(sealed, purpose=b"test") == b"key"
    assert MasterKeys(old).unseal(both.seal(b"other", purpose=b"test"), purpose=b"test") == b"other"
    both.unseal(MasterKeys(new).seal(b"key", purpose=b"test"), purpose=b"test")
    third = both.seal(b"third", purpose=b"test")
    assert MasterKeys(new).unseal(third, purpose=b"test") == b"third"


def test_a_running_server_reads_the_new_key_when_it_needs_it(line: Line, file: Path) -> None:
    from valetkey.cli.master_key.file import read

    running = read(file)
    open_keys(line.every(SigningKey), running, now=0)
    line.ok("key", "rotate-master")
    line.ok("key", "rotate-master", "--drop-old")
    assert open_keys(line.every(SigningKey), running, now=0).published


KILLED = """
import os, sys
from valetkey.cli.master_key import rotate
from valetkey.cli.root import valetkey
setattr(rotate.{where}, {name!r}, lambda *_, **__: os._exit(9))
valetkey(["key", "rotate-master"])
"""


@pytest.mark.parametrize(
    "where,name",
    [("Path", "replace"), ("MasterKeys", "is_newest"), ("CommandContext", "show")],
    ids=["before the file is replaced", "before anything is sealed", "before it says so"],
)
def test_a_killed_command_is_run_again(line: Line, file: Path, where: str, name: str) -> None:
    program = [sys.executable, "-c", KILLED.format(where=where, name=name)]
    killed = subprocess.run(program, cwd=line.folder, env=dict(os.environ), check=False)
    assert killed.returncode == 9
    line.ok("key", "list")
    line.ok("key", "rotate-master")
    line.ok("key", "rotate-master", "--drop-old")
    (new,) = words(file)
    assert open_keys(line.every(SigningKey), new, now=0).published
    assert not file.with_name(file.name + rotate.NEW).exists()


def test_a_key_of_the_environment_is_changed_by_its_owner(line: Line) -> None:
    old, new = base64url.encode(bytes(32)), base64url.encode(bytes(range(32)))
    line.ok("key", "rotate", VALETKEY_MASTER_KEY=old)
    told = line.fails("key", "rotate-master", status=2, VALETKEY_MASTER_KEY=old)
    assert "a new one, a space, and this one" in told
    assert old not in told
    line.ok("key", "rotate-master", VALETKEY_MASTER_KEY=f"{new} {old}")
    line.ok("key", "rotate-master", "--drop-old", VALETKEY_MASTER_KEY=f"{new} {old}")
    line.ok("key", "rotate", VALETKEY_MASTER_KEY=new)


def test_a_third_key_is_refused(line: Line, file: Path) -> None:
    file.write_text((base64url.encode(bytes(32)) + "\n") * 3)
    assert "has 3 keys" in line.fails("key", "rotate-master", status=2)
