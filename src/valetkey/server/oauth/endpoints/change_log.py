"""The change log endpoint (`wire.change_log`) for resource servers.

A resource server sees changes of grants that ever included permissions of its own, and what is left
of those. It sees no permissions of other APIs, no other grants, and no user data.
"""

import re
from typing import Final

import msgspec

from valetkey.server.model.change_log import Log
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients.authentication import authenticate_resource_server
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import (
    Call,
    Feature,
    Follower,
    LogPosition,
    LogRead,
    Stream,
)
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.spec.names import Cite
from valetkey.wire.change_log import (
    MAX_NONCE,
    Entry,
    Piece,
    blank,
    revoked_delegates_for,
    take_fitting,
)
from valetkey.wire.form import Form

CITE: Final = Cite("RFC 7662", "2.1")
"""Followers authenticate as at introspection."""

LONGEST_WAIT: Final = 30.0
"""The longest time that a request may wait for entries, in seconds."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", re.ASCII)
_NONCE: Final = re.compile(rf"[A-Za-z0-9_-]{{0,{MAX_NONCE}}}", re.ASCII)


def follower(call: Call, context: Context) -> Rule[Follower]:
    """The calling resource server. Raises InvalidClient for other callers."""
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="not a resource server")
    return Follower(resource=server.catalog.resource)


def position(query: Form) -> LogPosition:
    """Parses the start of the requested part, the number of seconds to wait, and the nonce. Raises
    InvalidRequest."""
    after, wait = query.get("after", ""), query.get("wait", "0")
    nonce = query.get("nonce", "")
    if after and not _NUMBER.fullmatch(after):
        raise InvalidRequest("after is not the number of an entry")
    if not _SECONDS.fullmatch(wait) or float(wait) > LONGEST_WAIT:
        raise InvalidRequest(f"wait is not a number of seconds up to {LONGEST_WAIT:.0f}")
    if not _NONCE.fullmatch(nonce):
        raise InvalidRequest(f"nonce is not base64url of at most {MAX_NONCE} characters")
    return LogPosition(after=int(after) if after else None, wait=float(wait), nonce=nonce)


def write(follower: Follower, log: Log, read: LogRead, *, context: Context) -> Piece:
    """The response with this part of the log, which begins after `read.after`."""
    seen = tuple(visible_entry(entry, follower.resource, context) for entry in log.entries)
    entries = take_fitting(seen)
    return Piece(
        iss=context.installation.issuer,
        aud=follower.resource,
        at=read.at,
        node=read.node,
        after=read.after,
        to=read.after + len(entries),
        head=log.head,
        link=log.link or "",
        nonce=read.nonce,
        entries=entries,
    )


def visible_entry(entry: Entry, resource: str, context: Context) -> Entry:
    """The entry without permissions of other resource servers; blank if it is about a grant that
    never had permissions of this one."""
    if entry.about is not None and not context.installation.offer.concerns(entry.about, resource):
        return blank(entry)
    names = context.installation.offer.names_of(resource)
    return msgspec.structs.replace(
        entry,
        permissions=tuple(one for one in entry.permissions if one in names),
        limited=tuple(one for one in entry.limited if one in names),
        revoked_delegates=revoked_delegates_for(entry.revoked_delegates, names),
        listed="",
        about=None,
    )


CHANGE_LOG: Final = Feature(
    name="change log",
    cites=(CITE,),
    endpoints=(
        Stream(
            path="/changes",
            metadata="change_log_endpoint",
            cite=CITE,
            rule=follower,
            position=position,
            write=write,
        ),
    ),
)
