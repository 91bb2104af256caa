"""What a flow wants done for it: each step is a value, so that one body serves threads and tasks.

A flow is a generator. It yields a step, is sent what came of it, and returns its result. It makes
no call, waits for nobody and sleeps never; a driver does (see `drivers`).
"""

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A call to the authorization server. It may hold secrets."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url.partition('?')[0]})"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, read to its end. Its body may hold a secret. Names of headers are lower case."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Reply({self.status})"


class Sleep(msgspec.Struct, frozen=True):
    """Nothing, for that many seconds."""

    seconds: float


class Await(msgspec.Struct, frozen=True):
    """What somebody else will put there. TimeoutError where it takes longer than `seconds`."""

    future: Future[Any]
    seconds: float


class Call(msgspec.Struct, frozen=True):
    """A call that the app itself makes: in an async app it returns an awaitable."""

    call: Callable[[], Any]


class Send(msgspec.Struct, frozen=True):
    """The app's own request to an API, with these headers: whoever carries it sends it."""

    headers: dict[str, str]

    def __repr__(self) -> str:
        return "Send(…)"


class Answer(msgspec.Struct, frozen=True):
    """What an API answered to a Send."""

    status: int
    headers: Mapping[str, str]


class End(msgspec.Struct, frozen=True):
    """The end of a flow, and its result."""

    result: Any


Blocking: TypeAlias = Callable[[], Any]
"""Work on this machine that may take a moment: a file, a key store, a browser that opens."""

Step: TypeAlias = Request | Sleep | Await | Call | Blocking
Flow: TypeAlias = Generator[Step, Any, T]
ApiCall: TypeAlias = Generator[Step | Send, Any, None]
"""A call to an API, which may take several sendings, and steps between them."""


def ask(request: Request) -> Flow[Reply]:
    """The server's answer. Raises ServerUnavailable."""
    reply: Reply = yield request
    return reply


def work(call: Callable[[], T]) -> Flow[T]:
    """What the call returns."""
    result: T = yield call
    return result
