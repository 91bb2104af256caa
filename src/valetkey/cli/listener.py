"""The socket on which the server listens, and the system's buffers for its connections."""

import socket
import sys
from typing import Final

from valetkey.cli.context import Failed
from valetkey.server.http.flow import RECEIVED
from valetkey.server.settings import Settings

UNSENT: Final = 16 * 1024
"""Bytes of replies that Linux buffers besides those in flight. Otherwise it buffers 4 MB for a
client that reads nothing."""

_NOTSENT_LOWAT: Final = 25
"""Linux's TCP_NOTSENT_LOWAT, which Python does not export."""


def listen(settings: Settings) -> socket.socket:
    """The socket. Raises Failed."""
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = addresses[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        why = error.strerror or error
        raise Failed(f"cannot listen on {settings.host} port {settings.port}: {why}") from error
    limit_buffers(listener)
    return listener


def limit_buffers(listener: socket.socket) -> None:
    """Sets the system's buffers for each connection of this listener."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT)
