"""The download of all that is stored about a user, as one JSON document that is written piece by
piece: a page of records at a time is in memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import msgspec

from valetkey.server.accounts.personal_data import DATA, DataKind
from valetkey.server.audit.reading import opened_records, read_page
from valetkey.server.model.audit import AuditRecord
from valetkey.server.model.directory import ProvisionedUser
from valetkey.server.model.erasure import Erasure
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.leasing import Allowance
from valetkey.server.model.query import Many, One, PageQuery
from valetkey.server.model.record import Record, stored_fields
from valetkey.server.model.user import User
from valetkey.server.store.port import Store

FORMAT: Final = "valetkey-personal-data-1"
"""The value of the member `format`."""

PAGE: Final = 50
"""Records that are read at a time."""

SINGLE: Final = (User, ProvisionedUser, Erasure)
"""Kinds whose record has the user's id; each is an object, or null."""


async def export(store: Store, user: str, *, now: int) -> AsyncGenerator[bytes, None]:
    """The document about the user with this id. Raises Unavailable."""
    yield b'{"format":%s,"exported":%d' % (msgspec.json.encode(FORMAT), now)
    for kind in DATA:
        if not kind.section:
            continue
        yield b",\n%s:" % msgspec.json.encode(kind.section)
        if kind.record is AuditRecord:
            start = b"["
            async for document in _audit(store, user):
                yield start + msgspec.json.encode(document)
                start = b",\n"
            yield b"[]" if start == b"[" else b"]"
            continue
        if kind.record in SINGLE:
            query = One(kind.record, user)
            record = (await store.read(query)).one(query)
            yield msgspec.json.encode(None if record is None else plain(record, kind))
            continue
        start = b"["
        async for record in _records(store, kind.record, user):
            yield start + msgspec.json.encode(plain(record, kind))
            start = b",\n"
        yield b"[]" if start == b"[" else b"]"
    yield b"}\n"


async def _audit(store: Store, user: str) -> AsyncIterator[dict[str, Any]]:
    """What the audit log says about the user, newest first, without what is about others."""
    before = ""
    while True:
        page = await read_page(store, by="person", value=user, before=before, limit=PAGE)
        for one in await opened_records(store, page.records):
            document = one.document
            personal = [p for p in document.pop("personal", ()) if p["person"] == user]
            yield document | ({"personal": personal} if personal else {})
        before = page.next
        if not before:
            return


def plain(record: Record, kind: DataKind) -> dict[str, Any]:
    """A record as its user may read it: without secrets."""
    without = {"version", *kind.hidden}
    values = {name: one for name, one in stored_fields(record).items() if name not in without}
    if isinstance(record, Event) and record.count > 1:
        values["count"] = record.count
    return values


async def _records(store: Store, kind: type[Record], user: str) -> AsyncIterator[Record]:
    """The user's records of a kind, newest first."""
    if kind is Allowance:
        async for grant in _records(store, Grant, user):
            counts = Many(Allowance, "grant", grant.key)
            for count in (await store.read(counts)).many(counts):
                yield count
        return
    before = ""
    while True:
        page = await store.page(
            PageQuery(record=kind, index="user", value=user, before=before, limit=PAGE)
        )
        for one in page.records:
            yield one
        before = page.next
        if not before:
            return
