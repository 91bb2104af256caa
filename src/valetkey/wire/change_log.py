"""The change log: what became of grants, and of whatever else a key hangs on, in order.

Whoever holds the log up to its present end knows what every token is worth, and need not ask. The
server signs pieces of it, for one resource server each; an empty piece is a heartbeat.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import Algorithm, PrivateKey, PublicKey
from valetkey.jose.objects import read_object
from valetkey.wire.address import same

Kind: TypeAlias = Literal["grant", "family", "user", "client", "token", "key", "all"]

TYPE: Final = "change-log+jwt"
ALGORITHM: Final[Algorithm] = "ES256"

LONGEST: Final = 3600
"""Seconds that an access token may live, at the most."""

RETENTION: Final = LONGEST + 600
"""Seconds for which an entry is kept: until every token of before it has expired, and ten minutes
more for clocks that differ."""

BEAT: Final = 0.25
"""Seconds between two heartbeats."""

MOST: Final = 200
"""Entries in one piece, at the most."""

MAX_BYTES: Final = 48 * 1024
"""Of a piece, before it is signed."""

MAX_LENGTH: Final = 96 * 1024
"""Characters of a signed one."""

MAX_NONCE: Final = 64


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change: how the subject stands from now on.

    `subject` is the id of a grant, a family, a user, a client, an access token (its `jti`), or a
    signing key (its `kid`), by which nothing counts that it signed; it is "" for `all`, by which
    everything from before it is worth nothing. `status` is the subject's
    own word, and "removed" where it is gone. `permissions` are a grant's own, or the scopes that a
    client is registered for; `limited` are those of them under a limit of the user's; `until` is
    when the grant ends by itself, 0 for never. `cut` names those through whose hands no key of the
    grant may have gone, each with what it had been handed, () for all that there is. `listed` is a
    family's place in the status lists, which is the server's own affair.

    `about` are names of permissions, of sets of them, and types of details, which the subject ever
    concerned, None where that is not known: whom the entry is for, which is the server's own affair
    as well. One that is not for an API is told to it as `blank`.

    `seq` numbers the entries from 1 without a gap, in the order in which their changes became
    visible; `mark` is random, and tells apart two logs that have the same number. `at` and `until`
    are in seconds since 1970.
    """

    kind: Kind
    status: str
    subject: str = ""
    grant_version: int = 0
    permissions: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    until: int = 0
    revoked_delegates: dict[str, tuple[str, ...]] = msgspec.field(default={}, name="cut")
    listed: str = ""
    about: tuple[str, ...] | None = None
    at: int = 0
    mark: str = ""
    seq: int = 0


def blank(entry: Entry) -> Entry:
    """What an API is told of an entry that does not concern it: that there is one, so that the
    numbers have no gap. It speaks of no token that there is."""
    return Entry(kind="token", status="", at=entry.at, mark=entry.mark, seq=entry.seq)


def revoked_delegates_for(
    cut: Mapping[str, tuple[str, ...]], names: AbstractSet[str]
) -> dict[str, tuple[str, ...]]:
    """Who is cut off as far as it concerns an API of these names: whoever only had another's shows
    in no token of its own."""
    return {
        hand: tuple(one for one in had if one in names)
        for hand, had in cut.items()
        if not had or not names.isdisjoint(had)
    }


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server says: these are the entries after number `after`, up to `to`.

    Where `to` is `head`, the last number that there is, they are all that was acknowledged before
    `at`, in milliseconds since 1970; the times of one `node` can be compared. `link` is the mark of
    entry `after`, "" where it is not known. `nonce` is the asker's own: the piece was made after
    the question.
    """

    iss: str
    aud: str
    at: int
    node: str
    after: int
    to: int
    head: int
    link: str = ""
    nonce: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing comes after it."""
        return self.to == self.head


class BadPiece(ValueError):
    """What came is not the next piece of this log. Says why, for the log only."""


def write(piece: Piece, *, key: PrivateKey) -> str:
    """The piece, signed."""
    return jws.sign(msgspec.json.encode(piece), key=key, typ=TYPE)


def take_fitting(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """As many of the entries as go into one piece, one at the least."""
    size, count = 0, 0
    for entry in entries[:MOST]:
        size += len(msgspec.json.encode(entry)) + 1
        if count and size > MAX_BYTES:
            break
        count += 1
    return tuple(entries[:count])


def read(text: str, *, keys: Sequence[PublicKey], issuer: str, audience: str) -> Piece:
    """The piece that this issuer signed for this resource server. Raises BadPiece."""
    try:
        payload = jws.verify(
            text, keys, algorithms=(ALGORITHM,), typ=(TYPE,), max_length=MAX_LENGTH
        )
        piece = msgspec.convert(read_object(payload), Piece)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadPiece(str(error)) from error
    if piece.iss != issuer or not same(piece.aud, audience):
        raise BadPiece(f"of {piece.iss!r} for {piece.aud!r}")
    numbers = [entry.seq for entry in piece.entries]
    if numbers != list(range(piece.after + 1, piece.to + 1)) or not 0 <= piece.to <= piece.head:
        raise BadPiece("its numbers do not fit")
    return piece


class Place(msgspec.Struct, frozen=True):
    """How far a follower has read: up to this number, whose entry had this mark."""

    seq: int = 0
    mark: str = ""


def follow(place: Place, piece: Piece) -> Place:
    """The place after the piece, where it is the next one. Raises BadPiece for one that was seen,
    that leaves something out, or that is of another log: a forked one, or one that was set back."""
    if piece.head < place.seq:
        raise BadPiece(f"the log ends at {piece.head}, and was at {place.seq}")
    if piece.after != place.seq:
        raise BadPiece(f"it goes on after {piece.after}, not {place.seq}")
    if piece.link and place.mark and piece.link != place.mark:
        raise BadPiece(f"its entry {place.seq} is another one")
    last = piece.entries[-1].mark if piece.entries else place.mark or piece.link
    return Place(piece.to, last)
