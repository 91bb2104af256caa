"""The outbox: delivers the messages that wait, each by one node at a time.

A node looks for messages that are due, takes each by postponing it to the end of a lease, and sends
it. If a node dies in between, the lease runs out and another node sends the message: it may arrive
twice, and is never lost.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Final, Protocol

from valetkey.server.accounts.notices import CODE, MAIL, Letter
from valetkey.server.http import log
from valetkey.server.http.outbound import Answer
from valetkey.server.http.shell import Shell
from valetkey.server.model.query import PageQuery, Rule, Unreachable
from valetkey.server.model.stream import Job, due_prefix
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.message_delivery import Message
from valetkey.server.store.keyring import run_signing
from valetkey.server.store.port import Unavailable
from valetkey.spec.errors import TemporarilyUnavailable

POLL_SECONDS: Final = 2.0
"""Seconds between two looks for messages that are due."""

AT_ONCE: Final = 16
"""Messages that one node sends at once."""

RETRY_STATUSES: Final = frozenset({408, 425, 429})
"""Statuses, besides 500 and above, after which the outbox tries again."""


class Post(Protocol):
    """Sends a message: the answer, with any status but a redirect, or why there is none. Raises
    nothing."""

    async def __call__(
        self, url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] = {}
    ) -> Answer | Unreachable: ...


class SendMail(Protocol):
    """Sends a mail: why it was not accepted, "" if it was; and whether that is final. Raises
    nothing."""

    async def __call__(self, letter: Letter) -> tuple[str, bool]: ...


async def no_mail(letter: Letter) -> tuple[str, bool]:
    """Sends nothing."""
    return f"no mail is sent here: {letter.kind}", False


MAILS_AT_ONCE: Final = 8
"""Mails that one node sends at once. A mail server may be slow: other messages don't wait for it.
"""

MAIL_WAIT: Final = 2
"""Seconds that a mail waits while so many are sent."""

_MAILS: Final = frozenset({MAIL, CODE})


class Outbox:
    """Delivers messages. `run` goes on until it is cancelled. `send_mail` sends mails, and `posts`
    has the ways of kinds of messages that don't go by `post`."""

    def __init__(
        self,
        shell: Shell,
        post: Post,
        *,
        send_mail: SendMail = no_mail,
        posts: Mapping[str, Post] = {},
    ) -> None:
        self._shell = shell
        self._post = post
        self._posts = posts
        self._send_mail = send_mail
        self._mails: set[asyncio.Task[None]] = set()
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Looks for new messages at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Delivers messages, again and again."""
        try:
            while True:
                self._nudged.clear()
                try:
                    while await self.look():
                        pass
                except (Unavailable, TemporarilyUnavailable) as error:
                    log.warning("outbox postponed", detail=str(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._nudged.wait()
        finally:
            for mail in self._mails:
                mail.cancel()

    async def look(self) -> int:
        """Sends some of the messages that are due. Returns how many it tried. Raises Unavailable,
        TemporarilyUnavailable."""
        context = await self._shell.context()
        query = PageQuery(record=Job, before=due_prefix(context.env.now + 1), limit=AT_ONCE)
        due = (await self._shell.store.page(query)).records
        return sum(await asyncio.gather(*(self._take(job) for job in due)))

    async def send(self, jobs: Sequence[Job], *, seconds: float) -> None:
        """Sends messages that no other node may take yet, within the time; the rest are sent later.
        Raises nothing."""
        with contextlib.suppress(TimeoutError, Unavailable, TemporarilyUnavailable):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(self._deliver(job) for job in jobs))

    async def _take(self, job: Job) -> int:
        is_mail = job.kind in _MAILS
        if is_mail and len(self._mails) >= MAILS_AT_ONCE:
            await self._settle(lambda context: message_delivery.postpone(job, MAIL_WAIT, context))
            return 1
        outcome, _ = await self._shell.settle(lambda context: message_delivery.lease(job, context))
        if outcome.job is None:
            return 0
        delivering = self._deliver(outcome.job)
        if is_mail:
            mail = asyncio.create_task(_logged(delivering))
            self._mails.add(mail)
            mail.add_done_callback(self._mails.discard)
        else:
            await delivering
        return 1

    async def _deliver(self, job: Job) -> None:
        message = await self._shell.ask(
            lambda context: message_delivery.write_message(job, context)
        )
        why, final = ("", False) if message is None else await self._posted(job, message)
        if why:
            log.info(
                "delivery failed", kind=job.kind, client=job.client, why=why, tried=job.tried + 1
            )
            await self._settle(
                lambda context: message_delivery.retry_or_give_up(job, why, context, final=final)
            )
        else:
            await self._settle(lambda context: message_delivery.finish(job, context))

    async def _posted(self, job: Job, message: Message | Letter) -> tuple[str, bool]:
        """Why the receiver did not accept the message, "" if it did; and whether that is final."""
        if isinstance(message, Letter):
            return await self._send_mail(message)
        body = message.body
        if message.sign is not None:
            ring = (await self._shell.context()).installation.keyring
            body = await run_signing(ring, message.sign)
        answer = await self._posts.get(job.kind, self._post)(
            job.url, body, content_type=message.content_type, headers=message.headers
        )
        if isinstance(answer, Unreachable):
            return answer.why, False
        if 200 <= answer.status < 300:
            return "", False
        final = 400 <= answer.status < 500 and answer.status not in RETRY_STATUSES
        return f"it answers with status {answer.status}", final

    async def _settle(self, rule: Callable[[Context], Rule[Outcome]]) -> None:
        await self._shell.settle(rule)


async def _logged(delivering: Coroutine[None, None, None]) -> None:
    """A delivery beside the others. The lease ends if it fails, and somebody tries again."""
    try:
        await delivering
    except (Unavailable, TemporarilyUnavailable) as error:
        log.warning("outbox postponed", detail=str(error))
