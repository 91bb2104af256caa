"""The lifecycle of a key: coming → current → retiring → deleted.

A coming key is published before it signs. A retiring key is published until all that it signed has
expired.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.keys import KeyStatus, SigningKey, Use
from valetkey.server.model.policy import Lifetimes

TURNED: Final[tuple[Use, ...]] = ("ES256", "RS256", "seal", "mac")
"""Uses whose keys can be rotated."""

USES: Final[tuple[Use, ...]] = (*TURNED, "salt")
"""All uses. The salt never changes, as pairwise subjects would change with it."""

ROTATED: Final[tuple[Use, ...]] = ("ES256", "RS256", "seal")
"""Uses that a rotation includes by default. The MAC key makes long-lived refresh tokens: it rotates
only by name, and the old one stays for the longest lifetime of a refresh token."""


def missing(keys: Iterable[SigningKey]) -> tuple[Use, ...]:
    """The uses of missing keys: for each use a current key first, then a coming one."""
    have = [(key.use, key.status) for key in keys]
    return tuple(
        use
        for use in USES
        for status in (("current", "coming") if use in TURNED else ("current",))
        if (use, status) not in have
    )


def first_status(keys: Iterable[SigningKey], use: Use) -> KeyStatus:
    """The status of a new key: current if there is none yet, else coming."""
    has_current = any(key.use == use and key.status == "current" for key in keys)
    return "coming" if has_current else "current"


def rotate(
    keys: Sequence[SigningKey], fresh: SigningKey, *, lifetimes: Lifetimes, now: int
) -> tuple[Change, ...]:
    """Rotates the keys of one use: the coming key becomes current, the current one retires, and
    `fresh` is the new coming one."""
    changes: list[Change] = [Create(fresh)]
    for key in keys:
        if key.use != fresh.use:
            continue
        match key.status:
            case "coming":
                changes.append(Update(_turned(key, "current", now)))
            case "current":
                until = now + keeps(key.use, lifetimes)
                changes.append(Update(_turned(key, "retiring", now, until=until)))
            case "retiring":
                if now >= key.until:
                    changes.append(Remove(key))
    return tuple(changes)


def revoke(
    keys: Sequence[SigningKey], kid: str, fresh: SigningKey, *, now: int
) -> tuple[Change, ...]:
    """Deletes a key at once, which invalidates all that it signed, sealed or derived. The coming
    key replaces a current one, and `fresh` replaces the coming one. Raises LookupError if there is
    no such key, ValueError for the salt."""
    revoked = next((key for key in keys if key.kid == kid), None)
    if revoked is None:
        raise LookupError(kid)
    if revoked.use not in TURNED:
        raise ValueError("the salt stays: the names that it makes of users must not change")
    if revoked.status == "retiring":
        # `until=0`, so that the change log has an entry: the key was removed before its end.
        return (Remove(msgspec.structs.replace(revoked, until=0)),)
    left = [one for one in keys if one.use == revoked.use and one.kid != kid]
    coming = [one for one in left if one.status == "coming"]
    if revoked.status == "coming" or coming:
        turned = [] if revoked.status == "coming" else coming[:1]
        return (
            Remove(revoked),
            *(Update(_turned(one, "current", now)) for one in turned),
            Create(fresh),
        )
    return Remove(revoked), Create(_turned(fresh, "current", now))


def keeps(use: Use, lifetimes: Lifetimes) -> int:
    """The number of seconds for which a retiring key is still needed."""
    longest = {
        "ES256": max(lifetimes.access_token, lifetimes.id_token),
        "RS256": max(lifetimes.access_token, lifetimes.id_token),
        "seal": lifetimes.code,
        "mac": lifetimes.refresh_token,
    }
    return longest[use] + 3600


def _turned(key: SigningKey, status: str, now: int, *, until: int = 0) -> SigningKey:
    return msgspec.structs.replace(key, status=status, since=now, until=until)
