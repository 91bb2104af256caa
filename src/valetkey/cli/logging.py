"""The log: JSON lines on stderr, or lines for a person where stderr is a terminal.

Secrets have a type that shows nothing (`Secret`). In case one is in a text anyway, tokens of ours
and passwords in URLs are shortened before a line is written.
"""

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO, TypeAlias

import click

from valetkey.server.http import log

# A token is matched with dots or without: a lookbehind for them would take quadratic time.
_SECRETS: Final = re.compile(
    r"(vk_[a-z]{1,16}_)[A-Za-z0-9_-]{8,}|(eyJ)[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)"
)

_JSON: Final = json.JSONEncoder(default=repr)
_PLAIN: Final = logging.Formatter()
_COLORS: Final = {"info": "green", "warning": "yellow", "error": "red"}


LogFormat: TypeAlias = Literal["auto", "json", "text"]


def configure(stream: TextIO | None = None, *, as_: LogFormat = "auto") -> None:
    """Sends the log of this process to `stream` (stderr): as JSON or as text, with "auto" as text
    if the stream is a terminal."""
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    as_text = as_ == "text" or (as_ == "auto" and out.isatty())
    colored = out.isatty() and not os.environ.get("NO_COLOR")
    handler.setFormatter(ForPeople(colored=colored) if as_text else Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    set_level("info")


def set_level(level: Literal["info", "warning", "error"]) -> None:
    """Sets the level of the least important entries of the server's log."""
    logging.getLogger(log.NAME).setLevel(level.upper())


class Lines(logging.Formatter):
    """Formats a record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(self.whole(record))

    def whole(self, record: logging.LogRecord) -> str:
        """The line before secrets are removed."""
        return _JSON.encode(_document(record))


class ForPeople(Lines):
    """Formats a record as a line for a terminal, in colors or not, with a traceback below."""

    def __init__(self, *, colored: bool) -> None:
        super().__init__()
        self._colored = colored

    def whole(self, record: logging.LogRecord) -> str:
        document = _document(record)
        at, level, what = (document.pop(name) for name in ("timestamp", "level", "message"))
        trace = document.pop("exception", "")
        if self._colored:
            level = click.style(level, fg=_COLORS.get(level))
            what = click.style(what, bold=True)
        details = (f"{name}={value!r}" for name, value in document.items())
        line = " ".join((at, f"[{level}]", what, *details))
        return f"{line}\n{trace}" if trace else line


def _document(record: logging.LogRecord) -> dict[str, Any]:
    """The members of a record, by name."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
    document = {
        "timestamp": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "message": record.getMessage(),
        **getattr(record, "details", {}),
    }
    if record.exc_info:
        # The plain formatter: others print the values of variables.
        document["exception"] = _PLAIN.formatException(record.exc_info)
    return document


def without_secrets(line: str) -> str:
    """The line without anything that looks like a secret."""
    return _SECRETS.sub(lambda match: (match[1] or match[2] or match[3]) + "…", line)
