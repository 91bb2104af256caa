"""The voice of the demo: what happens, said in a terminal of 80 columns or in a pipe."""

import http
import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TextIO
from urllib.parse import parse_qsl, urlsplit

import msgspec

# An HTTP exchange as it was: what was asked, what was answered.

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
        """What came back: headers, the query of the address to go to, by a redirect or by a page
        that goes on by itself, and the document's fields."""
        refresh = self.headers.get("refresh", "").partition("url=")[2]
        onward = self.headers.get("location", refresh)
        query = dict(parse_qsl(urlsplit(onward).query))
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


WIDTH: Final = 80
LABEL: Final = 26
"""Columns for a field's name, so that the values stand one under the other."""

SECRETS: Final = frozenset(
    {
        "access_token",
        "authorization",
        "client_assertion",
        "client_secret",
        "dpop",
        "claim_ticket",
        "code",
        "code_challenge",
        "code_verifier",
        "auth_req_id",
        "csrf",
        "device_code",
        "handle",
        "id_token",
        "interaction",
        "key_shard",
        "nonce",
        "other_key_shards",
        "password",
        "refresh_token",
        "request_uri",
        "state",
        "token",
    }
)
"""Fields whose values are cut. What binds a request is cut too: nobody reads it."""

SHORTEST_SECRET: Final = 20
"""Characters from which on a secret is long enough to show a few of them."""

_STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_PREFIX: Final = re.compile(
    r"(?:Bearer |Basic |DPoP |urn:ietf:params:oauth:request_uri:|vk_[a-z]+_)?.{4}"
)


class Narrator:
    """Says things. `color`: with colours."""

    def __init__(self, out: TextIO, *, color: bool) -> None:
        self._out = out
        self._color = color
        self._apart = True

    def title(self, text: str) -> None:
        """What this is."""
        self._line(self._style(text, "bold"))

    def step(self, number: str, text: str) -> None:
        """A step begins."""
        self._line()
        self._line(self._style(f"{number}  {text}", "bold", "cyan"))
        self._apart = True

    def say(self, text: str) -> None:
        """A sentence of the story."""
        self._part()
        for line in textwrap.wrap(text, WIDTH - 3):
            self._line(f"   {line}")

    def items(self, title: str, items: Iterable[tuple[str, str]], *, style: str) -> None:
        """A list: marks and texts."""
        self._part()
        self._line(f"   {self._style(title, style)}")
        for mark, text in items:
            first, *rest = textwrap.wrap(text, WIDTH - 9)
            self._line(f"     {self._style(mark, style)} {first}")
            for line in rest:
                self._line(f"       {line}")

    def table(self, rows: Iterable[tuple[str, str]]) -> None:
        """Names and what they stand for."""
        for name, value in rows:
            self._line(f"   {name.ljust(LABEL)}{value}")

    def end(self, text: str) -> None:
        """How it ended."""
        self._line()
        self._line(self._style(text, "bold"))

    def holds(self, text: str) -> None:
        """Something was looked at, and is as it should be."""
        self._marked("✓", text, "green")

    def fails(self, text: str) -> None:
        """Something is not as it should be."""
        self._marked("✗", text, "red")

    def exchange(
        self,
        exchange: Exchange,
        *,
        who: str,
        request: Sequence[str] = (),
        response: Sequence[str] = (),
    ) -> None:
        """What `who` asked and what came back, with the named headers and fields of each."""
        address, mark, _ = exchange.url.partition("?")
        self._part()
        self._line(f"   {self._style(who, 'dim')}")
        # The query's fields stand below it, as those of a body do.
        self._line(self._style(f"   → {exchange.method} {address}{mark}", "yellow"))
        self._fields(exchange.request, request)
        status = http.HTTPStatus(exchange.status)
        self._line(self._style(f"   ← {status.value} {status.phrase}", "yellow"))
        self._fields(exchange.response, response)

    def raw(self, text: str) -> None:
        """Lines as they are, such as those of a log."""
        for line in text.splitlines():
            self._line(self._style(f"     {line}", "dim"))

    def _fields(self, fields: dict[str, str], names: Sequence[str]) -> None:
        for name in names:
            if name not in fields:
                continue
            value = masked(name, fields[name])
            rows = _rows(name, value)
            labels = [name, *[""] * (len(rows) - 1)]
            if len(name) >= LABEL:
                labels, rows = [*labels, ""], ["", *rows]
            for label, row in zip(labels, rows, strict=True):
                self._line(f"       {self._style(label.ljust(LABEL), 'dim')}{row}".rstrip())

    def _part(self) -> None:
        """An empty line before what comes, unless there is one."""
        if not self._apart:
            self._line()

    def _marked(self, mark: str, text: str, style: str) -> None:
        first, *rest = textwrap.wrap(text, WIDTH - 5)
        self._line(f"   {self._style(mark, style)} {first}")
        for line in rest:
            self._line(f"     {line}")

    def _style(self, text: str, *styles: str) -> str:
        if not self._color:
            return text
        return f"\x1b[{';'.join(_STYLES[one] for one in styles)}m{text}\x1b[0m"

    def _line(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)
        self._apart = not text


def masked(name: str, value: str) -> str:
    """A field's value as it may be shown: of a secret a few characters, of a password none."""
    if name == "password":
        return "…"
    return abbreviate(value) if name in SECRETS else value


def abbreviate(value: str) -> str:
    """What a secret begins and ends with, and four of its own characters at either end."""
    match = _PREFIX.match(value) if len(value) >= SHORTEST_SECRET else None
    return f"{match[0]}…{value[-4:]}" if match else "…"


def _rows(name: str, value: str) -> list[str]:
    """A value in lines; a challenge has one for each of its parameters."""
    parts = value.split('", ') if name == "www-authenticate" else [value]
    closed = [*(f'{part}",' for part in parts[:-1]), parts[-1]]
    rows = (textwrap.wrap(one, WIDTH - 7 - LABEL, break_on_hyphens=False) for one in closed)
    return [row for several in rows for row in several] or [""]
