"""The rows of an audit log, quickly: what the server itself writes and seals, byte by byte
(`tests/bench` verifies them), without making each record.

Their bodies are alike but for a few fields, so these are put into one that was packed in earnest.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator
from itertools import cycle
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from valetkey.server.audit.heads import AuditHead, digest, raw_digest
from valetkey.server.audit.keys import make_key, open_key
from valetkey.server.audit.notes import sign
from valetkey.server.audit.recorder import draft, sealed
from valetkey.server.audit.segments import AuditEntry, merkle_root, pack_entries
from valetkey.server.model import ids
from valetkey.server.model.audit import (
    AuditActor,
    AuditDraft,
    AuditKey,
    AuditSegment,
    AuditState,
    AuditTarget,
    PersonKey,
    category_of,
    segment_key,
)
from valetkey.server.model.environment import Env

ISSUER: Final = "https://id.chirp.example"
MASTER: Final = b"m" * 32
DAY: Final = 86_400_000
A_DAY: Final = 10_000
"""Records of a day."""

SEGMENT: Final = 100
"""Records of a segment."""

PERSONS: Final = 10_000
APPS: Final = 1_000
KINDS: Final = (*("signed-in",) * 60, *("granted",) * 25, *("narrowed",) * 10, *("stopped",) * 4)
"""What happens, as often as it does; once in a thousand times it is RARE."""

RARE: Final = "password-changed"
_MARKS: Final = {
    "id": "@I@",
    "at": 7_777_777_777_777,
    "person": "@P@",
    "client": "@C@",
    "request": "@R@",
}


class AuditRow(NamedTuple):
    """A row of `audit_records`, without the columns that are always the same."""

    key: str
    person: str
    client: str
    actor: str
    operation: str
    request: str
    category: str
    body: bytes


class _Form(NamedTuple):
    """A record with marks in the place of what differs."""

    public: bytes
    body: bytes
    plain: bytes
    category: Any


def persons(size: int) -> int:
    """The number of persons in a log of that size."""
    return min(PERSONS, size // 10)


def person_of(number: int) -> str:
    """The id of a person."""
    return ids.to_text(hashlib.blake2b(b"p%d" % number, digest_size=16).digest())


def key_of(person: str) -> bytes:
    """The key that opens what is personal about them."""
    return hashlib.blake2b(person.encode(), key=MASTER, digest_size=32).digest()


def app_of(number: int) -> str:
    """The id of an app."""
    return f"app{number}"


def request_of(number: int) -> str:
    """The id of the request of the record with that number."""
    return hashlib.blake2b(b"r%d" % number, digest_size=12).hexdigest()


class AuditRows:
    """The rows of a log that ends at `now` (milliseconds since 1970), oldest first."""

    def __init__(self, size: int, now: int) -> None:
        self.size = size
        self._persons = [person_of(number) for number in range(persons(size))]
        self._keys = [key_of(one) for one in self._persons]
        self._ciphers = [AESGCM(one) for one in self._keys]
        self._begin = now - DAY * size // A_DAY
        self._forms = {kind: _form(kind) for kind in {*KINDS, RARE}}
        self._key = make_key(ISSUER, MASTER, status="current", now=self._begin // 1000)
        self._signer = open_key(self._key, MASTER)
        self._last: AuditHead | None = None

    def at(self, number: int) -> int:
        """When the record with that number was made."""
        return self._begin + DAY * number // A_DAY

    def person_keys(self) -> Iterator[PersonKey]:
        """The keys of all persons."""
        for person, secret in zip(self._persons, self._keys, strict=True):
            yield PersonKey(user=person, secret=secret)

    def others(self) -> Iterator[AuditKey | AuditState]:
        """The key of the log, and when it began."""
        yield self._key
        yield AuditState(name="began", at=self._begin)

    def segments(self) -> Iterator[tuple[list[AuditRow], AuditSegment]]:
        """Each segment, with its records."""
        kinds = cycle(KINDS)
        for first in range(0, self.size, SEGMENT):
            numbers = range(first, min(first + SEGMENT, self.size))
            rows, entries = [], []
            for number in numbers:
                kind = RARE if number % 1000 == 999 else next(kinds)
                row, leaf = self._row(number, kind)
                rows.append(row)
                entries.append(AuditEntry(self._forms[kind].category, row.key, leaf))
            yield rows, self._segment(entries, self.at(numbers[-1]) + 500)

    def _row(self, number: int, kind: str) -> tuple[AuditRow, bytes]:
        form, at = self._forms[kind], self.at(number)
        noise = hashlib.blake2b(b"n%d" % number, digest_size=26).digest()
        who = int.from_bytes(noise[:4], "big") % len(self._persons)
        person, client = self._persons[who], app_of(int.from_bytes(noise[4:8], "big") % APPS)
        name, request = ids.to_text(at.to_bytes(6, "big") + noise[:10]), request_of(number)
        nonce, raw = noise[14:], name.encode()
        opening = hmac.digest(self._keys[who], b"commit %b 0" % raw, "sha256")
        commitment = hmac.digest(opening, form.plain, "sha256")
        cipher = self._ciphers[who].encrypt(nonce, form.plain, b"valetkey audit %b 0" % raw)
        fields = {
            b"I": raw,
            b"T": b"%d" % at,
            b"P": person.encode(),
            b"C": client.encode(),
            b"R": request.encode(),
            b"S": b64encode(nonce + cipher),
            b"H": b64encode(commitment),
        }
        leaf = hashlib.sha256(b"\0" + form.public % fields + commitment).digest()
        row = AuditRow(
            name, person, client, person, kind, request, form.category, form.body % fields
        )
        return row, leaf

    def _segment(self, entries: list[AuditEntry], at: int) -> AuditSegment:
        entries.sort(key=lambda one: one.id)
        packed, before = pack_entries(entries), self._last
        head = AuditHead(
            issuer=ISSUER,
            epoch=0,
            number=1 if before is None else before.number + 1,
            records=len(entries),
            root=raw_digest(merkle_root([one.leaf for one in entries])),
            entries=digest(packed),
            previous="-" if before is None else before.digest,
            at=at,
            key=self._key.verifier if before is None else "",
        )
        note = sign(head.text, [self._signer])
        self._last = msgspec.structs.replace(head, digest=digest(head.text.encode()))
        return AuditSegment(
            id=segment_key(head.number),
            epoch=0,
            at=at,
            entries=packed,
            head=note,
            introduces=before is None,
        )


def _form(kind: str) -> _Form:
    """A record of that kind, packed as the server does."""
    one = draft(
        Env(_MARKS["at"] // 1000, bytes, _MARKS["at"] % 1000),  # type: ignore[operator]
        operation=kind,
        actor=AuditActor(kind="user", id=str(_MARKS["person"]), session="s" * 26),
        target=AuditTarget(user=str(_MARKS["person"]), client=str(_MARKS["client"])),
        request=_MARKS["request"],
        about_actor={"address": "192.0.2.7", "agent": "Mozilla/5.0 (X11; Linux x86_64)"},
        about_target={},
    )
    facts = msgspec.structs.replace(one.facts, id=str(_MARKS["id"]))
    marked = AuditDraft(facts=facts, personal=one.personal)
    row = sealed(marked, {str(_MARKS["person"]): b"k" * 32})
    (part,) = row.parts
    body = msgspec.json.encode(msgspec.structs.replace(row, version=1))
    for raw, mark in ((part.sealed, b"%(S)b"), (part.commitment, b"%(H)b")):
        body = body.replace(b64encode(raw), mark)
    return _Form(
        _marked(row.public.encode()),
        _marked(body),
        msgspec.json.encode(one.personal[0][1]),
        category_of(kind),
    )


def _marked(text: bytes) -> bytes:
    for name, letter in (("id", "I"), ("at", "T"), ("person", "P"), ("client", "C")):
        text = text.replace(str(_MARKS[name]).encode(), f"%({letter})b".encode())
    return text.replace(str(_MARKS["request"]).encode(), b"%(R)b")
