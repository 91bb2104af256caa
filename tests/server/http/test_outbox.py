"""Messages for other hosts: kept with what they tell of, sent by one, tried again, given up."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.rows import row

from valetkey.server.http.installation import Installations
from valetkey.server.http.outbound import Answer
from valetkey.server.http.outbox import AT_ONCE, Outbox
from valetkey.server.http.shell import Shell
from valetkey.server.model.change import Create, Stale
from valetkey.server.model.event import Event
from valetkey.server.model.policy import Lifetimes
from valetkey.server.model.query import Many, Rule, Unreachable
from valetkey.server.model.stream import LEASE, Job
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import Feature
from valetkey.server.oauth.core.message_delivery import Delivery, Message
from valetkey.server.store.keyring import ensure_keys
from valetkey.server.store.memory import MemoryStore
from valetkey.server.store.port import Store
from valetkey.server.store.sqlite.store import SQLiteStore
from valetkey.spec.names import Cite

pytestmark = pytest.mark.anyio

MASTER = os.urandom(32)
URL = "https://app.example/told"


def written(job: Job, context: Context) -> Rule[Message | None]:
    yield from ()
    if job.facts.get("moot"):
        return None
    return Message(body=b"told=" + job.facts["what"].encode(), content_type="text/x")


TOLD = Feature(
    name="telling",
    cites=(),
    deliveries=(Delivery(kind="told", cite=Cite("RFC 8935", "2"), write=written),),
)


class App:
    """The other side: answers from a list, the last answer for ever."""

    def __init__(self, *answers: Answer | Unreachable) -> None:
        self.answers = list(answers) or [Answer(204, {}, b"")]
        self.heard: list[tuple[str, bytes, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.once, self.full = asyncio.Event(), asyncio.Event()

    async def __call__(
        self, url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] = {}
    ) -> Answer | Unreachable:
        self.heard.append((url, body, content_type))
        self.once.set()
        if len(self.heard) == AT_ONCE:
            self.full.set()
        await self.gate.wait()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def shell_over(store: Store) -> Shell:
    at = Installations(
        store,
        issuer="http://id.test",
        lifetimes=Lifetimes(),
        features=(TOLD,),
        master_key=MASTER,
    )
    return Shell(store, at)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "vk.db")
    await ensure_keys(made, MASTER)
    yield made
    await made.close()


async def put(shell: Shell, *, wait: int = 0, **facts: str) -> Job:
    context = await shell.context()
    made = message_delivery.enqueue(
        "told", URL, context=context, client="stef", facts={"what": "x", **facts}, wait=wait
    )
    await shell.store.commit([made])
    assert isinstance(made.record, Job)
    return made.record


async def jobs(store: Store) -> tuple[Job, ...]:
    wanted = Many(Job)
    return (await store.read(wanted)).many(wanted)


async def notes(store: Store) -> list[str]:
    wanted = Many(Event)
    found = (await store.read(wanted)).many(wanted)
    return [one.note for one in found if one.kind == "undelivered"]


async def test_what_is_due_is_sent_once(store: Store) -> None:
    app, shell = App(), shell_over(store)
    await put(shell)
    await put(shell, what="later", wait=60)
    outbox = Outbox(shell, app)
    assert await outbox.look() == 1
    assert await outbox.look() == 0
    assert app.heard == [(URL, b"told=x", "text/x")]
    assert [one.facts["what"] for one in await jobs(store)] == ["later"]


async def test_two_nodes_send_it_once(store: Store) -> None:
    app, shell = App(), shell_over(store)
    app.gate.clear()
    for number in range(20):
        await put(shell, what=str(number))
    looking = [asyncio.create_task(Outbox(shell_over(store), app).look()) for _ in range(2)]
    await app.full.wait()
    app.gate.set()
    await asyncio.gather(*looking)
    await Outbox(shell, app).look()
    assert sorted(body for _, body, _ in app.heard) == sorted(
        f"told={number}".encode() for number in range(20)
    )
    assert await jobs(store) == ()


async def test_a_lease_is_of_one(store: Store) -> None:
    shell = shell_over(store)
    await put(shell)
    (job,) = await jobs(store)
    context = await shell.context()
    changes = message_delivery.lease(job, context)
    taken, _ = await shell.settle(lambda context: message_delivery.lease(job, context))
    assert taken.job is not None
    assert taken.job.due == context.env.now + LEASE
    late, _ = await shell.settle(lambda context: message_delivery.lease(job, context))
    assert late.job is None
    changes.close()
    with pytest.raises(Stale):
        await store.commit(taken.changes)


async def test_a_node_that_dies_leaves_the_message_to_others(store: Store) -> None:
    """Its lease runs out, and the message is due again."""
    shell = shell_over(store)
    await put(shell)
    (job,) = await jobs(store)
    await shell.settle(lambda context: message_delivery.lease(job, context))
    (leased,) = await jobs(store)
    assert leased.due >= job.due + LEASE
    assert leased.tried == 0


FINAL = [
    row("RFC 8935 2.3", "refused", Answer(400, {}, b""), "it answers with status 400"),
    row("", "gone", Answer(410, {}, b""), "it answers with status 410"),
]


@pytest.mark.parametrize("answer, why", FINAL)
async def test_what_the_other_side_refuses_is_given_up(
    store: Store, answer: Answer, why: str
) -> None:
    shell = shell_over(store)
    await put(shell)
    await Outbox(shell, App(answer)).look()
    assert await jobs(store) == ()
    assert await notes(store) == [f"told: {why}"]


AGAIN = [
    row("", "nobody there", Unreachable("nobody there")),
    row("", "its own trouble", Answer(503, {}, b"")),
    row("", "too many", Answer(429, {}, b"")),
]


@pytest.mark.parametrize("answer", AGAIN)
async def test_what_fails_is_tried_again_after_a_pause(
    store: Store, answer: Answer | Unreachable
) -> None:
    shell = shell_over(store)
    job = await put(shell)
    await Outbox(shell, App(answer)).look()
    (kept,) = await jobs(store)
    assert kept.tried == 1
    assert kept.due - job.due in (message_delivery.PAUSES[0], message_delivery.PAUSES[0] + 1)
    assert await notes(store) == []


async def test_after_the_last_pause_it_is_given_up_with_an_event(store: Store) -> None:
    shell = shell_over(store)
    await put(shell)
    outbox = Outbox(shell, App(Unreachable("nobody there")))
    for number in range(len(message_delivery.PAUSES) + 1):
        (job,) = await jobs(store)
        assert job.tried == number
        await outbox.send([job], seconds=5)
    assert await jobs(store) == ()
    assert await notes(store) == ["told: nobody there"]


async def test_pauses_end_before_a_sealing_key_is_gone() -> None:
    assert sum(message_delivery.PAUSES) + len(message_delivery.PAUSES) * LEASE < 3600


async def test_what_is_no_longer_needed_is_forgotten(store: Store) -> None:
    app, shell = App(), shell_over(store)
    await put(shell, moot="yes")
    await Outbox(shell, app).look()
    assert (app.heard, await jobs(store), await notes(store)) == ([], (), [])


async def test_a_kind_that_is_switched_off_is_forgotten(store: Store) -> None:
    app, shell = App(), shell_over(store)
    await store.commit([Create(Job(id="x", kind="gone", url=URL, due=1, created=1))])
    await Outbox(shell, app).look()
    assert (app.heard, await jobs(store)) == ([], ())


async def test_whoever_waits_waits_no_longer_than_was_said(store: Store) -> None:
    """And what was not sent by then is still there."""
    app, shell = App(), shell_over(store)
    app.gate.clear()
    job = await put(shell, wait=LEASE)
    await Outbox(shell, app).send([job], seconds=0.05)
    assert [one.id for one in await jobs(store)] == [job.id]


async def test_it_runs_and_is_nudged(store: Store) -> None:
    app, shell = App(), shell_over(store)
    outbox = Outbox(shell, app)
    running = asyncio.create_task(outbox.run())
    try:
        await asyncio.sleep(0.05)
        await put(shell)
        outbox.nudge()
        async with asyncio.timeout(1.5):
            await app.once.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(app.heard) == 1


def test_a_message_shows_nothing_of_itself() -> None:
    assert "secret" not in repr(Message(body=b"secret", content_type="x", headers={"a": "secret"}))
