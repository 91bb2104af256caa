"""The server's log: events, with their details by name.

Events go through `logging`, so an operator has one log, whatever its format.
"""

import logging
from typing import Any, Final

NAME: Final = "valetkey.server"

_LOG: Final = logging.getLogger(NAME)


def info(event: str, /, **details: Any) -> None:
    """Logs an event that an operator may want to look up."""
    _LOG.info(event, extra={"details": details})


def warning(event: str, /, **details: Any) -> None:
    """Logs an event that an operator should look into."""
    _LOG.warning(event, extra={"details": details})


def exception(event: str, /, **details: Any) -> None:
    """Logs a bug of ours, with the traceback of the exception that is being handled."""
    _LOG.exception(event, extra={"details": details})
