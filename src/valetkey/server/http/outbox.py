"""The outbox: sends the messages that wait, each by one node at a time.

A node looks for what is due, takes it by moving it to the end of a lease, and sends it. A node that
dies in between leaves a lease behind that runs out, so a message may come twice, and is never lost.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from valetkey.server.http import log
from valetkey.server.http.outbound import Answer
from valetkey.server.http.shell import Shell
from valetkey.server.model.job import Job, due_prefix
from valetkey.server.model.query import PageQuery, Rule, Unreachable
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.outbound_message import Message
from valetkey.server.store.port import Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

LOOK: Final = 2.0
"""Seconds between two looks for what is due."""

AT_ONCE: Final = 16
"""Messages that one node sends at once."""

AGAIN: Final = frozenset({408, 425, 429})
"""Answers that ask for another try, beside 500 and above."""


class Post(Protocol):
    """The way out: any status but a redirect, or why there is none. Raises nothing."""

    async def __call__(
        self, url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] = {}
    ) -> Answer | Unreachable: ...


class Outbox:
    """Delivers. `run` goes on until it is cancelled."""

    def __init__(self, shell: Shell, post: Post) -> None:
        self._shell = shell
        self._post = post
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """There is something new: it is looked for at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Looks, again and again."""
        while True:
            self._nudged.clear()
            try:
                while await self.look():
                    pass
            except (Unavailable, TemporarilyUnavailable) as error:
                log.warning("outbox put off", detail=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._nudged.wait()

    async def look(self) -> int:
        """Sends some of what is due; how many it tried. Raises Unavailable,
        TemporarilyUnavailable."""
        context = await self._shell.context()
        query = PageQuery(record=Job, before=due_prefix(context.env.now + 1), limit=AT_ONCE)
        due = (await self._shell.store.page(query)).records
        return sum(await asyncio.gather(*(self._taken(job) for job in due)))

    async def send(self, jobs: Sequence[Job], *, seconds: float) -> None:
        """Sends jobs that nobody else may take yet, within the time; what is left of them goes out
        later. Raises nothing."""
        with contextlib.suppress(TimeoutError, Unavailable, TemporarilyUnavailable):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(self._deliver(job) for job in jobs))

    async def _taken(self, job: Job) -> int:
        taken, _ = await self._shell.settle(lambda context: message_delivery.lease(job, context))
        if taken.job is None:
            return 0
        await self._deliver(taken.job)
        return 1

    async def _deliver(self, job: Job) -> None:
        message = await self._shell.ask(
            lambda context: message_delivery.write_message(job, context)
        )
        why, final = ("", False) if message is None else await self._posted(job, message)
        if why:
            log.info("undelivered", kind=job.kind, client=job.client, why=why, tried=job.tried + 1)
            await self._settle(
                lambda context: message_delivery.retry_or_give_up(job, why, context, final=final)
            )
        else:
            await self._settle(lambda context: message_delivery.finish(job, context))

    async def _posted(self, job: Job, message: Message) -> tuple[str, bool]:
        """Why it was not taken, "" for delivered; and whether that is the last word."""
        answer = await self._post(
            job.url, message.body, content_type=message.content_type, headers=message.headers
        )
        if isinstance(answer, Unreachable):
            return answer.why, False
        if 200 <= answer.status < 300:
            return "", False
        final = 400 <= answer.status < 500 and answer.status not in AGAIN
        return f"it answers with status {answer.status}", final

    async def _settle(self, rule: Callable[[Context], Rule[Outcome]]) -> None:
        await self._shell.settle(rule)
