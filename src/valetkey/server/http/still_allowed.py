"""Asks a platform whether its users are still allowed, and remembers the answers.

There is never more than one question about a user in flight. A platform that is slow or down costs
users of other sources nothing: nobody asks about them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.server.http.platform_question import PlatformQuestions
from valetkey.server.model.query import Document, Many, Unreachable
from valetkey.server.model.user import Identity
from valetkey.server.oauth.tokens.account_check import YES
from valetkey.server.store.port import Store, Unavailable

TYPE: Final = "still-allowed+jwt"
"""The `typ` of the token that goes with a question."""

WANTS: Final = "whether a user is allowed"
"""What is asked."""

REFUSAL_SECONDS: Final = 15.0
"""Seconds for which a refusal is remembered, at the most: the user may be back."""

MAX_REMEMBERED: Final = 100_000
"""Users whose answers are remembered: the last ones."""


class PlatformTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The users of `source` are asked about. An answer counts for `seconds`, and for `grace`
    seconds more while the platform does not answer."""

    source: str
    seconds: int
    grace: int = 0


AskPlatform: TypeAlias = Callable[[str], Awaitable[bool | Unreachable]]
"""Says whether the user with this subject at the source is still allowed. Never raises."""


class _Remembered(msgspec.Struct, frozen=True):
    """An answer, until when it counts, and until when it does if there is no newer one."""

    is_allowed: bool
    until: float
    grace: float


class StillAllowed:
    """The platform's answers, remembered."""

    def __init__(
        self,
        terms: PlatformTerms,
        store: Store,
        *,
        ask: AskPlatform,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._terms = terms
        self._store = store
        self._ask = ask
        self._clock = clock
        self._answers: OrderedDict[str, _Remembered] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Document | Unreachable]] = {}

    async def get(self, user: str) -> Document | Unreachable:
        """The answer about the user with this id, remembered or asked for now."""
        last, now = self._answers.get(user), self._clock()
        if last is not None and now < last.until:
            return _document(last.is_allowed)
        flight = self._flights.get(user)
        if flight is None:
            flight = self._flights[user] = asyncio.create_task(self._learn(user, last))
            flight.add_done_callback(lambda _: self._flights.pop(user, None))
        # Shielded: one of the callers that wait may go away while the others still wait.
        return await asyncio.shield(flight)

    async def _learn(self, user: str, last: _Remembered | None) -> Document | Unreachable:
        try:
            subject = await self._subject(user)
        except Unavailable as error:
            return Unreachable(str(error), temporary=True)
        answer = True if subject is None else await self._ask(subject)
        if isinstance(answer, Unreachable):
            if last is not None and last.is_allowed and self._clock() < last.grace:
                return _document(last.is_allowed)
            return answer
        seconds = float(self._terms.seconds)
        seconds = seconds if answer else min(seconds, REFUSAL_SECONDS)
        until = self._clock() + seconds
        self._answers.pop(user, None)
        self._answers[user] = _Remembered(answer, until, until + self._terms.grace)
        while len(self._answers) > MAX_REMEMBERED:
            self._answers.popitem(last=False)
        return _document(answer)

    async def _subject(self, user: str) -> str | None:
        """The user's subject at the source, None if they sign in elsewhere. Raises Unavailable."""
        query = Many(Identity, "user", user)
        identities = (await self._store.read(query)).many(query)
        theirs = (one.subject for one in identities if one.source == self._terms.source)
        return next(theirs, None)


class PlatformEndpoint:
    """The address of a platform that says whether its users are still allowed."""

    def __init__(self, questions: PlatformQuestions, *, source: str) -> None:
        self._questions = questions
        self._source = source

    async def ask(self, subject: str) -> bool | Unreachable:
        """Ask about the user with this subject."""
        question = {"subject": subject, "source": self._source}
        return await self._questions.ask(question, about=subject, read=_read)


def _read(document: Mapping[str, Any]) -> bool:
    is_allowed = document.get("allowed")
    # Only JSON true and false count.
    if not isinstance(is_allowed, bool):
        raise ValueError("allowed: true or false")
    return is_allowed


def _document(is_allowed: bool) -> Document:  # noqa: FBT001
    return Document(YES if is_allowed else b"false", int(time.time()))
