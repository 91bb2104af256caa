"""The change log at rest: every entry with a number and a mark, for as long as it tells anything.

Two tables: `log`, whose rows are the entries, and `log_head`, whose one row has the last number.
"""

import time
from collections.abc import Sequence
from os import urandom
from typing import Final

import msgspec

from valetkey.server.store.storable import UNREADABLE, damaged
from valetkey.wire.change_log import RETENTION, Entry

MARK: Final = 8
"""Bytes of a mark."""

decoder: Final = msgspec.json.Decoder(Entry)


def marked(entries: Sequence[Entry]) -> list[Entry]:
    """The entries with the time and a mark each, for a store that numbers them by itself."""
    now = int(time.time())
    return [msgspec.structs.replace(one, at=now, mark=urandom(MARK).hex()) for one in entries]


def numbered(entries: Sequence[Entry], *, after: int) -> list[Entry]:
    """The entries, marked, with the numbers that follow `after`."""
    return [
        msgspec.structs.replace(entry, seq=number)
        for number, entry in enumerate(marked(entries), after + 1)
    ]


def forget_at(entry: Entry) -> int:
    """The second from which a sweep may forget it. The sweep goes in order, so that what is kept
    has no gap even where the clocks of two nodes differ."""
    return entry.at + RETENTION


def read_entry(seq: int, body: bytes | str) -> Entry:
    """The entry in a row. Raises Damaged."""
    try:
        return msgspec.structs.replace(decoder.decode(body), seq=seq)
    except UNREADABLE as error:
        raise damaged("log", error) from error
