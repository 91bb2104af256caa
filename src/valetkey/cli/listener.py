"""The socket on which the server listens, and how much the system keeps for each connection."""

import socket
import sys
from typing import Final

from valetkey.cli.context import Failed
from valetkey.server.http.flow import RECEIVED
from valetkey.server.settings import Settings

UNSENT: Final = 16 * 1024
"""Bytes of replies that Linux keeps beside those that are under way. It takes 4 MB otherwise for a
client that reads nothing."""

_NOTSENT_LOWAT: Final = 25
"""Linux's TCP_NOTSENT_LOWAT, which Python does not name."""


def listening(settings: Settings) -> socket.socket:
    """The socket. Raises Failed."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        why = error.strerror or error
        raise Failed(f"cannot listen on {settings.host} port {settings.port}: {why}") from error
    limit_buffers(listener)
    return listener


def limit_buffers(listener: socket.socket) -> None:
    """Sets how much the system keeps for each connection of this listener."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT)
