"""How requests are put into bytes, and what proves that they come from a holder of a key."""

import os
import time
from collections.abc import Mapping
from typing import Final

from bench.load import form_request
from bench.subject import basic
from valetkey.jose import base64url, jwk
from valetkey.wire import dpop

KEY: Final = jwk.generate("ES256")
"""The key of a caller that proves to have one."""

JKT: Final = KEY.public().thumbprint()


def proof(port: int, path: str, *, method: str = "POST", token: str = "") -> str:
    """A proof for one request to loopback (RFC 9449 4.2)."""
    return dpop.make(
        KEY,
        method=method,
        address=f"http://127.0.0.1:{port}{path}",
        now=int(time.time()),
        jti=base64url.encode(os.urandom(12)),
        access_token=token,
    )


def post(
    port: int,
    path: str,
    form: Mapping[str, str],
    *,
    by: tuple[str, str] | None = None,
    proved: bool = False,
) -> bytes:
    """A form, from whom `by` names with a secret, and with a proof where it is `proved`."""
    plain = form_request(port, path, form, basic=basic(*by) if by else "")
    if not proved:
        return plain
    return plain.replace(b"\r\n", f"\r\nDPoP: {proof(port, path)}\r\n".encode(), 1)


def get(port: int, path: str, *headers: str) -> bytes:
    """A request for what is at an address."""
    lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers)
    return "\r\n".join((*lines, "", "")).encode()


def introspect(port: int, path: str, token: str, *, proved: bool = False) -> bytes:
    """The same with an access token, by itself or with a proof."""
    if not proved:
        return get(port, path, f"Authorization: Bearer {token}")
    made = proof(port, path, method="GET", token=token)
    return get(port, path, f"Authorization: DPoP {token}", f"DPoP: {made}")
