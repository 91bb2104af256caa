"""The change log entry of each change. Stores write them, so no rule can forget one."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from valetkey.jose.jwk import ALGORITHMS
from valetkey.server.model.change import Change, Create, Index, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.counters import REVOKED, SingleUse
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.keys import CURRENT, Epoch, SigningKey
from valetkey.server.model.record import Record
from valetkey.server.model.user import User
from valetkey.wire.change_log import Entry

REMOVED: Final = "removed"


def entry_of(change: Change) -> Entry | None:
    """The entry for a change, without its number; None for a change that affects no token."""
    if isinstance(change, Index):
        return None  # The record stays as it is.
    tell = _TELLS.get(type(change.record))
    return None if tell is None else tell(change)


def entries_of(changes: Iterable[Change]) -> list[Entry]:
    """The entries for the changes, in order."""
    news = (one for one in changes if not (isinstance(one, Update) and one.as_it_is))
    return [entry for one in news if (entry := entry_of(one)) is not None]


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the log. `head` is the last number in the log, `first` the oldest that is stored,
    head + 1 if none is. `link` is the mark of the entry before this part: "" before the first entry
    of all, None if it is no longer stored."""

    head: int
    first: int
    link: str | None
    entries: tuple[Entry, ...] = ()


def piece(rows: Iterable[Entry], *, after: int, head: int, first: int) -> Log:
    """The part of the log after a number. `rows` start with the entry of that number. The part ends
    before a missing entry, so a concurrent sweep leaves no gap in it."""
    link = "" if after == 0 else None
    entries: list[Entry] = []
    for entry in rows:
        if entry.seq == after:
            link = entry.mark
        elif entry.seq == after + len(entries) + 1:
            entries.append(entry)
        else:
            break
    return Log(head=head, first=first, link=link, entries=tuple(entries))


def _grant(change: Change) -> Entry:
    grant: Any = change.record
    return Entry(
        kind="grant",
        subject=grant.id,
        grant_version=1 if isinstance(change, Create) else grant.version + 1,
        status=REMOVED if isinstance(change, Remove) else grant.status,
        permissions=grant.permissions,
        limited=tuple(sorted(grant.limits.limited_permissions)),
        until=grant.limits.until,
        revoked_delegates=grant.revoked_delegates,
        about=(*grant.permissions, *grant.lost_permissions),
    )


def _family(change: Change) -> Entry | None:
    family: Any = change.record
    # A family that is created closed invalidates a code. It never had a token.
    if isinstance(change, Create):
        return None
    status = "closed" if isinstance(change, Remove) else family.status
    if status == "open" and not _resumed(family):
        return None
    # An earlier sign-in may have had more permissions, so this names all that was requested.
    return Entry(
        kind="family",
        subject=family.id,
        status=status,
        listed=family.in_lists,
        about=(*family.scope, *family.permissions, *family.details),
    )


def _resumed(family: TokenFamily) -> bool:
    """Whether the user has resumed it, and the app has not used it since."""
    return family.shards is not None and family.shards.resumed > family.used


def _user(change: Change) -> Entry | None:
    user: Any = change.record
    if isinstance(change, Create):
        return None
    status = REMOVED if isinstance(change, Remove) else user.status
    return Entry(kind="user", subject=user.id, status=status)


def _client(change: Change) -> Entry | None:
    client: Any = change.record
    if isinstance(change, Create):
        return None
    status = REMOVED if isinstance(change, Remove) else client.status
    return Entry(kind="client", subject=client.id, status=status, permissions=client.scope)


def _once(change: Change) -> Entry | None:
    once: Any = change.record
    if once.purpose != REVOKED or not isinstance(change, Create):
        return None
    return Entry(kind="token", subject=once.value, status="revoked")


def _key(change: Change) -> Entry | None:
    key: Any = change.record
    # A key that reached its end needs no entry: all that it signed has expired.
    if key.use not in ALGORITHMS or not isinstance(change, Remove) or key.until:
        return None
    return Entry(kind="key", subject=key.kid, status=REMOVED)


def _epoch(change: Change) -> Entry | None:
    if change.record.key != CURRENT:
        return None
    return Entry(kind="all", status="over")


_TELLS: Final[dict[type[Record], Callable[[Change], Entry | None]]] = {
    Grant: _grant,
    TokenFamily: _family,
    User: _user,
    Client: _client,
    SingleUse: _once,
    Epoch: _epoch,
    SigningKey: _key,
}
