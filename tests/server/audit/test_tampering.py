"""`verify` names every change of the log, and its place, on both databases, from a bundle alone."""

import os
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from tests.server.audit.log import ISSUER, MASTER, Log, now_env

from valetkey.server.audit import recorder
from valetkey.server.audit.heads import read_head
from valetkey.server.audit.keys import make_key
from valetkey.server.audit.retention import expire
from valetkey.server.model import ids
from valetkey.server.model.audit import PersonKey, UnsealedRecord, segment_key
from valetkey.server.model.change import Create, Remove
from valetkey.server.model.event import event
from valetkey.server.model.keys import Epoch
from valetkey.server.model.query import One
from valetkey.server.store.revocations.marks import mark

pytestmark = pytest.mark.anyio

Tamper = Callable[[Log], Awaitable[None]]


async def _edit_record(log: Log) -> None:
    one = (await log.records())[4]
    body = await log.body("audit_records", one.id)
    body["public"] = body["public"].replace('"granted"', '"stopped"')
    await log.set_body("audit_records", one.id, body)


async def _edit_invisibly(log: Log) -> None:
    """Not one byte of JSON's meaning: it is the bytes that count."""
    one = (await log.records())[4]
    body = await log.body("audit_records", one.id)
    body["public"] = body["public"].replace('","', '", "', 1)
    await log.set_body("audit_records", one.id, body)


async def _break_record(log: Log) -> None:
    one = (await log.records())[4]
    body = await log.body("audit_records", one.id)
    await log.set_body("audit_records", one.id, body | {"public": "nothing"})


async def _edit_part(log: Log) -> None:
    one, other = (await log.records())[4], (await log.records())[5]
    body, theirs = (
        await log.body("audit_records", one.id),
        await log.body("audit_records", other.id),
    )
    body["parts"][0]["commitment"] = theirs["parts"][0]["commitment"]
    await log.set_body("audit_records", one.id, body)


async def _remove_record(log: Log) -> None:
    await log.remove("audit_records", (await log.records())[4].id)


async def _add_record(log: Log) -> None:
    one = (await log.records())[4]
    new = ids.to_text(ids.to_bytes(one.id)[:15] + b"\x01")
    body = await log.body("audit_records", one.id)
    await log.copy("audit_records", one.id, new)
    body["public"] = body["public"].replace(one.id, new)
    await log.set_body("audit_records", new, body)


async def _swap_records(log: Log) -> None:
    records = await log.records()
    await log.swap("audit_records", records[4].id, records[5].id)


async def _swap_segments(log: Log) -> None:
    await log.swap("audit_segments", segment_key(2), segment_key(3))


async def _swap_entries(log: Log) -> None:
    body = await log.body("audit_segments", segment_key(2))
    import base64

    raw = base64.b64decode(body["entries"])
    raw = raw[49:98] + raw[:49] + raw[98:]
    body["entries"] = base64.b64encode(raw).decode()
    await log.set_body("audit_segments", segment_key(2), body)


async def _remove_entry(log: Log) -> None:
    body = await log.body("audit_segments", segment_key(2))
    import base64

    raw = base64.b64decode(body["entries"])
    body["entries"] = base64.b64encode(raw[49:]).decode()
    await log.set_body("audit_segments", segment_key(2), body)
    await log.remove("audit_records", (await log.records())[3].id)


async def _edit_head(log: Log) -> None:
    body = await log.body("audit_segments", segment_key(2))
    body["head"] = body["head"].replace("records 3", "records 2")
    await log.set_body("audit_segments", segment_key(2), body)


async def _remove_segment(log: Log) -> None:
    await log.remove("audit_segments", segment_key(2))


async def _cut(log: Log) -> None:
    """The last segment, with all that it says."""
    for one in (await log.records())[6:]:
        await log.remove("audit_records", one.id)
    await log.remove("audit_segments", segment_key(3))


async def _cut_and_go_on(log: Log) -> None:
    await _cut(log)
    log.sealer = log.new_sealer()
    await log.edit("DELETE FROM audit_state WHERE key = 'sealer'")
    await log.happen()
    await log.seal()


async def _duplicate(log: Log) -> None:
    """A record that was sealed is put into the queue again."""
    one = (await log.records())[4]
    waiting = UnsealedRecord(id=one.id, category="access", leaf=b"0" * 32)
    await log.inner.commit([Create(waiting)])
    await log.seal()


async def _remove_unsealed(log: Log) -> None:
    await log.happen()
    await log.remove("audit_records", (await log.records())[-1].id)


async def _delete_person_key(log: Log) -> None:
    one = (await log.records())[4]
    await log.remove("audit_person_keys", one.facts.target.user)


TAMPERING: tuple[tuple[Tamper, list[tuple[str, str]]], ...] = (
    (_edit_record, [("edited", "segment 2, entry 2, record #4")]),
    (_edit_invisibly, [("edited", "segment 2, entry 2, record #4")]),
    (_break_record, [("edited", "segment 2, entry 2, record #4")]),
    (_edit_part, [("edited", "segment 2, entry 2, record #4")]),
    (_remove_record, [("removed", "segment 2, entry 2, record #4")]),
    (
        _swap_records,
        [
            ("swapped", "segment 2, entry 2, record #4"),
            ("swapped", "segment 2, entry 3, record #5"),
        ],
    ),
    (_swap_segments, [("swapped", "segment 2"), ("swapped", "segment 3")]),
    (_swap_entries, [("swapped", "segment 2, entry 1")]),
    (_remove_entry, [("removed", "segment 2")]),
    (_edit_head, [("edited", "segment 2")]),
    (_cut, [("cut", "segment 3")]),
    (_cut_and_go_on, [("cut", "segment 3")]),
    (_remove_unsealed, [("removed", "record #-1")]),
)


@pytest.mark.parametrize(
    "tamper, expected", TAMPERING, ids=[one.__name__.strip("_") for one, _ in TAMPERING]
)
async def test_a_change(tamper: Tamper, expected: list[tuple[str, str]], log: Log) -> None:
    await log.segments(3, 3, 3)
    records = [one.id for one in await log.records()]
    assert await log.found() == []
    await tamper(log)
    newer = [one.facts.id for one in await log.records() if one.facts.id not in records]
    places = {f"#{number}": name for number, name in enumerate(records)}
    verdict = await log.verdict()
    found = [(one.kind, one.place) for one in verdict.findings]
    if "#-1" in str(expected):
        assert [kind for kind, _ in found] == [kind for kind, _ in expected]
        return
    for number, name in sorted(places.items(), reverse=True):
        expected = [(kind, place.replace(number, name)) for kind, place in expected]
    assert found == expected, newer
    assert verdict.problems


async def test_one_added(log: Log) -> None:
    await log.segments(3, 3, 3)
    before = {one.id for one in await log.records()}
    await _add_record(log)
    (new,) = {one.id for one in await log.records()} - before
    assert await log.found() == [("added", f"record {new}")]


async def test_one_twice(log: Log) -> None:
    await log.segments(3, 3, 3)
    name = (await log.records())[4].id
    await _duplicate(log)
    kinds = [(kind, place) for kind, place in await log.found() if kind == "duplicate"]
    assert kinds == [("duplicate", f"segment 4, entry 1, record {name}")]


async def test_a_segment_removed(log: Log) -> None:
    """The records that it sealed are in no segment then."""
    await log.segments(3, 3, 3)
    await _remove_segment(log)
    found = await log.found()
    assert found[0] == ("removed", "segment 2")
    assert {kind for kind, _ in found[1:]} == {"added"}


async def test_without_shipped_heads_a_cut_end_cannot_be_excluded(log: Log) -> None:
    await log.segments(3, 3, 3)
    await _cut(log)
    verdict = await log.verdict(heads=False)
    assert verdict.findings == ()
    assert not verdict.end_is_certain


async def test_the_key_of_a_person_is_deleted_and_no_account_erased(log: Log) -> None:
    await log.segments(3, 3, 3)
    await _delete_person_key(log)
    found = await log.found()
    assert {kind for kind, _ in found} == {"removed"}
    assert len(found) == 3


async def test_an_erasure_breaks_nothing(log: Log) -> None:
    """The person's part is unreadable, for ever; the rest of the record stays checked."""
    user = await log.happen(2)
    await log.seal(ship=True)
    query = One(PersonKey, user)
    key = (await log.inner.read(query)).one(query)
    assert key is not None
    erased = event(now_env(), "erased", by="user", user=user)
    await log.store.commit([Remove(key)], [erased])
    await log.seal(ship=True)
    verdict = await log.verdict()
    assert [one.kind for one in verdict.findings] == ["erased", "erased"]
    assert verdict.problems == ()
    bundle = await log.bundle()
    assert "192.0.2.7" not in str(bundle.records)
    # A bundle of the day before shows it too.
    newest = read_head((await log.segment(1)).head)
    day = await log.verdict(until=newest.at)
    assert [one.kind for one in day.findings] == ["erased", "erased"]


async def test_an_expired_category(log: Log) -> None:
    """Only what a signed head declares as expired may be missing."""
    await log.happen(2)
    await log.happen(1, kind="signed-in")
    await log.seal(ship=True)
    log.retention["sign-in"] = -3600  # what is younger than an hour has expired
    await log.happen(1)
    newest = await log.seal(ship=True)
    assert await expire(log.inner, newest) == 1
    assert [one.operation for one in await log.records()] == ["granted"] * 3
    assert await log.found() == [("expired", "segment 1")]
    # Another category has not.
    await log.remove("audit_records", (await log.records())[0].id)
    assert sorted(kind for kind, _ in await log.found()) == ["expired", "removed"]


async def test_nothing_is_removed_before_a_head_says_so(log: Log) -> None:
    await log.happen(1, kind="signed-in")
    newest = await log.seal()
    log.retention["sign-in"] = -3600
    assert await expire(log.inner, newest) == 0


async def _restored(log: Log) -> None:
    """A backup of after segment 1 comes back."""
    for one in (await log.records())[3:]:
        await log.remove("audit_records", one.id)
    for number in (2, 3):
        await log.remove("audit_segments", segment_key(number))
    log.sealer = log.new_sealer()
    await log.edit("DELETE FROM audit_state WHERE key IN ('sealer', 'restored')")


async def test_a_restore_that_is_declared(log: Log) -> None:
    await log.segments(3, 3, 3)
    await _restored(log)
    log.lost = read_head(log.shipped[-1])
    await log.inner.commit([Create(Epoch(number=1, since=1))])
    await log.happen()
    await log.seal(ship=True)
    verdict = await log.verdict()
    assert [(one.kind, one.place) for one in verdict.findings] == [("restored", "segment 2")]
    assert "3 of epoch 0" in verdict.findings[0].detail


async def test_a_restore_with_the_revocations_declares_itself(log: Log) -> None:
    """It ends no epoch. It is declared once, whatever the clock says, and so is the next one, which
    goes back to before it."""
    await log.segments(3, 3, 3)
    for last in ("3 of epoch 0", "3 of epoch 1"):
        await _restored(log)
        log.lost = read_head(log.shipped[-1])
        await mark(log.inner, len(log.shipped))
        for _ in range(2):
            await log.happen()
            await log.seal(ship=True)
        verdict = await log.verdict()
        assert [(one.kind, one.place) for one in verdict.findings] == [("restored", "segment 2")]
        assert last in verdict.findings[0].detail


async def test_a_restore_that_is_not_declared_is_a_cut(log: Log) -> None:
    await log.segments(3, 3, 3)
    await _restored(log)
    await log.happen()
    await log.seal()
    assert await log.found() == [("cut", "segment 2"), ("cut", "segment 3")]


async def test_what_waits_is_unsealed_and_checked(log: Log) -> None:
    await log.segments(3)
    await log.happen()
    name = (await log.records())[-1].id
    assert await log.found() == [("unsealed", f"record {name}")]
    body = await log.body("audit_records", name)
    body["public"] = body["public"].replace('"granted"', '"stopped"')
    await log.set_body("audit_records", name, body)
    assert [kind for kind, _ in await log.found()] == ["unsealed", "edited"]


async def test_what_comes_while_a_bundle_is_written_waits(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or from a node whose clock is ahead: it is not said to be gone."""
    await log.segments(3)
    monkeypatch.setattr(recorder, "now_env", lambda: now_env(ago=-2))
    await log.happen()
    name = (await log.records())[-1].id
    assert await log.found() == [("unsealed", f"record {name}")]


async def test_a_day_is_checked_by_itself(log: Log) -> None:
    await log.segments(3, 3, 3)
    second = read_head((await log.segment(2)).head)
    verdict = await log.verdict(since=second.at, until=second.at)
    assert (verdict.segments, verdict.records, verdict.findings) == (1, 3, ())
    assert verdict.end_is_certain
    await _edit_record(log)
    found = await log.found(since=second.at, until=second.at)
    assert [kind for kind, _ in found] == ["edited"]


async def test_a_key_is_replaced_by_both(log: Log) -> None:
    await log.segments(1)
    first = read_head(log.shipped[0]).key
    made = make_key(ISSUER, MASTER, status="coming", now=1)
    await log.inner.commit([Create(made)])
    await log.segments(1, 1)
    # Who noted the first key trusts the second by it.
    assert (await log.verdict(trusted=[first])).findings == ()
    assert read_head(log.shipped[1]).key == made.verifier
    keys = await log.edit("SELECT body FROM audit_keys ORDER BY key")
    retired = [one for (body,) in keys if (one := msgspec.json.decode(body))["status"] == "retired"]
    assert [one["sealed"] for one in retired] == [""]


async def test_a_log_by_another_key_is_no_log_of_this_one(log: Log) -> None:
    """An administrator who makes a whole new log, with a key of their own."""
    await log.segments(2, 2)
    other = make_key(ISSUER, os.urandom(32), status="current", now=1)
    verdict = await log.verdict(trusted=[other.verifier])
    assert {one.kind for one in verdict.problems} >= {"edited"}
    assert len([one for one in verdict.findings if one.kind == "edited"]) == 2


async def test_a_bundle_without_what_is_personal(log: Log) -> None:
    await log.segments(2)
    bundle = await log.bundle(personal=False)
    assert "192.0.2.7" not in str(bundle)
    assert (await log.verdict(personal=False)).findings == ()
