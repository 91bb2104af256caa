"""Requests that are sent at the same moment: HTTP/1.1 on separate connections."""

import asyncio
import contextlib
import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

TRIES: Final = 50
"""How often a patient client asks."""


class Cut(Exception):
    """The connection ended; `begun` where a part of the reply had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("begun" if begun else "nothing came")
        self.begun = begun


class Reply(msgspec.Struct, frozen=True):
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __str__(self) -> str:
        return "200" if self.status == 200 else f"{self.status} {self.body[:150].decode()}"

    @property
    def document(self) -> dict[str, Any]:
        """The JSON in it."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def post(
    path: str, form: dict[str, str], *, basic: tuple[str, str] | None = None, proof: str = ""
) -> bytes:
    """A form to be sent, by a client that may prove who it is, and which key it has."""
    body = urlencode(form).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines.append("Content-Type: application/x-www-form-urlencoded")
    if basic:
        lines.append("Authorization: Basic " + b64encode(":".join(basic).encode()).decode())
    if proof:
        lines.append(f"DPoP: {proof}")
    return "\r\n".join((*lines, "", "")).encode() + body


def get(path: str, *, cookie: str = "") -> bytes:
    """A page to be opened."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *([f"Cookie: {cookie}"] if cookie else ())]
    return "\r\n".join((*lines, "", "")).encode()


class Connection:
    """A connection that is kept alive, and opened anew where it has ended."""

    def __init__(self, port: int, host: str = "127.0.0.1", *, here: str = "") -> None:
        """`here` is the address from which it comes, "" for any."""
        self.port, self.host = port, host
        self._here = (here, 0) if here else None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connects, unless it is, and still is: the server ends what was idle for long. Raises
        OSError."""
        if self._reader and self._reader.at_eof():
            await self.close()
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                self.host, self.port, local_addr=self._here
            )

    def write(self, request: bytes) -> None:
        """Sends the request; `read` waits for the reply."""
        assert self._writer
        self._writer.write(request)

    async def read(self) -> Reply:
        """The reply. Raises Cut."""
        assert self._reader
        head = b""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            reply = _head(head)
            length = int(reply.headers.get("content-length", 0))
            body = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            begun = bool(head or getattr(error, "partial", b""))
            await self.close()
            raise Cut(begun=begun) from error
        if reply.headers.get("connection") == "close":
            await self.close()
        return msgspec.structs.replace(reply, body=body)

    async def ask(self, request: bytes) -> Reply:
        """Sends, and waits. Raises OSError where it cannot connect, Cut."""
        await self.open()
        self.write(request)
        return await self.read()

    async def insist(self, request: bytes) -> Reply:
        """Sends it again where nothing came back, or 503, as a patient client does. Raises OSError,
        and ValueError for the last 503."""
        for _ in range(TRIES):
            try:
                reply = await self.ask(request)
            except Cut:
                continue
            if reply.status != 503:
                return reply
            await asyncio.sleep(0.2)
        raise ValueError(f"no answer in {TRIES} tries")

    async def aclose(self) -> None:
        """The same as `close`, for `contextlib.aclosing`."""
        await self.close()

    async def close(self) -> None:
        """Lets go of it."""
        writer = self._writer
        self._reader = self._writer = None
        if writer:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def together(connections: Sequence[Connection], request: bytes) -> list[Reply]:
    """The same request on all of them, written before any reply is read."""
    for one in connections:
        await one.open()
    for one in connections:
        one.write(request)
    return list(await asyncio.gather(*(one.read() for one in connections)))


def _head(text: bytes) -> Reply:
    first, *lines = text.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Reply(int(first.split(" ")[1]), headers, b"")
