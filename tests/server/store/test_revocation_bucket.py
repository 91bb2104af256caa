"""A bucket beside the database: what the folder promises holds there, and an outage loses
nothing."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from tests.bucket import Bucket, storage
from tests.live import Live, free_port
from tests.rows import row
from tests.server.store.beside import MASTER, MIKO, Disk, furnished, grant, owned

from valetkey.cli.root import valetkey
from valetkey.jose import base64url
from valetkey.server.model.change import Create, Remove, Update
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One
from valetkey.server.model.user import Session
from valetkey.server.store.port import Store, Unavailable
from valetkey.server.store.revocations import bucket as buckets
from valetkey.server.store.revocations.files import Journal, read_file
from valetkey.server.store.revocations.restoring import Incomplete, Revived


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with storage() as number:
        yield number


@pytest.fixture
def bucket(port: int) -> Iterator[Bucket]:
    one = Bucket(port)
    yield one
    one.wire.cut()


@pytest.fixture
def disk(tmp_path: Path, bucket: Bucket) -> Disk:
    return furnished(tmp_path, bucket.place())


NOW = int(time.time())


def stopped(disk: Disk, one: Grant) -> Update:
    return Update(replace(disk.one(One(Grant, one.id)), status="stopped"))


def test_a_restore_revives_nothing(disk: Disk) -> None:
    one = grant(disk.users[MIKO])
    disk.commit(Create(one))
    disk.back_up()
    disk.commit(stopped(disk, one))
    disk.check()
    disk.lose()
    with pytest.raises(Revived, match="1 things that ended since would work again"):
        disk.check()
    applied = disk.apply()
    assert (applied.narrowed, applied.epoch, applied.asked_again) == ({"grants": 1}, None, 0)
    assert disk.one(One(Grant, one.id)).status == "stopped"
    disk.check()


def sessions(disk: Disk, number: int) -> list[Session]:
    """Sessions that are in the backup, and have ended since, each in a commit of its own."""
    user = disk.users[MIKO].id
    made = [
        Session(id=owned(disk), digest="0", user=user, auth_time=NOW, expires=NOW + 9999)
        for _ in range(number)
    ]
    disk.commit(*map(Create, made))
    disk.back_up()

    async def end(store: Store) -> None:
        for one in made:
            query = One(Session, one.id)
            await store.commit([Remove((await store.read(query)).records(query)[0])])

    disk.run(end)
    return made


def test_a_file_with_many_parts_becomes_one_object(disk: Disk, bucket: Bucket) -> None:
    made = sessions(disk, 6)
    # The first part stays, so that the number stays taken.
    assert bucket.names() == ["00000001.revocations", "00000001.revocations/00000001"]
    disk.lose()
    assert disk.apply().narrowed == {"sessions": 6}
    assert disk.one(One(Session, made[0].id)) is None


def test_where_nothing_may_be_removed_parts_stay(
    disk: Disk, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("the storage refuses (AccessDenied)")

    monkeypatch.setattr(buckets.BucketPlace, "remove", refused)
    sessions(disk, 6)
    assert len(bucket.names()) > 6
    disk.lose()
    assert disk.apply().narrowed == {"sessions": 6}


def test_the_parts_of_a_process_that_was_killed_are_read(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journal, "close", lambda _: None)
    sessions(disk, 6)
    disk.lose()
    assert disk.apply().narrowed == {"sessions": 6}


FILES = "00000001.revocations"


def fill(disk: Disk, bucket: Bucket) -> None:
    """Two files: a whole one, and one in parts."""
    sessions(disk, 6)
    one = grant(disk.users[MIKO])
    disk.commit(Create(one))
    disk.commit(stopped(disk, one))
    assert len(bucket.names()) == 2 + 4


def cut(bucket: Bucket) -> None:
    lines = bucket.get(FILES).splitlines(keepends=True)
    bucket.put(FILES, b"".join(lines[:4]))


def change(bucket: Bucket) -> None:
    name = "00000002.revocations/00000002"
    bucket.put(name, bucket.get(name).replace(b'"stopped"', b'"active"'))


def drop_part(bucket: Bucket) -> None:
    bucket.delete("00000002.revocations/00000002")


def drop_file(bucket: Bucket) -> None:
    for name in bucket.names():
        if name.startswith("00000001"):
            bucket.delete(name)


def shift(bucket: Bucket) -> None:
    bucket.put("00000002.revocations", bucket.get(FILES))


FAULTS = [
    row("object", "its end cut off", cut, r"00000001\.revocations: the end was cut off"),
    row("part", "changed", change, r"00000002\.revocations, line 2: the line is damaged"),
    row("part", "missing", drop_part, r"00000002\.revocations, line 2: the line is damaged"),
    row("file", "missing", drop_file, "the files before 00000002 are gone"),
    row("object", "another file in its place", shift, "was file 1, and has another name"),
]


@pytest.mark.parametrize("spoil, says", FAULTS)
def test_a_fault_is_named_and_refused(
    disk: Disk, bucket: Bucket, spoil: Callable[[Bucket], None], says: str
) -> None:
    fill(disk, bucket)
    spoil(bucket)
    disk.lose()
    with pytest.raises(Incomplete, match=says):
        disk.apply()
    with pytest.raises(Revived, match="has not ended"):
        disk.check()
    assert disk.apply(lost=True).epoch == 1


def test_while_the_storage_is_away_nothing_is_revoked(disk: Disk, bucket: Bucket) -> None:
    """What was refused is not ended by a restore later; what came after it is."""
    refused, other = grant(disk.users[MIKO]), grant(disk.users["noor"])
    disk.commit(Create(refused), Create(other))
    disk.back_up()
    no, yes = stopped(disk, refused), stopped(disk, other)
    another = grant(disk.users["noor"], "tv")

    async def story(store: Store) -> None:
        bucket.wire.cut()
        with pytest.raises(Unavailable, match="revocations cannot be written: the storage cannot"):
            await store.commit([no])
        await store.commit([Create(another)])
        bucket.wire.mend()
        await store.commit([yes])

    disk.run(story)
    assert disk.one(One(Grant, refused.id)).status == "active"
    disk.lose()
    assert disk.apply().narrowed == {"grants": 1}
    assert disk.one(One(Grant, refused.id)).status == "active"
    assert disk.one(One(Grant, other.id)).status == "stopped"


def test_an_outage_in_the_middle_of_a_file(disk: Disk, bucket: Bucket) -> None:
    first, refused, other = (grant(disk.users[MIKO], one) for one in ("stefapp", "tv", "web"))
    disk.commit(Create(first), Create(refused), Create(other))
    disk.back_up()

    begin, no, yes = stopped(disk, first), stopped(disk, refused), stopped(disk, other)

    async def story(store: Store) -> None:
        await store.commit([begin])
        bucket.wire.cut()
        for _ in range(3):
            with pytest.raises(Unavailable, match="revocations cannot be written"):
                await store.commit([no])
        bucket.wire.mend()
        await store.commit([yes])

    disk.run(story)
    disk.lose()
    assert disk.apply().narrowed == {"grants": 2}
    assert disk.one(One(Grant, refused.id)).status == "active"


def test_a_part_whose_answer_was_lost_is_not_written_twice(
    disk: Disk, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, losses = buckets.BucketPlace.put, [True]

    def lossy(self: buckets.BucketPlace, name: str, body: bytes) -> None:
        put(self, name, body)
        if name.endswith("/00000002") and losses:
            losses.pop()
            raise OSError("the storage cannot be reached: the answer was lost")

    monkeypatch.setattr(buckets.BucketPlace, "put", lossy)
    refused, other = grant(disk.users[MIKO]), grant(disk.users["noor"])
    disk.commit(Create(refused), Create(other))
    disk.back_up()
    no, yes = stopped(disk, refused), stopped(disk, other)

    async def story(store: Store) -> None:
        with pytest.raises(Unavailable):
            await store.commit([no])
        await store.commit([yes])

    disk.run(story)
    disk.lose()
    assert disk.apply().narrowed == {"grants": 1}
    assert disk.one(One(Grant, refused.id)).status == "active"


def test_what_waits_is_bounded(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MOST", 2000)
    journal = Journal(bucket.place(), MASTER)
    journal.renew()()
    while journal.written < 15:
        journal.append("fact", {"table": "grants"})
    with pytest.raises(OSError, match="too much waits"):
        journal.append("fact", {"table": "grants" * 300})
    journal.sync()()
    journal.append("alive", None)
    journal.close()
    (file,) = bucket.place().files()
    lines, fault = read_file(bucket.place(), file, MASTER)
    assert fault is None
    assert [line.kind for line in lines[-2:]] == ["alive", "end"]


def test_processes_never_share_a_file(bucket: Bucket) -> None:
    journals = [Journal(bucket.place(), MASTER) for _ in range(4)]
    works = [one.renew() for one in journals]
    listed = buckets.BucketPlace._files
    place = bucket.place()
    assert listed(place) == {}
    for work in works:
        work()
    files = {one.append("alive", None)[0] for one in journals}
    assert files == {1, 2, 3, 4}
    # One that listed before the others began goes on until a number is free.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets.BucketPlace, "_files", lambda _: {})
        late = Journal(place, MASTER)
        late.renew()()
        assert late.append("alive", None)[0] == 5


def test_a_storage_that_ignores_the_condition_is_refused(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets.BucketPlace, "put", lambda _, name, body: bucket.put(name, body))
    with pytest.raises(OSError, match="it ignores If-None-Match"):
        bucket.place().check()


# A server and commands.


def environ(disk: Disk, bucket: Bucket) -> dict[str, str]:
    return bucket.environ() | {
        "VALETKEY_DATABASE": str(disk.database),
        "VALETKEY_MASTER_KEY": base64url.encode(MASTER),
    }


def command(disk: Disk, bucket: Bucket, *words: str) -> Any:
    return CliRunner().invoke(valetkey, words, env=environ(disk, bucket), prog_name="valetkey")


def test_commands_restore_from_it(disk: Disk, bucket: Bucket) -> None:
    one = grant(disk.users[MIKO])
    disk.commit(Create(one))
    disk.back_up()
    ended = command(disk, bucket, "grant", "stop", one.id, "--yes")
    assert ended.exit_code == 0, ended.output
    disk.lose()
    serve = command(disk, bucket, "serve", "--port", str(free_port()))
    assert serve.exit_code == 1
    assert "run `valetkey db restore --apply`" in serve.output
    restored = command(disk, bucket, "db", "restore", "--apply")
    assert restored.exit_code == 0, restored.output
    assert "ended again: 1 grants" in restored.output
    assert disk.one(One(Grant, one.id)).status == "stopped"


WRONG = [
    row("bucket", "missing", {"NAME": "no-such-bucket"}, "has no such bucket: create it"),
    row("line", "cut", {"URL": "http://127.0.0.1:1"}, "the storage cannot be reached"),
    row("folder", "too", {"FOLDER": "/tmp"}, "there is revocations_folder, too"),
    row("name", "wrong", {"NAME": "A bucket"}, "is no name of a bucket"),
    row("address", "in the clear", {"URL": "http://s3.example"}, "use https"),
]


@pytest.mark.parametrize("settings, says", WRONG)
def test_no_server_starts_without_it(
    disk: Disk, bucket: Bucket, settings: dict[str, str], says: str
) -> None:
    names = {name: f"VALETKEY_REVOCATIONS_BUCKET__{name}" for name in ("NAME", "URL")}
    names["FOLDER"] = "VALETKEY_REVOCATIONS_FOLDER"
    env = environ(disk, bucket) | {names[name]: value for name, value in settings.items()}
    words = ("serve", "--port", str(free_port()))
    result = CliRunner().invoke(valetkey, words, env=env, prog_name="valetkey")
    assert result.exit_code != 0
    assert says in result.output


def test_doctor_tells_of_it(disk: Disk, bucket: Bucket) -> None:
    assert f"s3://{bucket.name}/valetkey takes writes" in command(disk, bucket, "doctor").output
    bucket.wire.cut()
    assert "nothing can be revoked" in command(disk, bucket, "doctor").output


def test_a_running_server_without_it_answers_all_else(tmp_path: Path, bucket: Bucket) -> None:
    pytest.importorskip("prometheus_client")
    metrics = free_port()
    live = Live(tmp_path / "valetkey.db", revocations_bucket=bucket.settings, metrics_port=metrics)
    live.start()

    def until(failing: bool) -> dict[str, str]:
        end = time.monotonic() + 20
        while True:
            answer = live.http.get("/readyz")
            assert answer.status_code == 200
            document: dict[str, str] = answer.json()
            if ("revocations" in document) == failing:
                return document
            assert time.monotonic() < end
            time.sleep(0.1)

    def numbers() -> dict[str, float]:
        text = live.http.get(f"http://127.0.0.1:{metrics}/metrics").text
        lines = (one.split() for one in text.splitlines() if "revocations" in one)
        return {words[0]: float(words[1]) for words in lines if words[0] != "#"}

    one = grant(live.users[MIKO], days=0)
    query = One(Grant, one.id)

    async def stop() -> None:
        row = (await live.store.read(query)).records(query)[0]
        await live.store.commit([Update(replace(row, status="stopped"))])

    async def give() -> None:
        await live.store.commit([Create(one)])

    try:
        live.run(give())
        assert until(False) == {"status": "ok"}
        end = time.monotonic() + 20
        while not bucket.names():
            assert time.monotonic() < end
            time.sleep(0.1)
        bucket.wire.cut()
        with pytest.raises(Unavailable, match="cannot be written"):
            live.run(stop())
        assert until(True) == {"status": "ok", "revocations": "cannot be written"}
        seen = numbers()
        assert seen["valetkey_revocations_failing"] == 1
        assert seen["valetkey_revocations_failed_total"] >= 1
        assert live.http.get("/jwks").status_code == 200
        bucket.wire.mend()
        until(False)
        live.run(stop())
        seen = numbers()
        assert seen["valetkey_revocations_failing"] == 0
        assert seen["valetkey_revocations_written_total"] >= 1
    finally:
        live.stop()
