"""The head of a reply as it goes over the wire."""

import re
from functools import lru_cache
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from valetkey.server.http.reply import Headers

_NAME: Final = re.compile(rb"[a-z0-9-]+")
_VALUE: Final = re.compile(rb"[\x20-\x7e\x80-\xff\t]*")


@lru_cache(maxsize=256)
def head(status: int, headers: Headers) -> bytes:
    """The status line and the headers as they go over the wire. The same few come again and again.
    Raises ValueError for what is no header."""
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers):
        raise ValueError("not a header")
    return STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % pair for pair in headers)


class _Dated:
    """What uvicorn adds to every reply, the date, which is another one each second."""

    of: list[tuple[bytes, bytes]] | None = None
    text = b""


def added(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The same of those that uvicorn adds."""
    if _Dated.of is not headers:
        _Dated.of, _Dated.text = headers, b"".join(b"%b: %b\r\n" % pair for pair in headers)
    return _Dated.text
