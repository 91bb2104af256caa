"""Consent receipts: what the consent page displayed, and the user's answer."""

from typing import ClassVar, Literal, TypeAlias

import msgspec

from valetkey.server.model.record import OwnedRecord

Place: TypeAlias = Literal["asked", "kept", "cannot"]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A permission on the page: its text there, and its list. `ticked` is the state of its
    checkbox, `granted` whether the app has it afterwards; `reason` is the app's own text."""

    id: str
    words: str
    place: Place
    risk: str = "low"
    required: bool = False
    ticked: bool = False
    granted: bool = msgspec.field(default=False, name="given")
    reason: str = ""


class Receipt(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A user's answer, stored with the grant that resulted from it. It never changes.

    `request` is the id of the authorization request, `app` the name of the app on the page,
    `destination` the host or scheme of the redirect, `why` the reason for the page. `revisions` are
    those of the catalogs, by resource. `shut` are the APIs of which nothing was requested or open:
    all permissions of these revisions stayed locked.
    """

    table: ClassVar[str] = "receipts"
    rank: ClassVar[int] = 6
    indexes: ClassVar[tuple[str, ...]] = ("user", "grant")

    user: str
    client: str
    grant: str
    request: str
    at: int
    language: str
    app: str
    destination: str
    why: str
    lines: tuple[Line, ...]
    revisions: dict[str, int] = msgspec.field(default_factory=dict, name="editions")
    shut: tuple[str, ...] = ()
