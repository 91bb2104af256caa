"""Bundles: a part of the audit log in one file, which `verify` checks without the database.

A bundle is a text of JSON objects, one a line. The first has the member `bundle`; then come keys,
segments, records and what is unsealed, each with a member that names it.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

VERSION: Final = 1


class BundleStart(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. `first` and `last` are the numbers of the segments in it. `newest`: the last
    one is the end of the log. `personal`: with what opens personal parts. `newest_head` is the last
    head of the log. Times are in milliseconds since 1970."""

    bundle: int
    issuer: str
    created: int
    first: int
    last: int
    newest: bool
    since: int = 0
    until: int = 0
    personal: bool = True
    newest_head: str = ""


class BundleSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, by the number under which it is stored."""

    segment: int
    entries: bytes
    head: str


class BundlePart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A personal part: its commitment, and what opens it, if that is there."""

    person: str = ""
    commitment: bytes = b""
    opening: bytes = b""
    text: str = ""


class BundleRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record, by the id under which it is stored. `sealed_in` is the segment that seals it, if
    that is not in the bundle."""

    record: str
    public: str
    parts: tuple[BundlePart, ...] = ()
    sealed_in: int = 0


class BundleUnsealed(msgspec.Struct, frozen=True, kw_only=True):
    """A record that waits for its segment."""

    unsealed: str
    leaf: bytes


class BundleKey(msgspec.Struct, frozen=True, kw_only=True):
    """A verifier key of the log."""

    key: str


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle in memory."""

    start: BundleStart
    keys: list[str]
    segments: list[BundleSegment]
    records: dict[str, list[BundleRecord]]
    unsealed: dict[str, bytes]


class BadBundle(ValueError):
    """The text is no bundle."""


_KINDS: Final = (
    ("segment", BundleSegment),
    ("record", BundleRecord),
    ("unsealed", BundleUnsealed),
    ("key", BundleKey),
)


def read_bundle(lines: Iterable[bytes]) -> Bundle:
    """A bundle from its lines. Raises BadBundle."""
    start: BundleStart | None = None
    parts_by_name: dict[str, list[Any]] = {name: [] for name, _ in _KINDS}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if start is None:
                start = msgspec.json.decode(line, type=BundleStart)
                if start.bundle != VERSION:
                    raise BadBundle(f"the bundle has version {start.bundle}")
                continue
            members = msgspec.json.decode(line)
            name, kind = next(one for one in _KINDS if one[0] in members)
            parts_by_name[name].append(msgspec.convert(members, kind, str_keys=True))
        except (msgspec.MsgspecError, StopIteration, TypeError) as error:
            raise BadBundle(f"line {number} is not a part of a bundle") from error
    if start is None:
        raise BadBundle("the bundle is empty")
    records: dict[str, list[BundleRecord]] = {}
    for one in parts_by_name["record"]:
        records.setdefault(one.record, []).append(one)
    return Bundle(
        start=start,
        keys=[one.key for one in parts_by_name["key"]],
        segments=parts_by_name["segment"],
        records=records,
        unsealed={one.unsealed: one.leaf for one in parts_by_name["unsealed"]},
    )
