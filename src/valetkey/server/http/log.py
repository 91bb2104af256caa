"""What the server says of itself: what happened, and the particulars by name.

It goes the way of `logging`, so whoever runs the server has one log, however it is written.
"""

import logging
from typing import Any, Final

NAME: Final = "valetkey.server"

_LOG: Final = logging.getLogger(NAME)


def info(what: str, /, **particulars: Any) -> None:
    """Something that somebody may want to look up."""
    _LOG.info(what, extra={"particulars": particulars})


def warning(what: str, /, **particulars: Any) -> None:
    """Something that somebody should look after."""
    _LOG.warning(what, extra={"particulars": particulars})


def exception(what: str, /, **particulars: Any) -> None:
    """A mistake of ours, with where the exception that is handled now came from."""
    _LOG.exception(what, extra={"particulars": particulars})
