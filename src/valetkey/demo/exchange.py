"""An HTTP exchange as it was: what was asked, what was answered."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

FORM: Final = "application/x-www-form-urlencoded"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its response. Header names are lower-case."""

    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: bytes
    status: int
    headers: Mapping[str, str]
    got: bytes = b""

    @property
    def path(self) -> str:
        """The path asked for."""
        return urlsplit(self.url).path

    @property
    def request(self) -> dict[str, str]:
        """What was sent: headers, then the query, then the fields of the form or document."""
        query = dict(parse_qsl(urlsplit(self.url).query))
        return {**self.request_headers, **query, **_fields(self.request_headers, self.request_body)}

    @property
    def response(self) -> dict[str, str]:
        """What came back: headers, the query of the address to go to, the document's fields."""
        query = dict(parse_qsl(urlsplit(self.headers.get("location", "")).query))
        return {**self.headers, **query, **_fields(self.headers, self.got)}


def _fields(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    kind = headers.get("content-type", "").partition(";")[0].strip()
    if kind == FORM:
        return _joined(parse_qsl(body.decode()))
    if kind != "application/json" or not body:
        return {}
    document = json.loads(body)
    members = document.items() if isinstance(document, dict) else [("(list)", document)]
    return {name: _text(value) for name, value in members}


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The fields; one that stands several times has its values one after the other."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields[name] = f"{fields[name]} {value}" if name in fields else value
    return fields


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
