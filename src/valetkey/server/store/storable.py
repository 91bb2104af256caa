"""Checks which values every database can hold."""

from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.server.store.port import Damaged, Unstorable

UNREADABLE: Final = (msgspec.DecodeError, ValueError)
"""The errors that decoders raise for a damaged row."""


def is_name(text: str) -> bool:
    """Whether a text column can hold the text: valid UTF-8 without a zero byte."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_names(names: Iterable[str | None]) -> None:
    """Raise Unstorable for a name that no column can hold."""
    for name in names:
        if name and not is_name(name):
            raise Unstorable("a name with half a character or a zero byte")


def damaged(table: str, error: Exception, *, key: str = "") -> Damaged:
    """The error to raise for a row that cannot be read."""
    which = f"the row {key!r}" if key else "a row"
    return Damaged(f"{which} of the table {table} is damaged: {error}")
