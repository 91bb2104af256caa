"""Asks the platform whether a password is right, for users who move at their first sign-in.

However many strangers try names here, the platform gets no more than AT_ONCE questions in HOLD
seconds from this process, and each network its share of them.
"""

import asyncio
import base64
import datetime
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus

import msgspec

from valetkey.jose.objects import read_object
from valetkey.server.accounts.lazy_migration import PlatformUser, WrongAnswer, read_answer
from valetkey.server.http import log
from valetkey.server.http.outbound import Answer
from valetkey.server.http.outbox import Post
from valetkey.server.http.waiting_room import WorkSlots
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Unreachable
from valetkey.spec.errors import TemporarilyUnavailable

AT_ONCE: Final = 4
HOLD: Final = 0.4
"""Seconds for which each question has its turn, at least: so ten questions a second at most."""

WAITING: Final = 64
"""Questions of anonymous callers that may wait for their turn."""

SECONDS: Final = 2.0
"""Seconds for a question, with the wait for its turn."""

NO: Final = frozenset({401, 403, 404})
"""Statuses by which the platform may say no."""


def ends_at(until: datetime.date) -> int:
    """The first second of that day (UTC), in seconds since 1970."""
    day = datetime.datetime.combine(until, datetime.time(), datetime.UTC)
    return int(day.timestamp())


class PlatformSignIn:
    """Asks at `url`, as the client with this id and secret, until the second `ends`."""

    def __init__(
        self,
        post: Post,
        *,
        url: str,
        client_id: str,
        secret: Secret,
        ends: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._post = post
        self._url = url
        pair = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
        self._authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._ends = ends
        self._clock = clock
        self._slots = WorkSlots(AT_ONCE, WAITING)

    @property
    def is_on(self) -> bool:
        """Whether it still asks."""
        return self._clock() < self._ends

    async def ask(self, username: str, password: Secret, *, address: str) -> PlatformUser | None:
        """The platform's user with this name and password, or None. `address` is that of an
        anonymous caller, "" for a known one."""
        body = msgspec.json.encode({"username": username, "password": password.reveal()})
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._exchange(body, address)
        except TemporarilyUnavailable:
            # An answer of its own would tell that the name is unknown here.
            return None
        except TimeoutError:
            log.warning("lazy migration: the platform did not answer in time")
            return None
        if isinstance(answer, Unreachable):
            log.warning("lazy migration: the platform did not answer", why=answer.why)
            return None
        if answer.status in NO:
            return None
        try:
            if answer.status != 200:
                raise WrongAnswer(f"its status is {answer.status}")
            return read_answer(read_object(answer.body), username)
        except ValueError as error:
            log.warning("lazy migration: the platform's answer was not accepted", why=str(error))
            return None

    async def _exchange(self, body: bytes, address: str) -> Answer | Unreachable:
        await self._slots.take(address)
        asyncio.get_running_loop().call_later(HOLD, self._slots.give)
        return await self._post(
            self._url,
            body,
            content_type="application/json",
            headers={"authorization": self._authorization},
        )
