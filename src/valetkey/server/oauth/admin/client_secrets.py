"""Client secrets that overlap: a new one is added, and the old one works until the app has moved.

A client has at most five secrets at a time. Only their digests are stored, each with its last four
characters, its dates, and the days on which it was used.
"""

from typing import Final

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.client import WITH_SECRET, Client, StoredSecret
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import By, event
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.credentials import new_secret
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome

MOST: Final = 5
"""Secrets of a client at one time."""

DAY: Final = 86400
USE_DAYS: Final = 90
"""Days for which it is known when a secret was used."""

MAX_OVERLAP: Final = USE_DAYS * DAY
"""Seconds for which an old secret may go on working."""


class SecretsChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The client as now stored, None if there is none. `added` is the new secret's record. `why`
    says why nothing was changed, "" if something was."""

    client: Client | None = None
    added: StoredSecret | None = None
    why: str = ""


def rotate_secret(
    name: str, secret: Secret, *, overlap: int, by: By = "administrator", context: Context
) -> Rule[SecretsChanged]:
    """Gives a client a new secret. The old ones work for `overlap` more seconds at most, 0 for not
    at all. Raises ValueError if the client computes with its secret and the keyring has no salt."""
    query, now = One(Client, name), context.env.now
    client = (yield (query,)).one(query)
    if client is None:
        return SecretsChanged(why=f"there is no client {name!r}")
    if client.auth_method not in WITH_SECRET:
        why = f"{name} authenticates by {client.auth_method}, which needs no secret"
        return SecretsChanged(client=client, why=why)
    until = now + min(overlap, MAX_OVERLAP)
    old = tuple(
        msgspec.structs.replace(one, until=min(one.until or until, until))
        for one in client.secrets
        if overlap and one.is_valid(now)
    )
    if len(old) >= MOST:
        why = f"{name} has {len(old)} secrets already: revoke one of them first"
        return SecretsChanged(client=client, why=why)
    added = new_secret(secret, client=client, keyring=context.installation.keyring, env=context.env)
    changed = msgspec.structs.replace(client, secrets=(added, *old))
    audit_event = event(
        context.env, "secret-rotated", by=by, client=name, note=f"{added.name}, {len(old)} old"
    )
    return SecretsChanged(
        client=changed, added=added, changes=(Update(changed),), events=(audit_event,)
    )


def revoke_secret(
    name: str, secret: str, *, by: By = "administrator", context: Context
) -> Rule[SecretsChanged]:
    """Ends a secret of a client at once. `secret` is its name, or its last four characters if no
    other has the same. The last one that works stays: suspend the app to refuse it."""
    query, now = One(Client, name), context.env.now
    client = (yield (query,)).one(query)
    if client is None:
        return SecretsChanged(why=f"there is no client {name!r}")
    matching = [one for one in client.secrets if secret in (one.name, one.last_four or one.name)]
    if len(matching) != 1:
        why = f"{name} has {len(matching) or 'no'} secret{'s' * (len(matching) > 1)} {secret!r}"
        return SecretsChanged(client=client, why=why)
    others = tuple(one for one in client.secrets if one is not matching[0])
    if not any(one.is_valid(now) for one in others):
        why = f"it is the only secret of {name} that works: rotate it, or suspend the app"
        return SecretsChanged(client=client, why=why)
    changed = msgspec.structs.replace(client, secrets=others)
    audit_event = event(context.env, "secret-revoked", by=by, client=name, note=matching[0].name)
    return SecretsChanged(client=changed, changes=(Update(changed),), events=(audit_event,))


class SecretUse(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, without it. `used` is the day of its last use, in seconds since 1970; 0 if it was
    not used in the last 90 days. `until` is 0 for no end."""

    id: str
    last_four: str
    created: int
    until: int
    used: int


def use_of(owner: str, secret: str, now: int) -> Throttle:
    """The row that says that a client used a secret on a day."""
    day = now // DAY
    expires = (day + USE_DAYS) * DAY
    return Throttle(
        bucket=f"secret used {owner} {secret} {day}", tried=1, since=now, expires=expires
    )


def secrets_of(client: Client, context: Context) -> Rule[tuple[SecretUse, ...]]:
    """The secrets of a client that work, the newest first, each with the day of its last use."""
    now = context.env.now
    days = [now - back * DAY for back in range(USE_DAYS)]
    there = [one for one in client.secrets if one.is_valid(now)]
    queries = {
        (one.name, day): One(Throttle, use_of(client.id, one.name, day).bucket)
        for one in there
        for day in days
        if day + DAY > one.created
    }
    results = (yield tuple(queries.values())) if queries else None
    last: dict[str, int] = {}
    for (name, _), query in queries.items():
        row = results.one(query) if results is not None else None
        if row is not None:
            last[name] = max(last.get(name, 0), row.since)
    return tuple(
        SecretUse(
            id=one.name,
            last_four=one.last_four,
            created=one.created,
            until=one.until,
            used=last.get(one.name, 0),
        )
        for one in sorted(there, key=lambda one: -one.created)
    )
