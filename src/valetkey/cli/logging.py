"""The log: JSON lines on stderr, or lines for a person where stderr is a terminal.

Secrets are kept out by their type (`Secret` shows nothing); should one slip into a text after all,
whatever looks like a token of ours, or like the password in a URL, is cut before it is written.
"""

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import click

from valetkey.server.http import log

# What begins like a token is cut with dots or without: to look back for them would go through a
# long text once for each of its letters.
_SECRETS: Final = re.compile(
    r"(vk_[a-z]{1,16}_)[A-Za-z0-9_-]{8,}|(eyJ)[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)"
)

_JSON: Final = json.JSONEncoder(default=repr)
_PLAIN: Final = logging.Formatter()
_COLORS: Final = {"info": "green", "warning": "yellow", "error": "red"}


def configure(stream: TextIO | None = None) -> None:
    """Sends what this process logs to `stream` (stderr)."""
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    colored = not os.environ.get("NO_COLOR")
    handler.setFormatter(ForPeople(colored=colored) if out.isatty() else Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(log.NAME).setLevel(logging.INFO)


class Lines(logging.Formatter):
    """A line of JSON for each record."""

    def format(self, record: logging.LogRecord) -> str:
        return cut(self.whole(record))

    def whole(self, record: logging.LogRecord) -> str:
        """The line as it is before anything is cut."""
        return _JSON.encode(_document(record))


class ForPeople(Lines):
    """A line to be read at a terminal, in colours or without; what an exception says is below."""

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
        particulars = (f"{name}={value!r}" for name, value in document.items())
        line = " ".join((at, f"[{level}]", what, *particulars))
        return f"{line}\n{trace}" if trace else line


def _document(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says, by name."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
    document = {
        "timestamp": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "message": record.getMessage(),
        **getattr(record, "particulars", {}),
    }
    if record.exc_info:
        # Plain: a richer one prints the values of variables.
        document["exception"] = _PLAIN.formatException(record.exc_info)
    return document


def cut(line: str) -> str:
    """The finished line, without anything that looks like a secret."""
    return _SECRETS.sub(lambda match: (match[1] or match[2] or match[3]) + "…", line)
