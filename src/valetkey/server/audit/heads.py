"""The head of a segment: the text that the audit key signs.

It is a list of lines, so that people can read it too:

    valetkey audit 1
    issuer https://id.chirp.example
    epoch 0
    segment 42
    records 17
    root SHA-256 in base64
    entries SHA-256 in base64
    previous SHA-256 in base64
    time 1796176800123
    expired sign-in 1780624800000

`previous` is the hash of the text of the head before, and `-` in the first one. `expired` lines say
up to which time records of a category may be missing. `key` is a key that signs from the next head
on, or from this one if it is the first. `restored` declares that the database was restored from a
backup: it names the last head that had been shipped by then.
"""

import base64
import binascii
import hashlib
from typing import Final

import msgspec

from valetkey.server.audit.notes import BadNote, split
from valetkey.server.model.audit import CATEGORIES, Category

FIRST: Final = "valetkey audit 1"
NONE: Final = "-"


class Lost(msgspec.Struct, frozen=True):
    """The last head that had left the server before a restore: its epoch, number and hash."""

    epoch: int
    number: int
    digest: str


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """What a head says. `at` and the values of `expired` are in milliseconds since 1970. `digest`
    is the hash of the text, in base64."""

    issuer: str
    epoch: int
    number: int
    records: int
    root: str
    entries: str
    previous: str
    at: int
    expired: dict[Category, int] = {}
    key: str = ""
    restored: Lost | None = None
    digest: str = ""

    @property
    def text(self) -> str:
        """The text to sign."""
        lines = [
            FIRST,
            f"issuer {self.issuer}",
            f"epoch {self.epoch}",
            f"segment {self.number}",
            f"records {self.records}",
            f"root {self.root}",
            f"entries {self.entries}",
            f"previous {self.previous}",
            f"time {self.at}",
        ]
        lines += [f"expired {one} {self.expired[one]}" for one in CATEGORIES if one in self.expired]
        if self.key:
            lines.append(f"key {self.key}")
        if self.restored is not None:
            lost = self.restored
            lines.append(f"restored {lost.epoch} {lost.number} {lost.digest}")
        return "\n".join(lines) + "\n"


def digest(data: bytes) -> str:
    """SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def raw_digest(data: bytes) -> str:
    """A hash of 32 bytes, in base64."""
    return base64.b64encode(data).decode()


def read_head(note: str) -> AuditHead:
    """The head in a signed note; nothing about the signature. Raises BadNote."""
    text, _ = split(note)
    first, *lines = text.split("\n")[:-1]
    if first != FIRST:
        raise BadNote("this is no head of an audit log")
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        fields.setdefault(name, []).append(value)
    try:
        restored = [one.split(" ") for one in fields.get("restored", ())]
        expired = dict(one.split(" ") for one in fields.get("expired", ()))
        head = AuditHead(
            issuer=fields["issuer"][0],
            epoch=int(fields["epoch"][0]),
            number=int(fields["segment"][0]),
            records=int(fields["records"][0]),
            root=fields["root"][0],
            entries=fields["entries"][0],
            previous=fields["previous"][0],
            at=int(fields["time"][0]),
            expired={one: int(expired[one]) for one in CATEGORIES if one in expired},
            key=fields.get("key", [""])[0],
            restored=Lost(int(restored[0][0]), int(restored[0][1]), restored[0][2])
            if restored
            else None,
            digest=digest(text.encode()),
        )
    except (KeyError, IndexError, ValueError, binascii.Error) as error:
        raise BadNote("this is no head of an audit log") from error
    if head.text != text:
        raise BadNote("the head has lines that are not known here")
    return head
