"""The server's log: events, with their details by name.

Events go through `logging`, so an operator has one log, whatever its format. What is logged while a
request is answered has the id of the request.
"""

import logging
from typing import Any, Final

from valetkey.server.audit.caller import current_caller

NAME: Final = "valetkey.server"

_LOG: Final = logging.getLogger(NAME)


def info(event: str, /, **details: Any) -> None:
    """Logs an event that an operator may want to look up."""
    _LOG.info(event, extra={"details": _of_request(details)})


def warning(event: str, /, **details: Any) -> None:
    """Logs an event that an operator should look into."""
    _LOG.warning(event, extra={"details": _of_request(details)})


def exception(event: str, /, **details: Any) -> None:
    """Logs a bug of ours, with the traceback of the exception that is being handled."""
    _LOG.exception(event, extra={"details": _of_request(details)})


def _of_request(details: dict[str, Any]) -> dict[str, Any]:
    request_id = current_caller().id
    return {"request_id": request_id, **details} if request_id else details
