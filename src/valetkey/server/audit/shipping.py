"""Ships heads to a second place: a folder, best on another machine, where files only come.

Without it, the holder of the database and the key could cut the end off the log unseen.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from valetkey.server.audit.heads import AuditHead, read_head
from valetkey.server.audit.notes import BadNote

PAUSE: Final = 20_000
"""Milliseconds between two heads that are shipped, unless the log stands still."""

SUFFIX: Final = ".head"


class HeadConflict(Exception):
    """Another head with this number is there already."""


def ship(folder: Path, note: str) -> Path:
    """Write a head to the folder, unless it is there. Raises OSError, and HeadConflict if another
    one with its number is there: then both are kept."""
    head = read_head(note)
    day = folder / time.strftime("%Y-%m-%d", time.gmtime(head.at // 1000))
    # Not its parents: a place that is not mounted is none.
    day.mkdir(mode=0o750, exist_ok=True)
    target = day / f"{head.epoch}-{head.number:012d}{SUFFIX}"
    if target.exists():
        if target.read_text("utf-8") == note:
            return target
        _write(day / f"{head.epoch}-{head.number:012d}-{head.at}{SUFFIX}", note)
        raise HeadConflict(f"{target} has another head")
    _write(target, note)
    return target


def _write(target: Path, note: str) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    with partial.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def last_shipped(folder: Path) -> AuditHead | None:
    """The newest head in the folder, None for an empty one."""
    for day in sorted(_days(folder), reverse=True):
        heads = list(_heads(day))
        if heads:
            return max(heads, key=lambda one: (one.epoch, one.number, one.at))
    return None


def shipped_heads(place: Path) -> list[str]:
    """The notes in a folder of heads, or in one file. Raises OSError."""
    if place.is_file():
        return [place.read_text("utf-8")]
    return [file.read_text("utf-8") for file in sorted(place.glob(f"**/*{SUFFIX}"))]


def _days(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (one for one in folder.iterdir() if one.is_dir())


def _heads(day: Path) -> Iterator[AuditHead]:
    for file in day.glob(f"*{SUFFIX}"):
        try:
            yield read_head(file.read_text("utf-8"))
        except (BadNote, OSError, UnicodeDecodeError):
            continue
