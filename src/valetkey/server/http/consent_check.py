"""Asks a platform what its users may consent to, and remembers the answers for a moment."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from valetkey.server.http.platform_question import PlatformQuestions
from valetkey.server.model.query import Document, Many, Unreachable
from valetkey.server.model.user import Identity
from valetkey.server.oauth.authorize.consent_check import (
    MAX_REASON,
    ConsentAnswer,
    ConsentQuestion,
)
from valetkey.server.store.port import Store, Unavailable

TYPE: Final = "consent-check+jwt"
"""The `typ` of the token that goes with a question."""

WANTS: Final = "what a user may consent to"
"""What is asked."""

SECONDS: Final = 10.0
"""Seconds for which an answer is remembered: from the page to its button."""

MAX_REMEMBERED: Final = 10_000
"""Answers that are remembered: the last ones."""


class ConsentChecks:
    """The platform's answers, remembered."""

    def __init__(
        self,
        questions: PlatformQuestions,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._questions = questions
        self._store = store
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Document]] = OrderedDict()

    async def get(self, question: str) -> Document | Unreachable:
        """The answer to a `ConsentQuestion` as JSON, remembered or asked for now. Raises
        nothing."""
        until, document = self._answers.get(question, (0.0, None))
        if document is not None and self._clock() < until:
            return document
        answer = await self._ask(msgspec.json.decode(question, type=ConsentQuestion))
        if isinstance(answer, Unreachable):
            return answer
        document = Document(msgspec.json.encode(answer), int(time.time()))
        self._answers.pop(question, None)
        self._answers[question] = self._clock() + SECONDS, document
        while len(self._answers) > MAX_REMEMBERED:
            self._answers.popitem(last=False)
        return document

    async def _ask(self, question: ConsentQuestion) -> ConsentAnswer | Unreachable:
        query = Many(Identity, "user", question.user)
        try:
            identities = (await self._store.read(query)).many(query)
        except Unavailable as error:
            return Unreachable(str(error), temporary=True)
        body = {
            "user": question.user,
            "identities": [{"source": one.source, "subject": one.subject} for one in identities],
            "app": question.app,
            "permissions": question.permissions,
        }
        return await self._questions.ask(body, about=question.user, read=_read)


def _read(document: Mapping[str, Any]) -> ConsentAnswer:
    allowed, reason = document.get("allowed"), document.get("reason", "")
    if isinstance(allowed, list) and all(isinstance(one, str) for one in allowed):
        allowed = tuple(allowed)
    elif not isinstance(allowed, bool):
        raise ValueError("allowed: true, false, or a list of permissions")
    if not isinstance(reason, str) or len(reason) > MAX_REASON or not reason.isprintable():
        raise ValueError(f"a reason of one line of at most {MAX_REASON} characters")
    return ConsentAnswer(allowed=allowed, reason=reason)
