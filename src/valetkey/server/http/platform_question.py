"""Questions to the operator's platform about its users: signed, short, and one failure a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from os import urandom
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from valetkey.jose import base64url, jwt
from valetkey.jose.objects import read_object
from valetkey.server.http import log
from valetkey.server.http.outbound import Answer
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import Document, DocumentKind, DocumentRequest, Unreachable
from valetkey.server.store.keyring import run_signing
from valetkey.server.store.settle import Fetch

TOKEN_SECONDS: Final = 60
"""Seconds for which the token that goes with a question is good."""

PAUSE_SECONDS: Final = 1.0
"""Seconds after a failure in which nothing is asked, so that callers don't wait in vain."""

T = TypeVar("T")


class QuestionToken(jwt.Claims, frozen=True, kw_only=True):
    """Proves that this server asks (RFC 7519 4.1): `sub` is whom the question is about."""

    aud: str
    sub: str
    jti: str


class PlatformQuestions:
    """One address of the platform. `typ` is the type of the token that goes with a question,
    `wants` says in the log what is asked, and `keys` gets the current keys of the `issuer`."""

    def __init__(
        self,
        url: str,
        *,
        issuer: str,
        typ: str,
        wants: str,
        post: Callable[..., Awaitable[Answer | Unreachable]],
        keys: Callable[[], Awaitable[Keyring]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._issuer = issuer
        self._typ = typ
        self._wants = wants
        self._post = post
        self._keys = keys
        self._clock = clock
        self._paused_until = float("-inf")

    async def ask(
        self, question: object, *, about: str, read: Callable[[Mapping[str, Any]], T]
    ) -> T | Unreachable:
        """Post a question about the user with this name. `read` makes something of the JSON object
        in the answer, or raises ValueError to say what it lacks."""
        if self._clock() < self._paused_until:
            return Unreachable("it did not answer a moment ago", temporary=True)
        now = int(time.time())
        token = QuestionToken(
            iss=self._issuer,
            aud=self._url,
            sub=about,
            iat=now,
            exp=now + TOKEN_SECONDS,
            jti=base64url.encode(urandom(16)),
        )
        ring = await self._keys()
        sign = partial(jwt.sign, token, key=ring.signing["ES256"], typ=self._typ)
        answer = await self._post(
            self._url,
            msgspec.json.encode(question),
            content_type="application/json",
            headers={"authorization": f"Bearer {await run_signing(ring, sign)}"},
            purpose="account checks",
        )
        outcome = answer if isinstance(answer, Unreachable) else _read(answer, read)
        if isinstance(outcome, Unreachable):
            self._paused_until = self._clock() + PAUSE_SECONDS
            log.warning(f"the platform does not say {self._wants}", detail=outcome.why)
        return outcome


def _read(answer: Answer, read: Callable[[Mapping[str, Any]], T]) -> T | Unreachable:
    if answer.status != 200:
        return Unreachable(f"it answers with status {answer.status}", temporary=True)
    try:
        document = read_object(answer.body)
    except ValueError:
        document = {}
    try:
        return read(document)
    except ValueError as error:
        return Unreachable(f"it answers without {error}", temporary=True)


AnswerOne: TypeAlias = Callable[[str], Awaitable[Document | Unreachable]]
"""Answers one kind of question. Never raises."""


def answering(fetch: Fetch, own: Mapping[DocumentKind, AnswerOne]) -> Fetch:
    """Answers these kinds of a rule's questions, and fetches the documents of all others."""

    async def documents(
        wants: Sequence[DocumentRequest],
    ) -> Mapping[DocumentRequest, Document | Unreachable]:
        questions = [want for want in wants if want.kind in own]
        others = [want for want in wants if want.kind not in own]
        fetched, answers = await asyncio.gather(
            fetch(others), asyncio.gather(*(own[want.kind](want.url) for want in questions))
        )
        return {**fetched, **dict(zip(questions, answers, strict=True))}

    return documents if own else fetch
