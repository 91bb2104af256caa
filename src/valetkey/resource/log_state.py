"""The state of the change log: every subject that changed within the lifetime of a token."""

import time
from collections import deque
from typing import Final, Literal, TypeAlias

import msgspec

from valetkey.wire.access_token import AccessToken
from valetkey.wire.catalog import Catalog, expand
from valetkey.wire.change_log import RETENTION, Entry, Piece, Place, follow
from valetkey.wire.child_key import ALONE

Over: TypeAlias = Literal["", "paused", "stopped", "inactive"]
"""Why a token is not active; "inactive" if the server does not say why, "" if it is active."""


class SubjectState(msgspec.Struct, frozen=True):
    """The state of a subject since an entry. `opens` are the permissions that it allows at most,
    and `limited` those of them that the user has limited. No token may have gone through one of the
    `revoked_delegates`."""

    seq: int
    version: int
    status: str
    opens: frozenset[str]
    until: int = 0
    limited: frozenset[str] = frozenset()
    revoked_delegates: frozenset[str] = frozenset()


class TokenStatus(msgspec.Struct, frozen=True):
    """The permissions of a token at this moment. `over` says why there are none. `limited` are
    those that the user has limited, in this `version` of the grant. `childless`: it may not be
    delegated offline."""

    permissions: frozenset[str]
    over: Over = ""
    limited: frozenset[str] = frozenset()
    version: int = 0
    childless: bool = False


_PAUSED: Final = TokenStatus(frozenset(), "paused")
_STOPPED: Final = TokenStatus(frozenset(), "stopped")


_PASSING: Final = frozenset({"suspended", "disabled"})
"""Statuses of a client, a family or a user that may change back, as a pause may."""


_ALIVE: Final = frozenset({"open", "active"})


def _over(status: str) -> TokenStatus:
    return _PAUSED if status in _PASSING else _STOPPED


class LogState:
    """The log as one follower has read it, from one place on."""

    def __init__(self, place: Place, catalog: Catalog) -> None:
        self.place = place
        self._catalog = catalog
        self._states: dict[tuple[str, str], SubjectState] = {}
        self._entries: deque[Entry] = deque()
        self._clients: set[str] = set()
        self._all_over = 0

    def covers(self, token: AccessToken) -> bool:
        """Whether the log has all that concerns the token. A delegated token does not name the
        client of its grant, so a recent change of any client may be about it."""
        return token.act is None or not self._clients

    def __len__(self) -> int:
        """The number of subjects."""
        return len(self._states)

    def read(self, piece: Piece) -> bool:
        """Reads the next piece. Returns whether it ends every token of before. Raises BadPiece, and
        then changes nothing."""
        self.place = follow(self.place, piece)
        ended = False
        for entry in piece.entries:
            ended |= entry.kind == "all"
            self._take(entry)
        self._forget(piece.at // 1000 - RETENTION)
        return ended

    def status_of(self, token: AccessToken, permissions: frozenset[str]) -> TokenStatus:
        """The status of a verified token, which has at most these permissions."""
        find = self._states.get
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
            if not grant.revoked_delegates.isdisjoint(token.delegates):
                return _STOPPED
            permissions &= grant.opens
            limited, version = grant.limited, grant.version
            childless = ALONE in grant.revoked_delegates
        client = find(("client", token.client_id))
        if client is not None:
            if client.status != "active":
                return _over(client.status)
            permissions &= client.opens
        if find(("token", token.jti)):
            return _STOPPED
        if ended := self._ended(("family", token.family_id)) or self._ended(("user", token.sub)):
            return _over(ended)
        return TokenStatus(permissions, limited=limited, version=version, childless=childless)

    def _ended(self, subject: tuple[str, str]) -> str:
        """The status of a subject that has ended; "" for an active or an unknown one."""
        state = self._states.get(subject)
        return "" if state is None or state.status in _ALIVE else state.status

    def _take(self, entry: Entry) -> None:
        if entry.kind == "all":
            self._all_over = max(self._all_over, entry.at)
            return
        if entry.kind == "key" or not entry.subject:
            return  # The issuer drops a revoked key; a blank entry is about another API.
        # A grant names permissions, a client the scopes that stand for them.
        names = entry.permissions
        opens = expand(self._catalog, names) if entry.kind == "client" else frozenset(names)
        self._states[entry.kind, entry.subject] = SubjectState(
            entry.seq,
            entry.grant_version,
            entry.status,
            opens,
            until=entry.until,
            limited=frozenset(entry.limited),
            revoked_delegates=frozenset(entry.revoked_delegates),
        )
        self._entries.append(entry)
        if entry.kind == "client":
            self._clients.add(entry.subject)

    def _forget(self, before: int) -> None:
        """Forgets entries that are older than every valid token."""
        while self._entries and self._entries[0].at < before:
            old = self._entries.popleft()
            key = (old.kind, old.subject)
            if self._states[key].seq == old.seq:
                del self._states[key]
                if old.kind == "client":
                    self._clients.discard(old.subject)
