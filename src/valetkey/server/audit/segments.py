"""The hashes of the audit log: leaves, Merkle roots (RFC 9162 2.1), and the entries of a segment.

An entry has 49 bytes: the number of the category, the id, and the leaf of a record.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, NamedTuple

from valetkey.server.model import ids
from valetkey.server.model.audit import CATEGORIES, AuditRecord, Category

HASH: Final = 32
ENTRY: Final = 1 + ids.LENGTH + HASH
"""Bytes of an entry."""


class AuditEntry(NamedTuple):
    """A record in a segment."""

    category: Category
    id: str
    leaf: bytes


def leaf_of(record: AuditRecord) -> bytes:
    """The leaf of a record: a hash of its public bytes and of the commitments to its parts."""
    return leaf(record.public.encode(), [part.commitment for part in record.parts])


def leaf(public: bytes, commitments: Sequence[bytes]) -> bytes:
    """The hash of a leaf (RFC 9162 2.1.1)."""
    return hashlib.sha256(b"\0" + public + b"".join(commitments)).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes of leaves (RFC 9162 2.1.1), without recursion."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        above = [
            hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest()
            for at in range(0, len(level) - 1, 2)
        ]
        # A last node without a sibling goes up as it is: this makes RFC 9162's tree.
        level = above + level[len(above) * 2 :]
    return level[0]


def pack_entries(entries: Sequence[AuditEntry]) -> bytes:
    """The entries as bytes."""
    return b"".join(
        bytes((CATEGORIES.index(one.category),)) + ids.to_bytes(one.id) + one.leaf
        for one in entries
    )


def unpack_entries(raw: bytes) -> list[AuditEntry]:
    """The entries. Raises ValueError for malformed bytes."""
    if len(raw) % ENTRY:
        raise ValueError("the entries are cut")
    entries = []
    for at in range(0, len(raw), ENTRY):
        number = raw[at]
        if number >= len(CATEGORIES):
            raise ValueError("an unknown category")
        name = ids.to_text(raw[at + 1 : at + 1 + ids.LENGTH])
        entries.append(AuditEntry(CATEGORIES[number], name, raw[at + 1 + ids.LENGTH : at + ENTRY]))
    return entries


def opening_of(person_key: bytes, record: str, number: int) -> bytes:
    """What opens the commitment to a personal part of a record, by its number."""
    return hmac.digest(person_key, f"commit {record} {number}".encode(), "sha256")


def commitment(opening: bytes, plain: bytes) -> bytes:
    """The commitment to a personal part."""
    return hmac.digest(opening, plain, "sha256")
