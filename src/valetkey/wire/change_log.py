"""The change log: all changes of grants, and of everything else that a token depends on, in order.

An API that has read the log to its end knows the status of every token without a request. The
server signs pieces of the log, for one resource server each. An empty piece is a heartbeat."""

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
"""Seconds for which an entry is stored: until every older token has expired, and ten minutes more
for clocks that differ."""

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
    """One change: the new state of its subject.

    `subject` is the id of a grant, a family, a user, a client, an access token (its `jti`), or a
    signing key (its `kid`), which revokes all that the key signed. It is "" for `all`, which
    revokes everything from before. `status` is the subject's status, "removed" if it is deleted.
    `permissions` are those of a grant, or the scopes that a client is registered for. `limited` are
    those that the user has limited. `until` is when the grant ends by itself, 0 for never.
    `revoked_delegates` (`cut` on the wire) names the delegates that no token of the grant may have
    gone through, each with its permissions, () for all. `listed` is a family's place in the status
    lists, for the server alone.

    `about` are names of permissions, of sets of them, and types of details that the subject was
    ever about; None if that is not known. The server decides by it which APIs get the entry; the
    others get a `blank` one.

    `seq` numbers the entries from 1 without a gap, in the order in which their changes became
    visible. `mark` is random, and distinguishes two logs with the same number. `at` and `until` are
    in seconds since 1970.
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
    """The entry for an API that it is not about, which keeps the numbers without a gap. It is about
    no token that exists."""
    return Entry(kind="token", status="", at=entry.at, mark=entry.mark, seq=entry.seq)


def revoked_delegates_for(
    cut: Mapping[str, tuple[str, ...]], names: AbstractSet[str]
) -> dict[str, tuple[str, ...]]:
    """The revoked delegates that an API with these names has to know: a delegate with permissions
    of other APIs only is in none of its tokens."""
    return {
        hand: tuple(one for one in had if one in names)
        for hand, had in cut.items()
        if not had or not names.isdisjoint(had)
    }


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The entries after number `after`, up to `to`, as the server signs them.

    If `to` is `head`, the last number, they are all that was acknowledged before `at`, in
    milliseconds since 1970; the times of one `node` can be compared. `link` is the mark of entry
    `after`, "" if it is not known. `nonce` is from the request: the piece was made after it.
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
        """Whether it reaches the end of the log."""
        return self.to == self.head


class BadPiece(ValueError):
    """Not the next piece of this log. The message is for the log only."""


def write(piece: Piece, *, key: PrivateKey) -> str:
    """The piece, signed."""
    return jws.sign(msgspec.json.encode(piece), key=key, typ=TYPE)


def take_fitting(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The first entries that fit into one piece: at least one."""
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
    """How far a follower has read: the number and the mark of the last entry."""

    seq: int = 0
    mark: str = ""


def follow(place: Place, piece: Piece) -> Place:
    """The place after the piece. Raises BadPiece for a piece that was read before, that leaves a
    gap, or that is of another log: a forked one, or one that was restored."""
    if piece.head < place.seq:
        raise BadPiece(f"the log ends at {piece.head}, and was at {place.seq}")
    if piece.after != place.seq:
        raise BadPiece(f"it goes on after {piece.after}, not {place.seq}")
    if piece.link and place.mark and piece.link != place.mark:
        raise BadPiece(f"its entry {place.seq} is another one")
    last = piece.entries[-1].mark if piece.entries else place.mark or piece.link
    return Place(piece.to, last)
