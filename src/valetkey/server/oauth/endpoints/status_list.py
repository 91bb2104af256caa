"""The status list endpoint (`wire.status_list`).

The change log has every grant and family that may have ended recently. A list needs nothing else:
all other tokens are valid.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from valetkey.jose import base64url, jwt
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.limits import expired
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.clients.authentication import authenticate_resource_server
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Refuse
from valetkey.server.oauth.core.feature import (
    Call,
    Endpoint,
    Feature,
    StatusList,
    StatusListWriter,
)
from valetkey.server.oauth.issue.status import LISTS, NAME, PATH, STEP, list_name
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire.change_log import Entry
from valetkey.wire.status_list import (
    ALGORITHM,
    CITE,
    INVALID,
    SUSPENDED,
    TYPE,
    VALID,
    ListToken,
    pack,
)

TTL: Final = 5
"""Seconds for which a list may be cached."""

LASTS: Final = 60
"""Seconds after which a list expires."""

BATCH: Final = 64
"""The number of grants that are read at once."""

_NAME: Final = re.compile(r"([0-9]{1,9})\.([0-9])\.([A-Za-z0-9_-]{1,1400})", re.ASCII)


def find_list(name: str, context: Context) -> Rule[StatusList]:
    """The list with this name: its client, and the default status. Raises InvalidRequest (404) if
    there is no such list."""
    epoch, number, client = _read(name)
    query = One(Client, client)
    row = (yield (query,)).one(query)
    if row is None:
        raise InvalidRequest("there is no such list", status=404)
    rest = SUSPENDED if row.status != "active" else VALID
    if epoch != context.installation.epoch:
        rest = INVALID
    return StatusList(name=name, client=client, number=number, rest=rest)


def _read(name: str) -> tuple[int, int, str]:
    match, nothing = _NAME.fullmatch(name), InvalidRequest("there is no such list", status=404)
    if match is None or int(match[2]) >= LISTS:
        raise nothing
    try:
        return int(match[1]), int(match[2]), base64url.decode(match[3]).decode()
    except ValueError as error:
        raise nothing from error


def changed_statuses(entries: Iterable[Entry], context: Context) -> Rule[Mapping[str, int]]:
    """The status of the families that these entries affect, by their index."""
    statuses: dict[str, int] = {}
    subjects = {(entry.kind, entry.subject): entry for entry in entries}
    families = [one for one in subjects.values() if one.kind == "family" and one.listed]
    closed = [one.listed for one in families if one.status == "closed"]
    users = [name for kind, name in subjects if kind == "user"]
    grants = [name for kind, name in subjects if kind == "grant"]
    grants += yield from _of_users(users)
    grants += yield from _of_families(one.subject for one in families if one.status != "closed")
    every = list(dict.fromkeys(grants))
    for start in range(0, len(every), BATCH):
        statuses |= yield from _of_grants(every[start : start + BATCH], context)
    # A closed family stays closed.
    return statuses | dict.fromkeys(closed, INVALID)


def _of_users(users: Iterable[str]) -> Rule[list[str]]:
    queries = [Many(Grant, "user", one) for one in users]
    if not queries:
        return []
    results = yield tuple(queries)
    return [grant.id for want in queries for grant in results.many(want)]


def _of_families(names: Iterable[str]) -> Rule[list[str]]:
    queries = [One(TokenFamily, one) for one in names]
    if not queries:
        return []
    results = yield tuple(queries)
    return [one.grant for want in queries if (one := results.one(want)) is not None]


def _of_grants(names: Iterable[str], context: Context) -> Rule[dict[str, int]]:
    grants = {name: One(Grant, name) for name in names}
    families = {name: Many(TokenFamily, "grant", name) for name in grants}
    results = yield (*grants.values(), *families.values())
    there = {name: results.one(want) for name, want in grants.items()}
    users = {one.user: One(User, one.user) for one in there.values() if one is not None}
    owners = (yield tuple(users.values())) if users else results
    statuses: dict[str, int] = {}
    for name, want in families.items():
        grant = there[name]
        user = None if grant is None else owners.one(users[grant.user])
        for family in results.many(want):
            if family.listed:
                statuses[family.in_lists] = status_of(user, grant, family, context=context)
    return statuses


def status_of(
    user: User | None, grant: Grant | None, family: TokenFamily, *, context: Context
) -> int:
    """The status of a family's tokens. SUSPENDED ones may become valid again."""
    if user is None or grant is None:
        return INVALID
    over = (
        family.status == "closed",
        grant.status == "stopped",
        grant.epoch != context.installation.epoch,
        expired(grant.limits, context.env.now),
    )
    if any(over):
        return INVALID
    away = (grant.status == "paused", user.status != "active", family.status == "suspended")
    return SUSPENDED if any(away) else VALID


def write(listing: StatusList, statuses: Mapping[str, int], context: Context) -> str:
    """The signed list. `statuses` are those of its client, by index."""
    prefix = f"{listing.number}."
    mine = {
        int(place.removeprefix(prefix)): status
        for place, status in statuses.items()
        if place.startswith(prefix)
    }
    if listing.rest != VALID:
        # A suspended client may become active again, its ended families don't.
        mine = {
            idx: one for idx, one in mine.items() if (one, listing.rest) == (INVALID, SUSPENDED)
        }
    issuer = context.installation.issuer
    token = ListToken(
        iss=issuer,
        sub=f"{issuer}{PATH}/{listing.name}",
        iat=context.env.now,
        exp=context.env.now + LASTS,
        ttl=TTL,
        status_list=msgspec.structs.replace(
            pack(mine, rest=listing.rest), aggregation_uri=issuer + PATH
        ),
    )
    return jwt.sign(token, key=context.installation.keyring.signing[ALGORITHM], typ=TYPE)


def published(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """The list in the path; without a name, the addresses of lists, for a resource server. Raises
    InvalidRequest, InvalidClient."""
    if not call.item:
        return Answer(document={"status_lists": (yield from aggregated(call, context))})
    if "time" in call.query:
        # 8.4 of the draft: former states of a list are not stored.
        raise InvalidRequest("former states of a list are not available", status=501)
    return Answer(document=(yield from find_list(call.item, context)))


def aggregated(call: Call, context: Context) -> Rule[tuple[str, ...]]:
    """The addresses of the lists of clients that may request permissions of the calling resource
    server. They reveal client ids, so other callers get InvalidClient."""
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="not a resource server")
    mine, wanted = context.installation.offer.names_of(server.catalog.resource), Many(Client)
    clients = [one for one in (yield (wanted,)).many(wanted) if mine & {*one.scope}]
    lists = (
        list_name(context.installation.epoch, number, one.id)
        for one in clients
        for number in range(LISTS)
    )
    return tuple(f"{context.installation.issuer}{PATH}/{name}" for name in lists)


STATUS_LISTS: Final = Feature(
    name=NAME,
    issuing=STEP,
    cites=(CITE,),
    endpoints=(
        Endpoint(
            path=PATH,
            metadata="status_list_aggregation_endpoint",
            cite=CITE,
            methods=("GET", "HEAD"),
            who="nobody",
            reads="nothing",
            rule=published,
            items=True,
            lists=StatusListWriter(statuses=changed_statuses, write=write, max_age=TTL),
        ),
    ),
)
