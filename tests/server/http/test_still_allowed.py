"""The answers of a platform: remembered, one question at a time, and a bounded grace."""

import asyncio
import os
from typing import Any

import pytest
from tests.keys import lent

from valetkey.server.http.outbound import Answer
from valetkey.server.http.platform_question import PAUSE_SECONDS, PlatformQuestions
from valetkey.server.http.still_allowed import (
    REFUSAL_SECONDS,
    TYPE,
    WANTS,
    PlatformEndpoint,
    PlatformTerms,
    StillAllowed,
)
from valetkey.server.model import ids
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import Document, Unreachable
from valetkey.server.model.user import Identity
from valetkey.server.store import keyring
from valetkey.server.store.memory import MemoryStore

pytestmark = pytest.mark.anyio

ENV = Env(1_700_000_000, os.urandom)
MIKO = ids.user_id(ENV)
YES = Answer(200, {}, b'{"allowed": true}')
NO = Answer(200, {}, b'{"allowed": false}')
DOWN = Unreachable("it is down", temporary=True)


class Stage:
    """A platform that answers what the test says, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answer: Answer | Unreachable = YES
        self.asked = 0
        self.master = os.urandom(32)
        self.store = MemoryStore()
        questions = PlatformQuestions(
            "https://p.example/ok",
            issuer="https://i",
            typ=TYPE,
            wants=WANTS,
            post=self.post,
            keys=self._keys,
            clock=lambda: self.now,
        )
        endpoint = PlatformEndpoint(questions, source="platform")
        terms = PlatformTerms(source="platform", seconds=60, grace=30)
        self.checks = StillAllowed(terms, self.store, ask=endpoint.ask, clock=lambda: self.now)

    async def post(self, *args: Any, **options: Any) -> Answer | Unreachable:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self.answer

    async def _keys(self) -> Keyring:
        with lent():
            await keyring.ensure_keys(self.store, self.master)
        keys = await keyring.read_keys(self.store)
        return keyring.open_keys(keys, self.master, now=ENV.now)

    async def link(self) -> None:
        one = Identity(
            id=ids.owned_id(ENV, owner=MIKO),
            user=MIKO,
            source="platform",
            subject="m-1",
            created=ENV.now,
        )
        await self.store.commit([Create(one)])

    async def says(self) -> str:
        found = await self.checks.get(MIKO)
        return found.body.decode() if isinstance(found, Document) else "down"


@pytest.fixture
async def stage() -> Stage:
    stage = Stage()
    await stage.link()
    return stage


async def test_many_callers_share_a_question_and_its_answer(stage: Stage) -> None:
    assert set(await asyncio.gather(*(stage.says() for _ in range(50)))) == {"true"}
    stage.answer = NO
    stage.now = 59.9
    assert (await stage.says(), stage.asked) == ("true", 1)
    stage.now = 60.0
    assert (await stage.says(), stage.asked) == ("false", 2)
    stage.answer, stage.now = YES, 60.0 + REFUSAL_SECONDS
    assert (await stage.says(), stage.asked) == ("true", 3)


async def test_a_last_yes_counts_for_the_grace_alone(stage: Stage) -> None:
    assert await stage.says() == "true"
    stage.answer = DOWN
    for now, expected in ((61.0, "true"), (89.9, "true"), (90.0, "down"), (500.0, "down")):
        stage.now = now
        assert await stage.says() == expected


async def test_a_last_no_has_no_grace(stage: Stage) -> None:
    stage.answer = NO
    assert await stage.says() == "false"
    stage.answer, stage.now = DOWN, REFUSAL_SECONDS
    assert await stage.says() == "down"


async def test_after_a_failure_nobody_waits_for_a_moment(stage: Stage) -> None:
    stage.answer = DOWN
    assert [await stage.says() for _ in range(5)] == ["down"] * 5
    assert stage.asked == 1
    stage.answer, stage.now = YES, PAUSE_SECONDS
    assert await stage.says() == "true"


async def test_nobody_asks_about_users_of_other_sources(stage: Stage) -> None:
    stage.answer = DOWN
    other = await stage.checks.get(ids.user_id(ENV))
    assert isinstance(other, Document)
    assert (other.body, stage.asked) == (b"true", 0)
