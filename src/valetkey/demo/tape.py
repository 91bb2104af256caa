"""What the recorder kept, read back: as streams of bytes, and as HTTP exchanges."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

import msgspec

from valetkey.demo import tap
from valetkey.demo.narrator import Exchange

_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]+)[^\r\n]*\r\n")
_EMPTY: Final = frozenset({"204", "304"})


class Stream(msgspec.Struct):
    """What passed through one connection, and how much of it has been understood. `ours`: the
    recorded process made the connection."""

    peer: str = ""
    ours: bool = True
    outgoing: bytearray = msgspec.field(default_factory=bytearray)
    incoming: bytearray = msgspec.field(default_factory=bytearray)
    asked_to: int = 0
    answered_to: int = 0


class Message(msgspec.Struct, frozen=True):
    """One HTTP message: the words of its first line, and where in the stream it ends."""

    start: list[str]
    headers: dict[str, str]
    body: bytes
    end: int


class Tape:
    """A recording, which may still be growing."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def exchanges(self) -> list[Exchange]:
        """Every exchange that is complete so far, in the order in which they were completed."""
        complete: list[Exchange] = []
        for stream in self._grow():
            exchange = _next(stream)
            if exchange is not None:
                complete.append(exchange)
        return complete

    def streams(self) -> list[Stream]:
        """Every connection so far."""
        return list({id(stream): stream for stream in self._grow()}.values())

    def holds(self, text: str) -> bool:
        """Whether the text is among the bytes: as it is, percent-encoded, or in base64."""
        everything = [
            bytes(part) for one in self.streams() for part in (one.outgoing, one.incoming)
        ]
        return any(form in part for form in disguises(text) for part in everything)

    def escaped(self) -> list[str]:
        """Connections that went past the recorder: none, where the recording is whole."""
        return [data.decode() for _, what, data in self._frames() if what == tap.ESCAPED]

    def _grow(self) -> Iterator[Stream]:
        """After each frame, the stream that it belongs to."""
        streams: dict[int, Stream] = {}
        for number, what, data in self._frames():
            stream = streams.setdefault(number, Stream())
            match what:
                case tap.OUTGOING:
                    stream.outgoing += data
                case tap.RECEIVED:
                    stream.incoming += data
                case _:
                    stream.peer, stream.ours = data.decode(), what != tap.ACCEPTED
            yield stream

    def _frames(self) -> Iterator[tuple[int, bytes, bytes]]:
        data, at = self.file.read_bytes() if self.file.exists() else b"", 0
        while at + tap.HEADER.size <= len(data):
            number, what, length = tap.HEADER.unpack_from(data, at)
            at += tap.HEADER.size
            yield number, what, data[at : at + length]
            at += length


def disguises(text: str) -> set[bytes]:
    """The forms in which a text may stand among bytes. In base64 it looks different at each offset
    within three bytes; of each, the characters that depend on the text alone."""
    raw = text.encode()
    forms = {raw, quote(text, safe="").encode(), quote_plus(text).encode()}
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw)
        begin, end = -(-8 * offset // 6), 8 * (offset + len(raw)) // 6
        core = encoded[begin:end]
        forms |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def _next(stream: Stream) -> Exchange | None:
    """The next exchange of the stream, once both of its halves are there."""
    ours = stream.ours
    asking, answering = (
        (stream.outgoing, stream.incoming) if ours else (stream.incoming, stream.outgoing)
    )
    request = _message(asking, stream.asked_to)
    response = _message(answering, stream.answered_to)
    if request is None or response is None:
        return None
    stream.asked_to, stream.answered_to = request.end, response.end
    method, target = request.start[0], request.start[1]
    host = request.headers.get("host", stream.peer)
    return Exchange(
        method=method,
        url=f"http://{host}{target}",
        request_headers=request.headers,
        request_body=request.body,
        status=int(response.start[1]),
        headers=response.headers,
        got=response.body,
    )


def _message(data: bytearray, at: int) -> Message | None:
    """The HTTP message that begins there (RFC 9112 2.1), or None while it is not whole."""
    head_end = data.find(b"\r\n\r\n", at)
    if head_end < 0:
        return None
    first, *lines = data[at:head_end].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    start, begin = first.split(" ", 2), head_end + 4
    if "chunked" in headers.get("transfer-encoding", ""):
        complete = _chunks(data, begin)
        return None if complete is None else Message(start, headers, *complete)
    empty = start[1] in _EMPTY
    end = begin + (0 if empty else int(headers.get("content-length", "0")))
    return Message(start, headers, bytes(data[begin:end]), end) if end <= len(data) else None


def _chunks(data: bytearray, at: int) -> tuple[bytes, int] | None:
    """A chunked body (RFC 9112 7.1) and where it ends, or None while it is not whole."""
    body = b""
    while match := _CHUNK.match(data, at):
        size, begin = int(match[1], 16), match.end()
        at = begin + size + 2
        if len(data) < at:
            return None
        body += data[begin : begin + size]
        if not size:
            return body, at
    return None
