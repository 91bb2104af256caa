"""The example of `HOST` (a module and a name), whose replies say of which process they are."""

import importlib
import os
from typing import Any, Final

_MODULE, _, _NAME = os.environ["HOST"].partition(":")
_APP: Final[Any] = getattr(importlib.import_module(_MODULE), _NAME)


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """By WSGI."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("X-Process", str(os.getpid()))], *more)

    return _APP(environ, start)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """By ASGI."""

    async def numbered(message: Any) -> None:
        if message["type"] == "http.response.start":
            number = (b"x-process", str(os.getpid()).encode())
            message = message | {"headers": [*message["headers"], number]}
        await send(message)

    await _APP(scope, receive, numbered)
