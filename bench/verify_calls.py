"""What the kit adds to a call of a FastAPI application, in one process and without a network."""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI

from valetkey.resource import Principal, ResourceServer
from valetkey.resource.fastapi import Kit
from valetkey.wire.change_log import BEAT


async def answering(
    api: ResourceServer,
    *,
    path: str,
    bearer: str,
    bound_token: str,
    proof: Callable[[], str],
    rounds: int,
    count: int,
) -> dict[str, list[float]]:
    """Microseconds of a call, round by round: of an application without the kit, with it and the
    token `bearer`, and with the token `bound`, of which `proof` proves one call."""
    app, kit = FastAPI(), Kit(api)

    @app.get("/open")
    async def openly() -> dict[str, str]:
        return {"sub": "u" * 22}

    @app.get(path)
    async def read(caller: Annotated[Principal, kit.needs("chirps.read")]) -> dict[str, str]:
        return {"sub": caller.sub}

    plain = [("authorization", f"Bearer {bearer}")]
    ways: dict[str, Callable[[], list[tuple[str, list[tuple[str, str]]]]]] = {
        "without the kit": lambda: [("/open", [])] * count,
        "with it, a bearer token": lambda: [(path, plain)] * count,
        "with it, bound by DPoP": lambda: [
            (path, [("authorization", f"DPoP {bound_token}"), ("dpop", proof())])
            for _ in range(count)
        ],
    }
    timings: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, prepare in ways.items():
            calls = [_scope(path, headers) for path, headers in prepare()]
            await asyncio.sleep(2 * BEAT)
            began = time.perf_counter()
            for scope in calls:
                await _called(app, scope)
            timings[name].append((time.perf_counter() - began) / count * 1e6)
    return timings


def _scope(path: str, headers: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "https",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }


async def _called(app: FastAPI, scope: dict[str, Any]) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"answered {message['status']}")

    await app(scope, receive, send)
