"""A call as it reached the API, read from what each kind of server hands over."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from valetkey.wire import client_certificate, dpop

# RFC 3986 3.3: what a path may hold as it is.
_PLAIN: Final = "/:@!$&'()*+,;=~"

_LOOKED_AT: Final = tuple(
    name.lower().encode() for name in ("Authorization", dpop.HEADER, client_certificate.HEADER)
)
_AUTHORIZATION, _PROOF, _CERTIFICATE = _LOOKED_AT


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What an API looks at. `path` is as it was sent, escapes and all; `proofs` has every DPoP
    header; `peer` is who is connected, and `certificate` what it says in `Client-Cert`."""

    method: str
    path: str
    query: str = ""
    authorization: str = ""
    proofs: tuple[str, ...] = ()
    peer: str = ""
    certificate: str = ""

    def __repr__(self) -> str:
        return f"Call({self.method} {self.path})"


def of_scope(scope: MutableMapping[str, Any]) -> Call:
    """The call behind an ASGI scope."""
    sent: dict[bytes, list[str]] = {name: [] for name in _LOOKED_AT}
    for name, value in scope["headers"]:
        if name in sent:
            sent[name].append(value.decode("latin-1"))
    raw = scope.get("raw_path") or quote(scope["path"], safe=_PLAIN).encode()
    # RFC 9110 5.3: what may stand once stands twice, and is then read as one that is wrong.
    return Call(
        method=scope.get("method", "GET"),
        path=raw.decode("ascii", "replace"),
        query=scope["query_string"].decode("latin-1"),
        authorization=", ".join(sent[_AUTHORIZATION]),
        proofs=tuple(sent[_PROOF]),
        peer=scope["client"][0] if scope.get("client") else "",
        certificate=", ".join(sent[_CERTIFICATE]),
    )


def of_environ(environ: Mapping[str, Any]) -> Call:
    """The call behind a WSGI environment, in which a header that stands twice is joined by commas:
    neither a token nor a proof holds any."""
    proofs = environ.get(_name(dpop.HEADER), "")
    return Call(
        method=environ["REQUEST_METHOD"],
        path=_raw(environ),
        query=environ.get("QUERY_STRING", ""),
        authorization=environ.get("HTTP_AUTHORIZATION", ""),
        proofs=tuple(proofs.split(",")) if proofs else (),
        peer=environ.get("REMOTE_ADDR", ""),
        certificate=environ.get(_name(client_certificate.HEADER), ""),
    )


def _name(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


def _raw(environ: Mapping[str, Any]) -> str:
    """The path as it was sent, where the server tells it; else with the usual escapes."""
    for name in ("RAW_URI", "REQUEST_URI"):
        told = environ.get(name, "")
        if told.startswith("/"):
            path: str = told.partition("?")[0]
            return path
    # PEP 3333: bytes that pass for latin-1.
    whole = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return quote(whole.encode("latin-1"), safe=_PLAIN)
