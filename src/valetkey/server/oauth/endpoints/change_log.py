"""The change log (`wire.change_log`), for resource servers: who may follow it, and what they see.

A resource server sees that a grant changed that ever opened anything of its own, and what is left
of that: no other API's permissions, no grant of which it never had a token, no user's data.
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
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient, InvalidRequest
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
"""A follower proves itself as whoever introspects does."""

LONGEST_WAIT: Final = 30.0
"""Seconds for which a question may wait for news."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", re.ASCII)
_NONCE: Final = re.compile(rf"[A-Za-z0-9_-]{{0,{MAX_NONCE}}}", re.ASCII)


def follower(call: Call, context: Context) -> Rule[Follower]:
    """The resource server that asks. Raises InvalidClient for anybody else."""
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="not a resource server")
    return Follower(resource=server.catalog.resource)


def position(query: Form) -> LogPosition:
    """From which number on, for how many seconds a question may wait, and the asker's nonce. Raises
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
    """What the follower is told of this part of the log, which begins after `read.after`."""
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
    """The entry with no other resource server's permissions in it; blank, where it is about what
    never opened anything there."""
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
