"""The header `x-fapi-interaction-id` of every reply: both sides find the call by it in their logs
(FAPI 1.0 Baseline 6.2.1)."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from os import urandom
from typing import Any, Final, TypeAlias

from valetkey.wire.interaction import HEADER, make, read

__all__ = ["HEADER", "WithInteractionId", "of_environ", "of_scope", "with_id"]

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_NAME: Final = HEADER.encode()
_VARIABLE: Final = f"HTTP_{HEADER.upper().replace('-', '_')}"


def of_scope(scope: Scope) -> str:
    """The id for the call behind an ASGI scope."""
    values = [value for name, value in scope["headers"] if name == _NAME]
    return (read(values[0].decode("latin-1")) if len(values) == 1 else "") or make(urandom(16))


def of_environ(environ: Mapping[str, Any]) -> str:
    """The id for the call behind a WSGI environment."""
    return read(environ.get(_VARIABLE, "")) or make(urandom(16))


def with_id(scope: Scope, send: Send) -> Send:
    """A `send` that adds the interaction id of the call to its reply."""
    header = (_NAME, of_scope(scope).encode())

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [one for one in message.get("headers", ()) if one[0].lower() != _NAME]
            message = {**message, "headers": [*others, header]}
        await send(message)

    return send_with_id


class WithInteractionId:
    """An ASGI application that adds the interaction id to all replies."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, with_id(scope, send) if scope["type"] == "http" else send)
