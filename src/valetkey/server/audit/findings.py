"""What a verification finds."""

from typing import Final, Literal, TypeAlias

import msgspec

Problem: TypeAlias = Literal["edited", "removed", "added", "swapped", "cut", "duplicate", "forged"]
Note: TypeAlias = Literal["erased", "expired", "restored", "unsealed"]

PROBLEMS: Final[frozenset[str]] = frozenset(
    {"edited", "removed", "added", "swapped", "cut", "duplicate", "forged"}
)
"""Findings that mean that somebody changed the log. The others are lawful."""


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was found: where (a segment and an entry of it, from 1, or the id of a
    record), and in words."""

    kind: Problem | Note
    detail: str
    segment: int = 0
    entry: int = 0
    record: str = ""

    @property
    def place(self) -> str:
        """Where it was found."""
        words = [f"segment {self.segment}"] if self.segment else []
        words += [f"entry {self.entry}"] if self.entry else []
        words += [f"record {self.record}"] if self.record else []
        return ", ".join(words) or "the log"


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found. `end_is_certain`: heads that were shipped vouch for the log up to
    the segment `vouched`, so it cannot have been cut before that."""

    findings: tuple[AuditFinding, ...]
    segments: int
    records: int
    end_is_certain: bool
    vouched: int = 0

    @property
    def problems(self) -> tuple[AuditFinding, ...]:
        """The findings that mean that somebody changed the log."""
        return tuple(one for one in self.findings if one.kind in PROBLEMS)
