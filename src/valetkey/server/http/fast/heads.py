"""The head of a reply, as bytes."""

import re
from functools import lru_cache
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from valetkey.server.http.reply import Headers

_NAME: Final = re.compile(rb"[a-z0-9-]+")
_VALUE: Final = re.compile(rb"[\x20-\x7e\x80-\xff\t]*")


@lru_cache(maxsize=256)
def encode_head(status: int, headers: Headers) -> bytes:
    """The status line and the headers. A few come again and again, so they are cached. Raises
    ValueError for a malformed header."""
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers):
        raise ValueError("not a header")
    return STATUS_LINE[status] + _encode(headers)


class _ServerHeaders:
    """The last encoded headers of uvicorn: the date, which changes each second."""

    source: list[tuple[bytes, bytes]] | None = None
    text = b""


def encode_server_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The headers that uvicorn adds to every reply."""
    if _ServerHeaders.source is not headers:
        _ServerHeaders.source, _ServerHeaders.text = headers, _encode(headers)
    return _ServerHeaders.text


def _encode(headers: Headers | list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers)
