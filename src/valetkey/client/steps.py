"""The steps of a flow: values, so that one flow serves threads and async tasks.

A flow is a generator. It yields a step, gets the step's result, and returns its own. It never does
I/O or sleeps; a driver does that (see `drivers`).
"""

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request to the authorization server. It may contain secrets."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url.partition('?')[0]})"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. Its body may contain a secret. Header names are in lower case."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Reply({self.status})"


class Sleep(msgspec.Struct, frozen=True):
    """Waits for that time, in seconds."""

    seconds: float


class Await(msgspec.Struct, frozen=True):
    """Waits for the result of a future. Raises TimeoutError after `seconds`."""

    future: Future[Any]
    seconds: float


class Call(msgspec.Struct, frozen=True):
    """Calls a function of the app; in an async app it returns an awaitable."""

    call: Callable[[], Any]


class Send(msgspec.Struct, frozen=True):
    """Sends the app's own request to an API, with these headers."""

    headers: dict[str, str]

    def __repr__(self) -> str:
        return "Send(…)"


class Answer(msgspec.Struct, frozen=True):
    """The answer of an API to a Send."""

    status: int
    headers: Mapping[str, str]


class End(msgspec.Struct, frozen=True):
    """The end of a flow, and its result."""

    result: Any


Blocking: TypeAlias = Callable[[], Any]
"""A blocking call on this machine: a file, a key store, a browser that opens."""

Step: TypeAlias = Request | Sleep | Await | Call | Blocking
Flow: TypeAlias = Generator[Step, Any, T]
ApiCall: TypeAlias = Generator[Step | Send, Any, None]
"""A call to an API: one or more Sends, and steps between them."""


def ask(request: Request) -> Flow[Reply]:
    """The server's answer. Raises ServerUnavailable."""
    reply: Reply = yield request
    return reply


def work(call: Callable[[], T]) -> Flow[T]:
    """The result of a blocking call."""
    result: T = yield call
    return result
