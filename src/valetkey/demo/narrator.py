"""The voice of the demo: what happens, said in a terminal of 80 columns or in a pipe."""

import http
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from valetkey.demo.exchange import Exchange

WIDTH: Final = 80
LABEL: Final = 26
"""Columns for a field's name, so that the values stand one under the other."""

SECRETS: Final = frozenset(
    {
        "access_token",
        "authorization",
        "client_secret",
        "code",
        "code_challenge",
        "code_verifier",
        "csrf",
        "id_token",
        "nonce",
        "password",
        "refresh_token",
        "request_uri",
        "state",
        "token",
    }
)
"""Fields whose values are cut. What binds a request is cut too: nobody reads it."""

_STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_PREFIX: Final = re.compile(
    r"(?:Bearer |Basic |urn:ietf:params:oauth:request_uri:|vk_[a-z]+_)?.{4}"
)


class Narrator:
    """Says things. `color`: with colours."""

    def __init__(self, out: TextIO, *, color: bool) -> None:
        self._out = out
        self._color = color

    def title(self, text: str) -> None:
        """What this is."""
        self._line(self._style(text, "bold"))

    def step(self, number: int, text: str) -> None:
        """A step begins."""
        self._line()
        self._line(self._style(f"{number}  {text}", "bold", "cyan"))

    def say(self, text: str) -> None:
        """A sentence of the story."""
        for line in textwrap.wrap(text, WIDTH - 3):
            self._line(f"   {line}")

    def items(self, title: str, items: Iterable[tuple[str, str]], *, style: str) -> None:
        """A list: marks and texts."""
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
        sent: Sequence[str] = (),
        got: Sequence[str] = (),
    ) -> None:
        """What `who` asked and what came back, with the named headers and fields of each."""
        request = _cut_query(f"{exchange.method} {exchange.url}")
        self._line(f"   {self._style(who, 'dim')}")
        self._line(self._style(_fit(f"   → {request}"), "yellow"))
        self._fields(exchange.asked, sent)
        status = http.HTTPStatus(exchange.status)
        self._line(self._style(f"   ← {status.value} {status.phrase}", "yellow"))
        self._fields(exchange.answered, got)

    def raw(self, text: str) -> None:
        """Lines as they are, such as those of a log."""
        for line in text.splitlines():
            self._line(self._style(f"     {line}", "dim"))

    def _fields(self, fields: dict[str, str], names: Sequence[str]) -> None:
        for name in names:
            if name in fields:
                value = shown(name, fields[name])
                rows = textwrap.wrap(value, WIDTH - 7 - LABEL) or [""]
                for label, row in zip([name, *[""] * (len(rows) - 1)], rows, strict=True):
                    self._line(f"       {self._style(label.ljust(LABEL), 'dim')}{row}")

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


def shown(name: str, value: str) -> str:
    """A field's value as it may be shown: of a secret a few characters, of a password none."""
    if name == "password":
        return "…"
    return cut(value) if name in SECRETS else value


def cut(value: str) -> str:
    """What a secret begins with, and four of its own characters."""
    match = _PREFIX.match(value)
    return f"{match[0]}…" if match else "…"


def _cut_query(line: str) -> str:
    return re.sub(
        r"([?&])([a-z_]+)=([^&]*)", lambda found: f"{found[1]}{found[2]}={_short(found)}", line
    )


def _short(found: re.Match[str]) -> str:
    return cut(found[3]) if found[2] in SECRETS else found[3]


def _fit(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
