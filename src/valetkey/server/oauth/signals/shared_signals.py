"""Shared signals (Shared Signals Framework 8): an API or an app registers a stream to get events
about the grants of its users. A receiver sees only its own stream (ATTACKS A77)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

import msgspec

from valetkey.jose import base64url
from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.query import One, Rule
from valetkey.server.model.stream import Signal, Stream
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Refuse, signed_by
from valetkey.server.oauth.core.feature import Call, ClientScopes, Endpoint, Feature, document
from valetkey.server.oauth.signals import signal_delivery, stream_configuration
from valetkey.server.oauth.signals.fan_out import delivery_job, order, put
from valetkey.server.oauth.signals.receivers import (
    MANAGE,
    NAME,
    READ,
    SCOPES,
    Receiver,
    receiver,
    receives,
)
from valetkey.server.oauth.signals.signal_delivery import DELIVERY, still_wanted, token, waiting
from valetkey.server.oauth.signals.stream_configuration import (
    CONFIGURATION,
    POLLED,
    STATUS,
    SUBJECTS_ADD,
    SUBJECTS_REMOVE,
    VERIFY,
    describe,
    fresh,
    replaced,
)
from valetkey.spec.errors import InvalidRequest, SlowDown
from valetkey.spec.names import Cite
from valetkey.wire import dpop, security_event
from valetkey.wire.security_event import POLL, PUSH, VERIFICATION

CITE: Final = Cite("Shared Signals Framework", "8")
POLLING: Final = Cite("RFC 8936", "2")

WELL_KNOWN: Final = "/.well-known/ssf-configuration"

BETWEEN: Final = 10
"""The least number of seconds between two verifications."""

MOST: Final = 100
"""The most tokens in one response."""

MOST_LEFT_OUT: Final = 10_000
"""The most subjects that a receiver may remove from its stream."""


# --- the stream ----------------------------------------------------------------------------------


def configuration(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Creates, reads, changes and deletes the caller's stream (Shared Signals Framework 8.1.1)."""
    by = yield from receiver(call, READ if call.method == "GET" else MANAGE, context)
    there = yield from _stream_of(by)
    if call.method == "POST":
        if there is not None:
            raise InvalidRequest("there is a stream already", status=409)
        stream = fresh(call.document, by, context)
        return Answer(document=describe(stream, by, context), changes=(Create(stream),))
    if call.method == "GET":
        return Answer(document=_read(call, there, by, context=context))
    if call.method == "DELETE":
        stream = _require_stream(call.query.get("stream_id", ""), there)
        rest = yield from waiting(stream)
        return Answer(document=None, changes=(Remove(stream), *(Remove(one) for one in rest)))
    was = _require_stream(call.document.get("stream_id"), there)
    now = replaced(was, call.document, by, context=context, whole=call.method == "PUT")
    changes: tuple[Change, ...] = (Update(now),)
    if now.delivers == "push" and now.status == "enabled" and now.url != was.url:
        changes = (*changes, delivery_job(now, context))
    return Answer(document=describe(now, by, context), changes=changes)


def status(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Reads or sets the status of the stream (Shared Signals Framework 8.1.2). A paused stream
    stores signals, a disabled one doesn't."""
    by = yield from receiver(call, READ if call.method == "GET" else MANAGE, context)
    source = call.query if call.method == "GET" else call.document
    stream = _require_stream(source.get("stream_id"), (yield from _stream_of(by)))
    if call.method == "GET":
        return Answer(document=_status(stream))
    new_status = stream_configuration.status(call.document)
    reason = stream_configuration.text(call.document, "reason")
    now = msgspec.structs.replace(stream, status=new_status, reason=reason)
    changes: tuple[Change, ...] = (Update(now),)
    if new_status == "disabled":
        changes = (*changes, *(Remove(one) for one in (yield from waiting(stream))))
    elif new_status == "enabled" and stream.status != "enabled" and stream.delivers == "push":
        changes = (*changes, delivery_job(now, context))
    return Answer(document=_status(now), changes=changes)


def add_subject(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Adds a subject again. The response doesn't reveal whether there is one (9.1)."""
    stream, name = yield from _subject(call, context)
    if name not in stream.left_out:
        return Answer(document=None)
    subjects = tuple(one for one in stream.left_out if one != name)
    return _left_out(stream, subjects)


def remove_subject(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Removes a subject from the stream."""
    stream, name = yield from _subject(call, context)
    if name in stream.left_out:
        return Answer(document=None)
    if len(stream.left_out) >= MOST_LEFT_OUT:
        raise InvalidRequest("the stream leaves out too many", status=403)
    return _left_out(stream, (*stream.left_out, name))


def verify(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Sends a verification event, so that the receiver can check its stream (8.1.4)."""
    by = yield from receiver(call, MANAGE, context)
    stream = _require_stream(call.document.get("stream_id"), (yield from _stream_of(by)))
    state = stream_configuration.text(call.document, "state")
    if context.env.now < stream.verified + BETWEEN:
        raise SlowDown("verifications come too often", status=429)
    signal = Signal(
        stream=stream.id,
        order=order(context),
        id=base64url.encode(context.env.random_bytes(16)),
        event=VERIFICATION,
        claims={"state": state} if state else {},
        at=context.env.now,
    )
    verified = Update(msgspec.structs.replace(stream, verified=context.env.now))
    return Answer(document=None, changes=(verified, *put(stream, signal, context)))


def poll(call: Call, context: Context) -> Rule[Answer | Refuse]:
    """Accepts acknowledgements, and returns waiting signals (RFC 8936 2). It ignores
    acknowledgements of signals that don't wait in the caller's own stream."""
    by = yield from receiver(call, READ, context)
    stream = yield from _stream_of(by)
    if stream is None or stream.delivers != "poll":
        raise InvalidRequest("there is no stream to be polled", status=404)
    most, acknowledged = stream_configuration.polled(call.document, most=MOST)
    signals, dropped = still_wanted((yield from waiting(stream)), stream, by, context=context)
    delivered = [one for one in signals if one.id in acknowledged]
    rest = [one for one in signals if one.id not in acknowledged]
    if stream.status != "enabled":
        rest = []
    make = partial(_document, rest, by, most=most, context=context)
    changes = (*dropped, *(Remove(one) for one in delivered))
    return Answer(document=signed_by(context.installation.keyring, make), changes=changes)


def _document(
    rest: Sequence[Signal], by: Receiver, *, most: int, context: Context
) -> dict[str, Any]:
    document: dict[str, Any] = {"sets": {one.id: token(one, by, context) for one in rest[:most]}}
    if len(rest) > most:
        document["moreAvailable"] = True
    return document


def waits(call: Call, answer: Answer) -> bool:
    """Whether a poll waits until there is a signal (RFC 8936 2.2)."""
    document: Any = answer.document
    if call.document.get("returnImmediately", False) or call.document.get("maxEvents") == 0:
        return False
    if call.scheme.lower() == dpop.SCHEME.lower():
        return False  # A proof is valid for one request.
    return not document["sets"]


# --- receivers and streams -----------------------------------------------------------------------


def _stream_of(by: Receiver) -> Rule[Stream | None]:
    query = One(Stream, by.name)
    return (yield (query,)).one(query)


def _require_stream(name: object, stream: Stream | None) -> Stream:
    """The caller's stream, if it has this id. Raises InvalidRequest."""
    if not isinstance(name, str) or not name:
        raise InvalidRequest("stream_id is missing")
    if stream is None or stream.id != name:
        raise InvalidRequest("there is no such stream", status=404)
    return stream


def _read(call: Call, there: Stream | None, by: Receiver, *, context: Context) -> object:
    if "stream_id" in call.query:
        return describe(_require_stream(call.query["stream_id"], there), by, context)
    return [] if there is None else [describe(there, by, context)]


def _status(stream: Stream) -> dict[str, str]:
    reason = {"reason": stream.reason} if stream.reason else {}
    return {"stream_id": stream.id, "status": stream.status, **reason}


def _subject(call: Call, context: Context) -> Rule[tuple[Stream, str]]:
    by = yield from receiver(call, MANAGE, context)
    stream = _require_stream(call.document.get("stream_id"), (yield from _stream_of(by)))
    return stream, stream_configuration.subject(call.document, context)


def _left_out(stream: Stream, subjects: tuple[str, ...]) -> Answer:
    changed = Update(msgspec.structs.replace(stream, left_out=subjects))
    return Answer(document=None, changes=(changed,))


# --- the feature ---------------------------------------------------------------------------------


def _metadata(context: Context) -> Mapping[str, Any]:
    """Shared Signals Framework 7.1."""
    issuer = context.installation.issuer
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "delivery_methods_supported": (PUSH, POLL),
        "configuration_endpoint": issuer + CONFIGURATION,
        "status_endpoint": issuer + STATUS,
        "add_subject_endpoint": issuer + SUBJECTS_ADD,
        "remove_subject_endpoint": issuer + SUBJECTS_REMOVE,
        "verification_endpoint": issuer + VERIFY,
        "critical_subject_members": ("user", "application", "device", "session"),
        "authorization_schemes": (
            {"spec_urn": "urn:ietf:rfc:6749"},
            {"spec_urn": "urn:ietf:rfc:7617"},
        ),
        "default_subjects": "ALL",
    }


def _endpoint(
    path: str,
    rule: Any,
    *methods: str,
    status: Literal[200, 201, 204] = 200,
    cite: Cite = CITE,
    **more: Any,
) -> Endpoint:
    return Endpoint(
        path=path,
        metadata="",
        cite=cite,
        methods=methods,
        reads="json",
        rule=rule,
        status=status,
        cross_origin=False,
        **more,
    )


SHARED_SIGNALS: Final = Feature(
    name=NAME,
    client_scopes=(ClientScopes(names=SCOPES, may_use=receives),),
    cites=(CITE, security_event.CITE, signal_delivery.CITE, POLLING),
    endpoints=(
        Endpoint(
            path=WELL_KNOWN,
            metadata="",
            cite=CITE,
            methods=("GET", "HEAD"),
            who="nobody",
            reads="nothing",
            rule=document(_metadata),
            max_age=lambda _: 300,
        ),
        _endpoint(
            CONFIGURATION, configuration, "GET", "POST", "PUT", "PATCH", "DELETE", status=201
        ),
        _endpoint(STATUS, status, "GET", "POST"),
        _endpoint(SUBJECTS_ADD, add_subject, "POST"),
        _endpoint(SUBJECTS_REMOVE, remove_subject, "POST", status=204),
        _endpoint(VERIFY, verify, "POST", status=204),
        _endpoint(POLLED, poll, "POST", cite=POLLING, waits=waits),
    ),
    deliveries=(DELIVERY,),
)
