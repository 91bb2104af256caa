"""The path of the issuer, such as `/oauth` of `https://chirp.example/oauth`.

Rules, endpoints and pages name paths as if the issuer had none. The front takes the path off each
request, and `on_base` puts it before each path that a page writes. Nothing else knows of it.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.server.http.reply import Headers, Reply

WELL_KNOWN: Final = "/.well-known/"


def outer_paths(path: str, base: str) -> tuple[str, ...]:
    """The paths at which a path of ours is reached: below the base, and for a well-known document
    also with the base behind it (RFC 8414 3.1; Shared Signals Framework 7.2)."""
    return (base + path, path + base) if base and path.startswith(WELL_KNOWN) else (base + path,)


def inner_path(path: str, base: str) -> str | None:
    """Our path that is reached at this path, None where there is none of ours."""
    if path.startswith(f"{base}/"):
        return path[len(base) :]
    if path.startswith(WELL_KNOWN) and path.endswith(base):
        return path.removesuffix(base)
    return "/" if path == base else None


_LINK: Final = re.compile(rb'( (?:href|src|srcset|action|formaction)=")/(?!/)')
"""A path in HTML. Text of others never matches: what is escaped has no quotation mark."""


def on_base(reply: Reply, base: str) -> Reply:
    """The reply of a page, with the base before each of our paths: in its links, forms, scripts and
    images, and where it redirects to. Addresses with a host stay as they are."""
    if not base:
        return reply
    prefix = base.encode()
    headers = tuple(_on_base(reply.headers, prefix))
    is_html = any(name == b"content-type" and b"html" in value for name, value in headers)
    body = _LINK.sub(rb"\g<1>" + prefix + b"/", reply.body) if is_html else reply.body
    return msgspec.structs.replace(reply, headers=headers, body=body)


def _on_base(headers: Headers, prefix: bytes) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers:
        before, url, target = b"", b"", value
        if name == b"refresh":
            before, url, target = value.partition(b"url=")
        is_ours = target.startswith(b"/") and not target.startswith(b"//")
        if name in {b"location", b"refresh"} and is_ours:
            yield name, before + url + prefix + target
        else:
            yield name, value
