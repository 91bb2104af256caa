"""The stored change log. Each entry has a number and a random mark, and expires when it has no more
use.

It has two tables: `log`, with one row for each entry, and `log_head`, whose one row holds the last
number.
"""

import time
from collections.abc import Sequence
from os import urandom
from typing import Final

import msgspec

from valetkey.server.store.storable import UNREADABLE, damaged
from valetkey.wire.change_log import RETENTION, Entry

MARK: Final = 8
"""Length of a mark in bytes."""

decoder: Final = msgspec.json.Decoder(Entry)


def marked(entries: Sequence[Entry]) -> list[Entry]:
    """The entries with the time and a mark each, for a store that assigns the numbers itself."""
    now = int(time.time())
    return [msgspec.structs.replace(one, at=now, mark=urandom(MARK).hex()) for one in entries]


def numbered(entries: Sequence[Entry], *, after: int) -> list[Entry]:
    """The entries, marked, with the numbers that follow `after`."""
    return [
        msgspec.structs.replace(entry, seq=number)
        for number, entry in enumerate(marked(entries), after + 1)
    ]


def forget_at(entry: Entry) -> int:
    """The time (seconds since 1970) from which a sweep may delete the entry. The sweep deletes in
    order of number, so the rest has no gap even if the clocks of two nodes differ."""
    return entry.at + RETENTION


def read_entry(seq: int, body: bytes | str) -> Entry:
    """Decode the entry in a row. Raises Damaged."""
    try:
        return msgspec.structs.replace(decoder.decode(body), seq=seq)
    except UNREADABLE as error:
        raise damaged("log", error) from error
