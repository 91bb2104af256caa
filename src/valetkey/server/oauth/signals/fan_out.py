"""Writes signals into the streams of the receivers that a change concerns (see `signals.signals`),
in the same commit as the change.

An app gets signals only about its own users, an API only about users who granted an app something
of its catalog.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from valetkey.jose import base64url
from valetkey.server.model.change import Change, Create
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.record import Record
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.stream import Signal, Stream
from valetkey.server.oauth.core import message_delivery
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.logout.sessions import apps
from valetkey.server.oauth.signals.receivers import NAME
from valetkey.server.oauth.signals.signals import Happened, happened, touched
from valetkey.wire.change_log import revoked_delegates_for
from valetkey.wire.security_event import TOKEN_CLAIMS_CHANGE


class Decided(Protocol):
    """An outcome with changes and events."""

    @property
    def changes(self) -> Sequence[Change]: ...

    @property
    def events(self) -> Sequence[Event]: ...


D = TypeVar("D", bound=Decided)


class Concerned(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The receivers that an occurrence concerns: apps, and APIs by grants or resources."""

    clients: frozenset[str] = frozenset()
    grants: tuple[Grant, ...] = ()
    resources: frozenset[str] | None = None


def with_signals(outcome: D, context: Context) -> Rule[D]:
    """The outcome of a rule, with the signals of its changes."""
    records = touched(outcome.changes) if NAME in context.installation.enabled_features else ()
    if not records:
        return outcome
    signals = yield from _signals(records, outcome.changes, outcome.events, context=context)
    return _with(outcome, signals)


def _with(outcome: D, signals: tuple[Change, ...]) -> D:
    if not signals:
        return outcome
    written: Any = outcome
    more: D = msgspec.structs.replace(written, changes=(*outcome.changes, *signals))
    return more


def _signals(
    records: Iterable[Record],
    changes: Iterable[Change],
    events: Iterable[Event],
    *,
    context: Context,
) -> Rule[tuple[Change, ...]]:
    queries = {(type(one), one.key): One(type(one), one.key) for one in records}
    servers = Many(ResourceServer)
    results = yield (*queries.values(), servers)
    before = {name: was for name, want in queries.items() if (was := results.one(want)) is not None}
    signals: list[Change] = []
    txn = base64url.encode(context.env.random_bytes(12))
    for one in happened(changes, events, before):
        streams = yield from _streams(one, results.many(servers), context)
        for stream, server in streams:
            signals += _signal_changes(
                one, stream, server, number=len(signals), txn=txn, context=context
            )
    return tuple(signals)


def _streams(
    one: Happened, servers: Iterable[ResourceServer], context: Context
) -> Rule[list[tuple[Stream, ResourceServer | None]]]:
    """The streams of concerned receivers, each with its API, None for an app."""
    concerned = yield from _concerned(one, context)
    apis = [server for server in servers if "resource" in one.to and _is_of(server, concerned)]
    queries: dict[One[Stream], ResourceServer | None] = {
        One(Stream, f"client {name}"): None
        for name in sorted(concerned.clients)
        if "client" in one.to
    }
    queries |= {One(Stream, f"resource {server.id}"): server for server in apis}
    if not queries:
        return []
    results = yield tuple(queries)
    pairs = ((results.one(want), server) for want, server in queries.items())
    return [(stream, server) for stream, server in pairs if stream is not None]


def _concerned(one: Happened, context: Context) -> Rule[Concerned]:
    if one.grant is not None:
        both = (one.grant, *(() if one.before is None else (one.before,)))
        return Concerned(clients=frozenset((one.client,)), grants=both)
    if one.to == ("client",):
        signed_in = yield from apps(one.user, context, sids=(one.sid,) if one.sid else ())
        return Concerned(clients=frozenset(app.client.id for app in signed_in))
    if one.user:
        query = Many(Grant, "user", one.user)
        grants = [
            grant
            for grant in (yield (query,)).many(query)
            if grant.status != "stopped" and one.client in ("", grant.client)
        ]
        return Concerned(clients=frozenset(grant.client for grant in grants), grants=tuple(grants))
    client = One(Client, one.client)
    app = (yield (client,)).one(client)
    return Concerned(resources=frozenset(() if app is None else app.scope))


def _is_of(server: ResourceServer, concerned: Concerned) -> bool:
    names = _names(server)
    if concerned.resources is not None:
        return not names.isdisjoint(concerned.resources)
    return any(not names.isdisjoint(grant.permissions) for grant in concerned.grants)


def _names(server: ResourceServer) -> frozenset[str]:
    ids = (permission.id for permission in server.catalog.permissions)
    return frozenset((*ids, *server.catalog.scopes))


def _signal_changes(
    one: Happened,
    stream: Stream,
    server: ResourceServer | None,
    *,
    number: int,
    txn: str,
    context: Context,
) -> Iterator[Change]:
    """The signal and its delivery job, if the stream requested the event."""
    event = next((name for name in one.types if name in stream.requested), None)
    if event is None or stream.status == "disabled":
        return
    claims = dict(one.claims)
    if event == TOKEN_CLAIMS_CHANGE and one.grant is not None and one.before is not None:
        if _view(one.grant, server) == _view(one.before, server):
            return  # The change concerns another API.
        claims["claims"] = _claims(one.grant, server)
    signal = Signal(
        stream=stream.id,
        order=order(context, number, version=0 if one.grant is None else one.grant.version),
        id=base64url.encode(context.env.random_bytes(16)),
        event=event,
        user=one.user,
        client=one.client,
        family=one.family,
        sid=one.sid,
        claims=claims,
        txn=txn,
        at=context.env.now,
    )
    yield from put(stream, signal, context)


def put(stream: Stream, signal: Signal, context: Context) -> Iterator[Change]:
    """Stores the signal, and adds a delivery job for an enabled push stream."""
    yield Create(signal)
    if stream.delivers == "push" and stream.status == "enabled":
        yield delivery_job(stream, context)


def delivery_job(stream: Stream, context: Context) -> Create:
    """The job that delivers waiting signals."""
    facts = {"receiver": stream.receiver, "stream": stream.id}
    return message_delivery.enqueue(NAME, stream.url, context=context, facts=facts)


def order(context: Context, number: int = 0, *, version: int = 0) -> str:
    """A sort key: by time, then by the version of the grant, then by number."""
    moment = context.env.now * 1000 + context.env.millisecond
    return f"{moment:015d}.{version:010d}.{number:03d}"


def _mine(grant: Grant, server: ResourceServer | None) -> tuple[str, ...]:
    if grant.status != "active":
        return ()
    names = None if server is None else _names(server)
    return tuple(one for one in grant.permissions if names is None or one in names)


def _revoked_delegates(grant: Grant, server: ResourceServer | None) -> list[str]:
    """The revoked delegates that the receiver has to know."""
    revoked = grant.revoked_delegates
    return sorted(revoked if server is None else revoked_delegates_for(revoked, _names(server)))


def _view(grant: Grant, server: ResourceServer | None) -> object:
    """All that the receiver can see of a grant."""
    mine = _mine(grant, server)
    bounds = [grant.limits.permissions.get(one) for one in mine]
    return mine, grant.limits.until, bounds, _revoked_delegates(grant, server)


def _claims(grant: Grant, server: ResourceServer | None) -> dict[str, Any]:
    """The claims that a token of the grant would have now."""
    mine = _mine(grant, server)
    limited = [one for one in mine if one in grant.limits.limited_permissions]
    claims = {"scope": " ".join(mine), "limited": limited, "grant_version": grant.version + 1}
    cut = _revoked_delegates(grant, server)
    return claims | ({"cut": cut} if cut else {})
