"""What a user was shown when they were asked, and what they said."""

from typing import ClassVar, Literal, TypeAlias

import msgspec

from valetkey.server.model.record import OwnedRecord

Place: TypeAlias = Literal["asked", "kept", "cannot"]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A permission as it stood on the page: its words there, and in which list. `ticked` is how the
    user left its box, `given` whether the app has it since; `reason` is the app's own word."""

    id: str
    words: str
    place: Place
    risk: str = "low"
    required: bool = False
    ticked: bool = False
    granted: bool = msgspec.field(default=False, name="given")
    reason: str = ""


class Receipt(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of a user's, kept with the grant that came of it.

    `request` names the authorization request, `app` is what the app was called on the page,
    `destination` the host or scheme to which it led; `why` says for what reason the page was shown.
    `editions` are the catalogs that it was made of, by resource. `shut` names the APIs of which
    nothing was asked or open: all that their editions hold stayed locked. It is never changed.
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
