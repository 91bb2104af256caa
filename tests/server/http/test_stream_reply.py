"""A reply that goes on: it ends with its pieces, with its listener, or with its patience."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

import pytest

from valetkey.server.http import reply
from valetkey.server.http.reply import StreamReply, send_streamed

pytestmark = pytest.mark.anyio

Message = MutableMapping[str, Any]


class Pieces:
    """So many pieces; `made` counts them, `closed` tells that nobody wants more."""

    def __init__(self, count: int) -> None:
        self.made = 0
        self.closed = False
        self._count = count

    async def all(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.made < self._count:
                self.made += 1
                yield b"piece"
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def silent() -> Message:
    await asyncio.Event().wait()
    return {}


async def test_it_ends_with_its_pieces() -> None:
    pieces, sent = Pieces(3), list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    await send_streamed(StreamReply((), pieces.all()), silent, send)
    assert [one.get("body") for one in sent] == [None, b"piece", b"piece", b"piece", b""]
    assert [bool(one.get("more_body")) for one in sent] == [False, True, True, True, False]
    assert pieces.closed


async def test_it_ends_when_nobody_listens() -> None:
    pieces = Pieces(10**9)

    async def leaves() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await send_streamed(StreamReply((), pieces.all()), leaves, send)
    assert pieces.closed
    assert pieces.made < 10


async def test_who_does_not_take_what_it_asked_for_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is kept for it meanwhile."""
    monkeypatch.setattr(reply, "CHUNK_SECONDS", 0.05)
    pieces, ended = Pieces(10**9), False

    async def send(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.body":
            ended |= not message.get("more_body")
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        await send_streamed(StreamReply((), pieces.all()), silent, send)
    assert (pieces.made, pieces.closed, ended) == (1, True, False)
