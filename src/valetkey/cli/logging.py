"""The log: JSON lines on stderr, or lines for a person where stderr is a terminal.

Secrets are kept out by their type (`Secret` shows nothing); should one slip into a text after all,
whatever looks like a token of ours, or like the password in a URL, is cut before it is written.
"""

import logging
import os
import re
import sys
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# What begins like a token is cut with dots or without: to look back for them would go through a
# long text once for each of its letters.
_SECRETS: Final = re.compile(
    r"(vk_[a-z]{1,16}_)[A-Za-z0-9_-]{8,}|(eyJ)[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)"
)


def configure(stream: TextIO | None = None) -> None:
    """Sends what this process logs, by structlog or by `logging`, to `stream` (stderr)."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = [*_rendering(out), cut]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _rendering(out: TextIO) -> list[Processor]:
    if out.isatty():
        # Plain tracebacks: richer ones print the values of variables.
        plain = structlog.dev.plain_traceback
        colors = not os.environ.get("NO_COLOR")
        return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]


def cut(logger: WrappedLogger, method: str, line: str | EventDict) -> Any:
    """The finished line, without anything that looks like a secret."""
    return _SECRETS.sub(lambda match: (match[1] or match[2] or match[3]) + "…", str(line))
