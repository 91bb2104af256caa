"""Reads records with what is personal in them, as far as it still opens."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from valetkey.server.audit.recorder import matches, opened
from valetkey.server.audit.retention import id_at, time_of
from valetkey.server.audit.segments import opening_of
from valetkey.server.model.audit import AuditFacts, AuditRecord, AuditSegment, PersonKey
from valetkey.server.model.query import One, Page, PageQuery
from valetkey.server.store.port import Store, milliseconds

BATCH: Final = 200
"""Rows that one read asks for."""

FIELDS: Final = ("person", "client", "actor", "operation", "request")
"""What records can be searched by."""

RAREST_FIRST: Final = ("request", "person", "actor", "client", "operation")

SCANNED: Final = 4000
"""Records that one search looks at, if it has more than one criterion."""


class OpenPart(msgspec.Struct, frozen=True):
    """A personal part. `content` is None if it does not open: the account was erased, or somebody
    removed the key. `opening` opens the commitment, `plain` are the bytes."""

    person: str
    content: dict[str, Any] | None
    opening: bytes = b""
    plain: bytes = b""
    is_true: bool = True


class OpenRecord(msgspec.Struct, frozen=True):
    """A record, decoded."""

    record: AuditRecord
    facts: AuditFacts
    parts: tuple[OpenPart, ...] = ()

    def personal(self, name: str, default: Any = "") -> Any:
        """A personal field, the default if it is not there or does not open."""
        for part in self.parts:
            if part.content and name in part.content:
                return part.content[name]
        return default

    @property
    def document(self) -> dict[str, Any]:
        """The record for people and programs."""
        facts = msgspec.to_builtins(self.facts)
        facts.pop("parts", None)
        personal = [
            {"person": one.person, "erased": True}
            if one.content is None
            else {"person": one.person, **one.content}
            for one in self.parts
        ]
        return {**facts, "personal": personal} if personal else facts


async def opened_records(store: Store, records: Sequence[AuditRecord]) -> list[OpenRecord]:
    """The records, decoded. Raises Unavailable, msgspec.DecodeError."""
    keys = await person_keys(store, records)
    return [OpenRecord(one, one.facts, tuple(open_parts(one, keys))) for one in records]


async def person_keys(store: Store, records: Sequence[AuditRecord]) -> dict[str, bytes]:
    """The keys that open these records, by person. Raises Unavailable."""
    persons = {part.person for one in records for part in one.parts if part.person}
    return {key.user: key.secret for key in await read_many(store, PersonKey, sorted(persons))}


def open_parts(record: AuditRecord, keys: dict[str, bytes]) -> list[OpenPart]:
    """The personal parts of a record, as far as they open."""
    parts = []
    for number, part in enumerate(record.parts):
        key = part.key or keys.get(part.person)
        plain = None if key is None else opened(record, number, key)
        if key is None or plain is None:
            parts.append(OpenPart(part.person, None))
        else:
            parts.append(
                OpenPart(
                    part.person,
                    msgspec.json.decode(plain),
                    opening_of(key, record.id, number),
                    plain,
                    is_true=matches(record, number, key=key, plain=plain),
                )
            )
    return parts


async def read_many(store: Store, kind: type[Any], keys: Sequence[str]) -> list[Any]:
    """The records with these keys that exist, in their order. Raises Unavailable."""
    rows = []
    for at in range(0, len(keys), BATCH):
        queries = [One(kind, key) for key in keys[at : at + BATCH]]
        results = await store.read(*queries)
        rows += [row for query in queries if (row := results.one(query)) is not None]
    return rows


async def read_page(
    store: Store,
    *,
    by: str = "",
    value: str = "",
    before: str = "",
    limit: int = 50,
) -> Page[AuditRecord]:
    """A page of records, newest first: all of them, or those with this value of a field of FIELDS.
    Raises Unavailable."""
    query = PageQuery(
        record=AuditRecord, index=by, value=value, before=before, limit=limit, walk=not by
    )
    return await store.page(query)


async def search(
    store: Store,
    criteria: dict[str, str],
    *,
    since: int | None = None,
    until: int | None = None,
    before: str = "",
    limit: int = 50,
) -> tuple[list[AuditRecord], str]:
    """Records with these values (see FIELDS), newest first, and where the next page begins, "" for
    none. The rarest field leads, and the others are looked at: in SCANNED records at most, so a
    page may have fewer than `limit`. Times are in milliseconds since 1970. Raises Unavailable."""
    by = next((one for one in RAREST_FIRST if one in criteria), "")
    rest = [(name, value) for name, value in criteria.items() if name != by]
    if not before and until is not None:
        before = before_moment(until)
    matching: list[AuditRecord] = []
    for _ in range(SCANNED // BATCH):
        size = BATCH if rest else limit
        page = await read_page(store, by=by, value=criteria.get(by, ""), before=before, limit=size)
        for one in page.records:
            if since is not None and _time(one) < since:
                return matching, ""
            if matches_all(one, rest):
                matching.append(one)
                if len(matching) == limit:
                    more = page.next or one is not page.records[-1]
                    return matching, one.id if more else ""
        before = page.next
        if not before:
            return matching, ""
    return matching, before


def _time(one: AuditRecord) -> int:
    """The moment of a record; a row whose key is no id is shown."""
    try:
        return time_of(one.id)
    except ValueError:
        return milliseconds()


async def segment_at(store: Store, at: int, newest: AuditSegment) -> int:
    """The number of the first segment that was made at that moment or later (milliseconds since
    1970), one more than the newest if there is none. Raises Unavailable."""
    low, high = 1, newest.number + 1
    while low < high:
        middle = (low + high) // 2
        segment = await _segment_near(store, middle, high)
        if segment is None or segment.at >= at:
            high = middle
        else:
            low = segment.number + 1
    return low


async def _segment_near(store: Store, number: int, limit: int) -> AuditSegment | None:
    """The segment with this number, or the next that exists: somebody may have removed some."""
    for one in range(number, limit):
        query = One(AuditSegment, f"{one:012d}")
        found = (await store.read(query)).one(query)
        if found is not None:
            return found
    return None


def before_moment(at: int) -> str:
    """The `before` of the page that ends at a moment, in milliseconds since 1970."""
    return id_at(at)


def matches_all(one: AuditRecord, values: Iterable[tuple[str, str]]) -> bool:
    """Whether a record has all of these values."""
    return all(getattr(one, name) == value for name, value in values)
