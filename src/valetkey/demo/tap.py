"""The recorder: from `record` on, every byte that this process's sockets send or receive is kept.

Each piece is a frame: the socket's number, what happened, how many bytes follow (`HEADER`), and
the bytes. The file is for its owner's eyes only, since a recording holds tokens. This module
imports no library that might keep the socket class as it was before.
"""

import os
import socket
import struct
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any, Final

HEADER: Final = struct.Struct("!IcI")

CONNECTED: Final = b"c"
ACCEPTED: Final = b"a"
OUTGOING: Final = b">"
RECEIVED: Final = b"<"
ESCAPED: Final = b"!"
"""A connection that no recorded socket made: the recording is not whole."""

_NET: Final = frozenset({socket.AF_INET, socket.AF_INET6})
_PEEK: Final = socket.MSG_PEEK


def record(file: Path) -> None:
    """Records from now on into `file`, made with mode 0600. Sockets made before are not seen."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lock, numbers = threading.Lock(), count(1)

    def write(number: int, what: bytes, data: bytes) -> None:
        with lock:
            os.write(descriptor, HEADER.pack(number, what, len(data)) + data)

    class Recorded(_Recorded):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.number = next(numbers)
            self.write = write

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.bind"} and not isinstance(args[0], Recorded):
            write(0, ESCAPED, repr(args[1]).encode())

    # The modules that make sockets ask `socket` for the class by name, `accept` too.
    socket.socket = Recorded  # type: ignore[misc]
    sys.addaudithook(watch)


class _Recorded(socket.socket):
    """A socket that notes what passes. Those of no network, such as an event loop's own pair, are
    left out."""

    number: int
    write: Any

    def note(self, what: bytes, data: bytes) -> None:
        """Writes it down."""
        if data and self.family in _NET:
            self.write(self.number, what, data)

    def connect(self, address: Any, /) -> None:
        self.note(CONNECTED, _encode_address(address))
        super().connect(address)

    def connect_ex(self, address: Any, /) -> int:
        self.note(CONNECTED, _encode_address(address))
        return super().connect_ex(address)

    def accept(self) -> tuple[socket.socket, Any]:
        accepted, address = super().accept()
        if isinstance(accepted, _Recorded):
            accepted.note(ACCEPTED, _encode_address(self.getsockname()))
        return accepted, address

    def send(self, data: Any, flags: int = 0, /) -> int:
        sent = super().send(data, flags)
        self.note(OUTGOING, _first(data, sent))
        return sent

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.note(OUTGOING, bytes(data))
        super().sendall(data, flags)

    def sendto(self, data: Any, /, *args: Any) -> int:
        sent = super().sendto(data, *args)
        self.note(OUTGOING, _first(data, sent))
        return sent

    def sendmsg(self, buffers: Any, /, *args: Any) -> int:
        buffers = [bytes(one) for one in buffers]
        sent = super().sendmsg(buffers, *args)
        self.note(OUTGOING, b"".join(buffers)[:sent])
        return sent

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        file.seek(offset)
        data = file.read() if count is None else file.read(count)
        self.sendall(data)
        return len(data)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        self.note(RECEIVED, b"" if flags & _PEEK else data)
        return data

    def recvfrom(self, size: int, flags: int = 0, /) -> tuple[bytes, Any]:
        data, address = super().recvfrom(size, flags)
        self.note(RECEIVED, b"" if flags & _PEEK else data)
        return data, address

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        got = super().recv_into(buffer, nbytes, flags)
        self.note(RECEIVED, b"" if flags & _PEEK else _first(buffer, got))
        return got

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        got, address = super().recvfrom_into(buffer, nbytes, flags)
        self.note(RECEIVED, b"" if flags & _PEEK else _first(buffer, got))
        return got, address

    def recvmsg(self, size: int, /, *args: Any) -> tuple[bytes, list[Any], int, Any]:
        got = super().recvmsg(size, *args)
        self.note(RECEIVED, got[0])
        return got

    def recvmsg_into(self, buffers: Any, /, *args: Any) -> tuple[int, list[Any], int, Any]:
        buffers = list(buffers)
        got = super().recvmsg_into(buffers, *args)
        self.note(RECEIVED, b"".join(bytes(one) for one in buffers)[: got[0]])
        return got


def _encode_address(address: Any) -> bytes:
    return f"{address[0]}:{address[1]}".encode() if isinstance(address, tuple) else b""


def _first(data: Any, size: int) -> bytes:
    return bytes(memoryview(data).cast("B")[:size])
