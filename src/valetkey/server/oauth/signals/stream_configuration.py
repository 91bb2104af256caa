"""The configuration of a stream (Shared Signals Framework 8.1.1)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.stream import DeliveryMethod, Stream, StreamStatus
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.field_checks import why_not_text
from valetkey.server.oauth.signals.receivers import Receiver
from valetkey.server.oauth.signals.signal_delivery import seal_authorization
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import address
from valetkey.wire.security_event import EVENTS, POLL, PUSH

CONFIGURATION: Final = "/signals/stream"
STATUS: Final = "/signals/status"
SUBJECTS_ADD: Final = "/signals/subjects/add"
SUBJECTS_REMOVE: Final = "/signals/subjects/remove"
VERIFY: Final = "/signals/verify"
POLLED: Final = "/signals/poll"

MAX_TEXT: Final = 200
MAX_HEADER: Final = 2048
MAX_ACKS: Final = 1000
MAX_EVENTS: Final = 50

_METHODS: Final[dict[str, DeliveryMethod]] = {PUSH: "push", POLL: "poll"}
_STATUSES: Final[tuple[StreamStatus, ...]] = ("enabled", "paused", "disabled")
_RECEIVERS_OWN: Final = frozenset({"events_requested", "delivery", "description"})


def fresh(document: Mapping[str, Any], by: Receiver, context: Context) -> Stream:
    """A new stream. Raises InvalidRequest."""
    name = ids.free_id(context.env)
    empty = Stream(receiver=by.name, id=name, created=context.env.now)
    return _with(empty, document, context, whole=True)


def replaced(
    was: Stream, document: Mapping[str, Any], by: Receiver, *, context: Context, whole: bool
) -> Stream:
    """The stream after a PUT (`whole`) or PATCH of its receiver. Members that the server sets must
    not differ (8.1.1.3, 8.1.1.4). Raises InvalidRequest."""
    ours = msgspec.json.decode(msgspec.json.encode(describe(was, by, context)))
    for member, value in document.items():
        if member in ours and member not in _RECEIVERS_OWN and value != ours[member]:
            raise InvalidRequest(f"{member[:40]} is not for the receiver to change")
    return _with(was, document, context, whole=whole)


def describe(stream: Stream, by: Receiver, context: Context) -> dict[str, Any]:
    """The configuration, without the receiver's authorization header (ATTACKS A79)."""
    issuer = context.installation.issuer
    push = stream.delivers == "push"
    return {
        "stream_id": stream.id,
        "iss": issuer,
        "aud": by.audience,
        "events_supported": EVENTS,
        "events_requested": stream.requested,
        "events_delivered": stream.requested,
        "delivery": {
            "method": PUSH if push else POLL,
            "endpoint_url": stream.url if push else issuer + POLLED,
        },
        "min_verification_interval": 10,
        **({"description": stream.description} if stream.description else {}),
    }


def _with(was: Stream, document: Mapping[str, Any], context: Context, *, whole: bool) -> Stream:
    fields: dict[str, Any] = {}
    if whole or "events_requested" in document:
        fields["requested"] = _requested(document.get("events_requested", list(EVENTS)))
    if whole or "description" in document:
        fields["description"] = text(document, "description")
    if whole or "delivery" in document:
        fields |= _delivery(document.get("delivery", {"method": POLL}), was, context)
    return msgspec.structs.replace(was, **fields)


def _requested(value: object) -> tuple[str, ...]:
    """The supported event types among the requested ones (8.1.1)."""
    if not isinstance(value, list) or len(value) > MAX_EVENTS:
        raise InvalidRequest("events_requested is no list of event types")
    return tuple(one for one in EVENTS if one in value)


def _delivery(value: object, was: Stream, context: Context) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("method") not in _METHODS:
        raise InvalidRequest("delivery has no method that there is")
    if _METHODS[value["method"]] == "poll":
        return {"delivers": "poll", "url": "", "authorization": b""}
    url, header = value.get("endpoint_url"), value.get("authorization_header", "")
    why = address.why_not(url) if isinstance(url, str) else "is missing"
    if why:
        raise InvalidRequest(f"endpoint_url {why}")
    if not isinstance(header, str) or len(header) > MAX_HEADER or not _is_header(header):
        raise InvalidRequest("authorization_header is none")
    authorization = seal_authorization(header, was.id, context) if header else b""
    if not header and url == was.url:
        # A receiver that writes the configuration back keeps its header, which it can't read (A53).
        # At a new address the old header is never sent (A79).
        authorization = was.authorization
    return {"delivers": "push", "url": url, "authorization": authorization}


def _is_header(text: str) -> bool:
    return text.isascii() and (not text or text.isprintable())


def text(document: Mapping[str, Any], member: str) -> str:
    """A line of text, "" if it is missing. Raises InvalidRequest."""
    value = document.get(member, "")
    if not isinstance(value, str) or (value and why_not_text(value, MAX_TEXT)):
        raise InvalidRequest(f"{member} is no line of at most {MAX_TEXT} characters")
    return value


def status(document: Mapping[str, Any]) -> StreamStatus:
    """The requested status. Raises InvalidRequest."""
    for one in _STATUSES:
        if document.get("status") == one:
            return one
    raise InvalidRequest("status is none of enabled, paused and disabled")


def subject(document: Mapping[str, Any], context: Context) -> str:
    """The `sub` of the subject, as the receiver knows it. Raises InvalidRequest."""
    member = document.get("subject")
    if (
        isinstance(member, dict)
        and member.get("format") == "complex"
        and set(member) == {"format", "user"}
    ):
        member = member["user"]
    if not isinstance(member, dict) or member.get("format") != "iss_sub":
        raise InvalidRequest("the subject is not of the format iss_sub")
    name = member.get("sub")
    if (
        member.get("iss") != context.installation.issuer
        or not isinstance(name, str)
        or not 0 < len(name) <= 255
    ):
        raise InvalidRequest("the subject is not one of this issuer's")
    return name


def polled(document: Mapping[str, Any], *, most: int) -> tuple[int, frozenset[str]]:
    """The most tokens to return, and the ids of acknowledged ones (RFC 8936 2.2). Raises
    InvalidRequest."""
    number, acks, errors = (
        document.get("maxEvents", most),
        document.get("ack", []),
        document.get("setErrs", {}),
    )
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise InvalidRequest("maxEvents is no number")
    if not isinstance(acks, list) or not all(isinstance(one, str) for one in acks):
        raise InvalidRequest("ack is no list of names")
    if not isinstance(errors, dict) or not isinstance(
        document.get("returnImmediately", False), bool
    ):
        raise InvalidRequest("setErrs or returnImmediately is none")
    if len(acks) + len(errors) > MAX_ACKS:
        raise InvalidRequest(f"more than {MAX_ACKS} are acknowledged at once")
    return min(number, most), frozenset((*acks, *errors))
