"""What an API knows by the change log: how everything stands that changed within a token's life."""

import time
from collections import deque
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.wire.access_token import AccessToken
from valetkey.wire.catalog import Catalog, expand
from valetkey.wire.change_log import RETENTION, Entry, Piece, Place, follow
from valetkey.wire.child_key import ALONE

Over: TypeAlias = Literal["", "paused", "stopped", "inactive"]
"""Why a key opens nothing: "inactive" where that is not said; "" where it may open something."""


class Stand(msgspec.Struct, frozen=True):
    """How a subject stands since an entry. `opens` are the permissions that it allows at most,
    `limited` those of them under a limit of the user's, and `cut` those through whose hands no key
    may have gone."""

    seq: int
    version: int
    status: str
    opens: frozenset[str]
    until: int = 0
    limited: frozenset[str] = frozenset()
    cut: frozenset[str] = frozenset()


class Opens(msgspec.Struct, frozen=True):
    """What a key opens now. `over` says why it opens nothing any more; `limited` are permissions
    under a limit of the user's, as of this `version` of the grant. `childless`: nobody may have
    handed it on alone."""

    permissions: frozenset[str]
    over: Over = ""
    limited: frozenset[str] = frozenset()
    version: int = 0
    childless: bool = False


_PAUSED: Final = Opens(frozenset(), "paused")
_STOPPED: Final = Opens(frozenset(), "stopped")


_PASSING: Final = frozenset({"suspended", "disabled"})
"""How an app, a key in shards or a user stands that may be back, as a paused grant may."""


_ALIVE: Final = frozenset({"open", "active"})


def _over(status: str) -> Opens:
    return _PAUSED if status in _PASSING else _STOPPED


class Known:
    """The log as one follower has read it, from some place on."""

    def __init__(self, place: Place, catalog: Catalog) -> None:
        self.place = place
        self._catalog = catalog
        self._stands: dict[tuple[str, str], Stand] = {}
        self._entries: deque[Entry] = deque()
        self._clients: set[str] = set()
        self._all_over = 0

    def knows_all_of(self, token: AccessToken) -> bool:
        """Whether the log can tell what became of the token. One that was passed on does not name
        the client whose grant it is: where a client has changed lately, it may be that one."""
        return token.act is None or not self._clients

    def __len__(self) -> int:
        """How many subjects it remembers."""
        return len(self._stands)

    def read(self, piece: Piece) -> bool:
        """Takes the next piece in; whether everything ended in it. Raises BadPiece, and has then
        learnt nothing."""
        self.place = follow(self.place, piece)
        ended = False
        for entry in piece.entries:
            ended |= entry.kind == "all"
            self._take(entry)
        self._forget(piece.at // 1000 - RETENTION)
        return ended

    def opens(self, token: AccessToken, permissions: frozenset[str]) -> Opens:
        """What is left of the permissions that a proved token opens by itself: never more."""
        find = self._stands.get
        if token.iat <= self._all_over:
            return _STOPPED
        limited, version = frozenset(token.limited), token.grant_version
        childless = token.childless
        grant = find(("grant", token.grant_id))
        if grant is not None and grant.version > token.grant_version:
            if grant.status == "paused":
                return _PAUSED
            if grant.status != "active" or 0 < grant.until <= time.time():
                return _STOPPED
            if not grant.cut.isdisjoint(token.delegates):
                return _STOPPED
            permissions &= grant.opens
            limited, version = grant.limited, grant.version
            childless = ALONE in grant.cut
        client = find(("client", token.client_id))
        if client is not None:
            if client.status != "active":
                return _over(client.status)
            permissions &= client.opens
        if find(("token", token.jti)):
            return _STOPPED
        if ended := self._ended(("family", token.family_id)) or self._ended(("user", token.sub)):
            return _over(ended)
        return Opens(permissions, limited=limited, version=version, childless=childless)

    def _ended(self, subject: tuple[str, str]) -> str:
        """How it stands, "" where it is as it was or nothing is known of it."""
        stand = self._stands.get(subject)
        return "" if stand is None or stand.status in _ALIVE else stand.status

    def _take(self, entry: Entry) -> None:
        if entry.kind == "all":
            self._all_over = max(self._all_over, entry.at)
            return
        if entry.kind == "key" or not entry.subject:
            return  # What a key signed is proved no more (see `issuer`); a blank one is another's.
        # A grant names permissions, a client the scopes that stand for them.
        names = entry.permissions
        opens = expand(self._catalog, names) if entry.kind == "client" else frozenset(names)
        self._stands[entry.kind, entry.subject] = Stand(
            entry.seq,
            entry.grant_version,
            entry.status,
            opens,
            until=entry.until,
            limited=frozenset(entry.limited),
            cut=frozenset(entry.revoked_delegates),
        )
        self._entries.append(entry)
        if entry.kind == "client":
            self._clients.add(entry.subject)

    def _forget(self, before: int) -> None:
        """Lets go of what no token is old enough to have missed."""
        while self._entries and self._entries[0].at < before:
            old = self._entries.popleft()
            key = (old.kind, old.subject)
            if self._stands[key].seq == old.seq:
                del self._stands[key]
                if old.kind == "client":
                    self._clients.discard(old.subject)
