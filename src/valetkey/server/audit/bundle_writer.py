"""Writes bundles from the database."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from valetkey.server.audit.bundle import (
    VERSION,
    BundleKey,
    BundlePart,
    BundleRecord,
    BundleSegment,
    BundleStart,
    BundleUnsealed,
)
from valetkey.server.audit.heads import read_head
from valetkey.server.audit.keys import read_audit_keys
from valetkey.server.audit.notes import BadNote
from valetkey.server.audit.reading import (
    OpenPart,
    open_parts,
    person_keys,
    read_many,
    read_page,
    segment_at,
)
from valetkey.server.audit.retention import id_at, time_of
from valetkey.server.audit.sealer import last_segment
from valetkey.server.audit.segments import AuditEntry, unpack_entries
from valetkey.server.model.audit import (
    AuditPart,
    AuditRecord,
    AuditSegment,
    UnsealedRecord,
    segment_key,
)
from valetkey.server.model.query import One
from valetkey.server.store.port import Store, every_record, milliseconds

PAGE: Final = 200
SOME: Final = 40
"""Segments that are read at a time."""


async def write_bundle(
    store: Store,
    issuer: str,
    *,
    since: int | None = None,
    until: int | None = None,
    personal: bool = True,
) -> AsyncIterator[bytes]:
    """The lines of a bundle with the segments of a time (milliseconds since 1970), all of them by
    default. `personal`: with what opens the personal parts. It is read some at a time. Raises
    Unavailable."""
    start = await _start(store, issuer, since=since, until=until)
    start = msgspec.structs.replace(start, personal=personal)
    yield _line(start)
    for key in await read_audit_keys(store):
        yield _line(BundleKey(key=key.verifier))
    listed = _Listed(since or 0, start.created, personal=personal)
    async for line in _sealed(store, start, listed):
        yield line
    if start.newest:
        async for row in _unsealed(store):
            listed.waiting.add(row.id)
            yield _line(BundleUnsealed(unsealed=row.id, leaf=row.leaf))
    async for line in _strays(store, start, listed):
        yield line


async def _sealed(store: Store, start: BundleStart, listed: "_Listed") -> AsyncIterator[bytes]:
    """The segments, each with its records."""
    async for segment in _segments(store, max(1, start.first - 1), start.last):
        names = [one.id for one in _entries(segment) if one.id not in listed.sealed]
        listed.sealed.update(names)
        if segment.segment < start.first:
            listed.begins = max(listed.begins, _at(segment))
            continue
        yield _line(segment)
        if not start.newest:
            listed.stops = _at(segment)
        async for line in _records(store, names, listed=listed):
            yield line


async def _strays(store: Store, start: BundleStart, listed: "_Listed") -> AsyncIterator[bytes]:
    """Records of the time that no segment has, and why some parts don't open."""
    strays = [one async for one in _between(store, listed) if one not in listed.sealed]
    # What came while this was written, or from a node whose clock is ahead, is after that time.
    strays += sorted(listed.waiting - set(strays), reverse=True)
    unknown = [one for one in strays if one not in listed.waiting]
    places = await _later_segments(store, unknown, start.last)
    async for line in _records(store, strays, listed=listed, places=places):
        yield line
    for person in sorted(listed.closed):
        # Why what is about them does not open may be sealed elsewhere.
        for row in await _erasures(store, person):
            if row.key not in listed.sealed:
                yield _line(_bundled(row, [], sealed_in=start.last + 1))


class _Listed:
    """What is in a bundle so far, and the time that its segments cover."""

    def __init__(self, begins: int, stops: int, *, personal: bool) -> None:
        self.personal = personal
        self.begins = begins
        self.stops = stops
        self.sealed: set[str] = set()
        self.waiting: set[str] = set()
        self.closed: set[str] = set()


async def _start(store: Store, issuer: str, *, since: int | None, until: int | None) -> BundleStart:
    newest = await last_segment(store)
    first = last = 0
    if newest is not None:
        first = 1 if since is None else await segment_at(store, since, newest)
        last = newest.number
        if until is not None:
            last = await segment_at(store, until + 1, newest) - 1
    return BundleStart(
        bundle=VERSION,
        issuer=issuer,
        created=milliseconds(),
        first=first,
        last=last,
        newest=newest is None or last == newest.number,
        since=since or 0,
        until=until or 0,
        newest_head="" if newest is None else newest.head,
    )


async def _segments(store: Store, first: int, last: int) -> AsyncIterator[BundleSegment]:
    """The segments by the numbers under which they are stored."""
    for at in range(first, last + 1, SOME):
        queries = {
            number: One(AuditSegment, segment_key(number))
            for number in range(at, min(at + SOME, last + 1))
        }
        results = await store.read(*queries.values())
        for number, query in queries.items():
            row = results.one(query)
            if row is not None:
                yield BundleSegment(segment=number, entries=row.entries, head=row.head)


def _at(segment: BundleSegment) -> int:
    try:
        return read_head(segment.head).at
    except BadNote:
        return 0


def _entries(segment: AuditSegment | BundleSegment) -> list[AuditEntry]:
    try:
        return unpack_entries(segment.entries)
    except ValueError:
        return []


async def _records(
    store: Store,
    names: list[str],
    *,
    listed: "_Listed",
    places: dict[str, int] | None = None,
) -> AsyncIterator[bytes]:
    for at in range(0, len(names), PAGE):
        rows = await read_many(store, AuditRecord, names[at : at + PAGE])
        keys = await person_keys(store, rows) if listed.personal else {}
        for row in rows:
            opened = open_parts(row, keys) if listed.personal else []
            listed.closed.update(one.person for one in opened if one.person and one.content is None)
            yield _line(_bundled(row, opened, sealed_in=(places or {}).get(row.key, 0)))


def _bundled(row: AuditRecord, opened: list[OpenPart], *, sealed_in: int) -> BundleRecord:
    opened = opened or [OpenPart("", None)] * len(row.parts)
    return BundleRecord(
        record=row.key,
        public=row.public,
        parts=tuple(map(_part, row.parts, opened)),
        sealed_in=sealed_in,
    )


async def _erasures(store: Store, person: str) -> list[AuditRecord]:
    """The records that say that the account of a person was erased: among their last ones."""
    page = await read_page(store, by="person", value=person, limit=PAGE)
    return [one for one in page.records if one.operation == "erased"]


def _part(part: AuditPart, opened: OpenPart) -> BundlePart:
    readable = opened.content is not None
    return BundlePart(
        person=part.person,
        commitment=part.commitment,
        opening=opened.opening if readable else b"",
        text=opened.plain.decode() if readable else "",
    )


async def _unsealed(store: Store) -> AsyncIterator[UnsealedRecord]:
    async for rows in every_record(store, UnsealedRecord):
        for row in rows:
            yield row


async def _between(store: Store, listed: _Listed) -> AsyncIterator[str]:
    """The ids of all records of a time, newest first: a record that is in no segment is one that
    somebody added, or that waits."""
    before = id_at(listed.stops)
    while True:
        page = await read_page(store, before=before, limit=PAGE)
        for row in page.records:
            try:
                at = time_of(row.key)
            except ValueError:
                at = listed.begins
            if at < listed.begins:
                return
            yield row.key
        before = page.next
        if not before:
            return


async def _later_segments(store: Store, names: Iterable[str], last: int) -> dict[str, int]:
    """The segments after `last` that seal these records: a command may have written one while no
    server ran. Only what somebody added makes this go through all of them."""
    missing = set(names)
    segments_by_record: dict[str, int] = {}
    number = last + 1
    while missing:
        keys = [segment_key(one) for one in range(number, number + SOME)]
        segments = await read_many(store, AuditSegment, keys)
        if not segments:
            return segments_by_record
        for segment in segments:
            for one in _entries(segment):
                if one.id in missing:
                    missing.discard(one.id)
                    segments_by_record[one.id] = segment.number
        number += SOME
    return segments_by_record


def _line(one: msgspec.Struct) -> bytes:
    return msgspec.json.encode(one) + b"\n"
