"""A99: a connection that never ends its TLS handshake is not held for long."""

import asyncio
import contextlib
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.rows import row
from tests.tls import write_pair

from valetkey.cli import serving

SILENT = 5.0
"""Seconds after which a test gives up: far more than the handshake may take here."""


def _without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)


async def _waited(context: ssl.SSLContext | None) -> float | None:
    """For how many seconds a connection is held that says nothing; None for more than asked."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
    with socket.create_connection(server.sockets[0].getsockname()[:2]) as one:
        one.setblocking(False)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(SILENT if context else 0.5):
                with contextlib.suppress(ConnectionResetError):
                    assert await loop.sock_recv(one, 1) == b""
        except TimeoutError:
            return None
        finally:
            server.close()
        return time.monotonic() - begun


@pytest.mark.parametrize(
    "prepare",
    [
        row("A99", "uvloop", lambda _: None),
        row("A99", "asyncio", _without_uvloop),
    ],
)
def test_a_handshake_ends(
    prepare: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prepare(monkeypatch)
    monkeypatch.setattr(serving, "HANDSHAKE", 0.2)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*write_pair(tmp_path, "one"))
    with asyncio.Runner(loop_factory=serving.loop_factory()) as runner:
        assert runner.run(_waited(context)) is not None
        assert runner.run(_waited(None)) is None, "without TLS nothing is cut off here"


def test_it_is_short() -> None:
    assert serving.HANDSHAKE <= 10
