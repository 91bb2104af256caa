"""Verification: checks a bundle against the heads that left the server, without the database.

What it cannot find: a lie at the birth of a record, and a forgery after the last shipped head by
the holder of the key of the log.
"""

import contextlib
import hmac
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from valetkey.server.audit.bundle import Bundle, BundleRecord, BundleSegment
from valetkey.server.audit.findings import PROBLEMS, AuditFinding, AuditVerdict, Note, Problem
from valetkey.server.audit.heads import AuditHead, digest, raw_digest, read_head
from valetkey.server.audit.notes import BadNote, VerifierKey, read_verifier, signers
from valetkey.server.audit.retention import time_of
from valetkey.server.audit.segments import (
    AuditEntry,
    commitment,
    leaf,
    merkle_root,
    unpack_entries,
)
from valetkey.server.model.audit import AuditFacts

_facts: Final = msgspec.json.Decoder(AuditFacts).decode


class _Checked(msgspec.Struct):
    """A segment whose head and entries are read."""

    stored: BundleSegment
    head: AuditHead
    entries: list[AuditEntry]


def verify(
    bundle: Bundle, *, shipped: Sequence[str] = (), trusted: Sequence[str] = ()
) -> AuditVerdict:
    """Check a bundle. `shipped` are heads that left the server, as notes. `trusted` are verifier
    keys; without any, those of the bundle are believed."""
    return _Verification(bundle, shipped, trusted).run()


class _Verification:
    def __init__(self, bundle: Bundle, shipped: Sequence[str], trusted: Sequence[str]) -> None:
        self._bundle = bundle
        self._shipped = shipped
        self._found: list[AuditFinding] = []
        self._erased: set[str] = set()
        self._seen: dict[str, int] = {}
        self._lost: list[tuple[int, int]] = []
        # Every key that ever signed, and those that may sign at this point of the chain.
        self._keys: list[VerifierKey] = []
        for text in trusted or bundle.keys:
            try:
                self._keys.append(read_verifier(text))
            except BadNote as error:
                self._add("forged", str(error))
        self._given = frozenset(self._keys)
        self._current = list(self._keys)

    def run(self) -> AuditVerdict:
        """All checks, in the order of the chain."""
        segments = list(self._segments())
        self._chain(segments)
        heads = self._heads(self._shipped)
        self._learn_lost(heads)
        self._compare(segments, heads)
        newest = self._bundle.start.newest_head
        last = self._heads([newest] if newest else ())
        expired: dict[str, int] = {}
        for head in (*(one.head for one in segments), *heads, *last):
            for name, until in head.expired.items():
                expired[name] = max(until, expired.get(name, 0))
        self._find_erased()
        for one in segments:
            self._records(one, expired)
        self._strays()
        return AuditVerdict(
            findings=tuple(self._found),
            segments=len(segments),
            records=sum(len(one.entries) for one in segments),
            end_is_certain=bool(heads) or not self._bundle.start.newest,
            vouched=max((one.number for one in heads), default=0),
        )

    def _add(self, kind: Problem | Note, detail: str, **place: Any) -> None:
        self._found.append(AuditFinding(kind=kind, detail=detail, **place))

    # --- segments --------------------------------------------------------------------------------

    def _segments(self) -> Iterator[_Checked]:
        """The segments whose head is signed, and whose entries are those that it signs."""
        for stored in sorted(self._bundle.segments, key=lambda one: one.segment):
            number = stored.segment
            try:
                head = read_head(stored.head)
                self._check_signature(stored.head, head)
            except BadNote as error:
                self._add("edited", f"the head is not genuine: {error}", segment=number)
                self._note_entries(stored)
                continue
            if head.number != number:
                self._add("swapped", f"with segment {head.number}", segment=number)
                self._note_entries(stored)
                continue
            try:
                entries = unpack_entries(stored.entries)
            except ValueError as error:
                self._add("edited", f"the entries cannot be read: {error}", segment=number)
                continue
            self._check_entries(stored, head, entries)
            yield _Checked(stored, head, entries)

    def _note_entries(self, stored: BundleSegment) -> None:
        """The entries of a segment that has a finding: their records have none for that."""
        with contextlib.suppress(ValueError):
            for entry in unpack_entries(stored.entries):
                self._seen.setdefault(entry.id, stored.segment)

    def _check_signature(self, note: str, head: AuditHead) -> None:
        """Whether a key that may sign here did. Raises BadNote."""
        by = signers(note, self._current)
        if not head.key:
            return
        introduced = read_verifier(head.key)
        signers(note, [introduced])
        # A key that replaces another is introduced by both.
        if all(one == introduced for one in by) and introduced not in self._given:
            raise BadNote("no earlier key signed it")
        self._current = [introduced]
        if introduced not in self._keys:
            self._keys.append(introduced)

    def _check_entries(
        self, stored: BundleSegment, head: AuditHead, entries: list[AuditEntry]
    ) -> None:
        number = head.number
        names = [one.id for one in entries]
        before = len(self._found)
        for at, (one, two) in enumerate(itertools.pairwise(names), 1):
            if one > two:
                self._add("swapped", f"with entry {at + 1}", segment=number, entry=at)
            elif one == two:
                self._add("duplicate", "it is there twice", segment=number, entry=at, record=one)
        listed = digest(stored.entries) == head.entries
        if raw_digest(merkle_root([one.leaf for one in entries])) == head.root and listed:
            return
        if len(entries) < head.records:
            lost = head.records - len(entries)
            self._add("removed", f"{lost} of its {head.records} entries are gone", segment=number)
        elif len(entries) > head.records:
            more = len(entries) - head.records
            self._add("added", f"{more} entries are too many", segment=number)
        elif len(self._found) == before:
            self._add("edited", "the entries are not those that the head signs", segment=number)

    def _chain(self, segments: list[_Checked]) -> None:
        last: AuditHead | None = None
        start = self._bundle.start
        there = {one.segment for one in self._bundle.segments}
        for number in range(max(1, start.first), start.last + 1):
            if number not in there:
                self._add("removed", "the segment is gone", segment=number)
        for one in segments:
            head = one.head
            if last is not None and head.number == last.number + 1:
                if head.previous != last.digest:
                    self._add("cut", "it does not follow the segment before", segment=head.number)
                if head.at < last.at:
                    self._add("edited", "its time goes back", segment=head.number)
            if last is None and start.first == 1 and head.number == 1 and head.previous != "-":
                self._add("cut", "it is the first one, and says it is not", segment=1)
            if head.restored is not None:
                lost = head.restored
                self._lost.append((lost.epoch, lost.number))
                self._add(
                    "restored",
                    f"epoch {head.epoch} begins after a restore; the last head that was known is "
                    f"{lost.number} of epoch {lost.epoch}",
                    segment=head.number,
                )
            elif last is not None and head.epoch != last.epoch:
                self._add("forged", "another epoch begins undeclared", segment=head.number)
            last = head

    # --- heads that left the server --------------------------------------------------------------

    def _heads(self, notes: Iterable[str]) -> list[AuditHead]:
        """The heads that are genuine."""
        heads = []
        for note in notes:
            try:
                head = read_head(note)
                signers(note, self._keys)
            except BadNote as error:
                self._add("forged", f"a head is not genuine: {error}")
                continue
            heads.append(head)
        return heads

    def _learn_lost(self, heads: Iterable[AuditHead]) -> None:
        """Note what was lost by a restore that a later one lost in turn: only its shipped head says
        it. So the newest epoch comes first."""
        for head in sorted(heads, key=lambda one: one.epoch, reverse=True):
            lost = head.restored
            # A restore begins a new epoch, so it loses only older ones.
            if lost is not None and lost.epoch < head.epoch and self._is_declared(head):
                self._lost.append((lost.epoch, lost.number))

    def _compare(self, segments: list[_Checked], heads: Iterable[AuditHead]) -> None:
        """Every shipped head has to be in the chain, unless a restore declares that it is lost."""
        stored = {(one.head.epoch, one.head.number): one.head.digest for one in segments}
        start = self._bundle.start
        missing_heads: list[AuditHead] = []
        for head in heads:
            if head.number < start.first or (head.number > start.last and not start.newest):
                continue
            digest_here = stored.get((head.epoch, head.number))
            if digest_here == head.digest:
                continue
            if digest_here is None and self._has_finding(head.number):
                continue  # It has its own finding already.
            if self._is_declared(head):
                continue
            missing_heads.append(head)
        for head in sorted(missing_heads, key=lambda one: (one.epoch, one.number)):
            if head.number > start.last:
                detail = "this head was shipped, and the log ends before it"
            else:
                detail = "another head was shipped for this segment: the log was cut and goes on"
            self._add("cut", detail, segment=head.number)

    def _has_finding(self, number: int) -> bool:
        return any(one.segment == number and one.kind in PROBLEMS for one in self._found)

    def _is_declared(self, head: AuditHead) -> bool:
        return any(head.epoch == epoch and head.number <= number for epoch, number in self._lost)

    # --- records ---------------------------------------------------------------------------------

    def _find_erased(self) -> None:
        for rows in self._bundle.records.values():
            for row in rows:
                facts = _read(row)
                if facts is not None and facts.operation == "erased":
                    self._erased.add(facts.target.user)

    def _records(self, segment: _Checked, expired: dict[str, int]) -> None:
        number = segment.head.number
        missing = 0
        for at, entry in enumerate(segment.entries, 1):
            if self._seen.setdefault(entry.id, number) != number:
                self._add(
                    "duplicate",
                    f"segment {self._seen[entry.id]} has it too",
                    segment=number,
                    entry=at,
                    record=entry.id,
                )
            rows = self._bundle.records.get(entry.id, [])
            if not rows:
                if _time(entry.id) < expired.get(entry.category, 0):
                    missing += 1
                else:
                    self._add("removed", "it is gone", segment=number, entry=at, record=entry.id)
                continue
            self._check(rows[0], entry.leaf, segment=number, entry=at)
        if missing:
            self._add("expired", f"{missing} records, whose time is over", segment=number)

    def _check(self, row: BundleRecord, expected: bytes, **place: int) -> None:
        facts = _read(row)
        if facts is not None and facts.id != row.record:
            other = self._bundle.records.get(facts.id, [])
            theirs = _read(other[0]) if other else None
            if theirs is not None and theirs.id == row.record:
                self._add("swapped", f"with {facts.id}", record=row.record, **place)
                return
        actual = leaf(row.public.encode(), [part.commitment for part in row.parts])
        if not hmac.compare_digest(actual, expected):
            self._add("edited", "it is not what was sealed", record=row.record, **place)
            return
        self._check_parts(row, **place)

    def _check_parts(self, row: BundleRecord, **place: int) -> None:
        for part in row.parts:
            if not part.opening:
                if part.person in self._erased:
                    self._add("erased", f"person {part.person}", record=row.record, **place)
                elif self._bundle.start.personal:
                    detail = "what opens its personal part is gone, and no erasure explains it"
                    self._add("removed", detail, record=row.record, **place)
                continue
            if commitment(part.opening, part.text.encode()) != part.commitment:
                self._add("edited", "its personal part was changed", record=row.record, **place)

    def _strays(self) -> None:
        """Records that no segment of the bundle has."""
        sealed = self._bundle.records.keys() & self._seen.keys()
        for name, rows in self._bundle.records.items():
            if len(rows) > 1:
                self._add("duplicate", "it is stored twice", record=name)
            if name in sealed:
                continue
            if name in self._bundle.unsealed:
                self._add("unsealed", "it waits for its segment", record=name)
                self._check(rows[0], self._bundle.unsealed[name])
            elif not rows[0].sealed_in:
                self._add("added", "no segment has it", record=name)
        for name in self._bundle.unsealed.keys() - self._bundle.records.keys():
            self._add("removed", "it waited for its segment", record=name)


def _read(row: BundleRecord) -> AuditFacts | None:
    try:
        return _facts(row.public)
    except msgspec.DecodeError:
        return None


def _time(name: str) -> int:
    try:
        return time_of(name)
    except ValueError:
        return 0
