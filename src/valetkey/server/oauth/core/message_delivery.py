"""The delivery of messages to other hosts: one node leases a message, sends it, and tries again or
gives up after a failure.

A feature with such messages exports a `Delivery`, which writes them. A rule that wants to send one
returns `enqueue(…)` among its changes.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from valetkey.jose import seal
from valetkey.server.accounts.notices import Letter, NoticeKind, tell
from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Remove
from valetkey.server.model.client import Client
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant
from valetkey.server.model.keys import KeyGone, Keyring
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import One, Rule
from valetkey.server.model.stream import LEASE, Job
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.spec.errors import InvalidRequest
from valetkey.spec.names import Cite
from valetkey.wire.form import Form

# Messages to other hosts: what a feature sends, and how a delivery ends.
#
# One node leases a message, writes it, and finishes it or handles the failure.


class LeasedJob(Outcome, frozen=True, kw_only=True, eq=False):
    """A job with a lease; None if another node has it, or if it is not due."""

    job: Job | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is posted to another host. `sign` makes its body, if that is not signed
    yet."""

    body: bytes = b""
    content_type: str
    headers: dict[str, str] = {}
    sign: Callable[[], bytes] | None = None

    def __repr__(self) -> str:
        return "Message(…)"


def signed_message(
    sign: Callable[[], bytes],
    keyring: Keyring,
    *,
    content_type: str,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Message:
    """A message that `sign` makes: at once, or just before it is sent if a service far away
    signs."""
    message = Message(content_type=content_type, headers=dict(headers), sign=sign)
    if keyring.pool is not None:
        return message
    return msgspec.structs.replace(message, body=sign(), sign=None)


class OnFailed(Protocol):
    """Handles a failed delivery. `final`: the other host refused the message."""

    def __call__(self, job: Job, why: str, context: Context, *, final: bool) -> Rule[Outcome]: ...


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of message to other hosts. `write` writes one when it is sent, or returns None if it
    is no longer needed. `lease`, `on_delivered` and `on_failed` replace the default of
    `core.message_delivery`."""

    kind: str
    cite: Cite
    write: Callable[[Job, Context], Rule[Message | Letter | None]]
    lease: Callable[[Job, Context], Rule[LeasedJob]] | None = None
    on_delivered: Callable[[Job, Context], Rule[Outcome]] | None = None
    on_failed: OnFailed | None = None


PAUSES: Final = (2, 10, 30, 120, 600, 1200)
"""Seconds to wait after each failure. After the last one the message is dropped. The sum is less
than the hour for which a retired sealing key is stored."""


def enqueue(
    kind: str,
    url: str,
    *,
    context: Context,
    user: str = "",
    client: str = "",
    facts: Mapping[str, str] = {},
    sealed: bytes = b"",
    wait: int = 0,
) -> Create:
    """The change that queues a message, to be sent `wait` seconds from now."""
    return Create(
        Job(
            id=ids.to_text(context.env.random_bytes(ids.LENGTH)),
            kind=kind,
            url=url,
            due=context.env.now + wait,
            created=context.env.now,
            user=user,
            client=client,
            facts=dict(facts),
            sealed=sealed,
        )
    )


def lease(job: Job, context: Context) -> Rule[LeasedJob]:
    """Lease a job that is due. No other node gets it until the lease ends."""
    if (yield from _there(job)) is None:
        return LeasedJob()
    delivery = deliveries(context).get(job.kind)
    if delivery is not None and delivery.lease is not None:
        return (yield from delivery.lease(job, context))
    leased = msgspec.structs.replace(job, due=context.env.now + LEASE)
    return LeasedJob(job=leased, changes=reschedule(job, leased))


def write_message(job: Job, context: Context) -> Rule[Message | Letter | None]:
    """Write the message, or the mail; None if it is no longer needed."""
    delivery = deliveries(context).get(job.kind)
    if delivery is None:
        yield from ()
        return None
    return (yield from delivery.write(job, context))


def deliveries(context: Context) -> dict[str, Delivery]:
    """The enabled deliveries by the kind of their messages."""
    return {
        one.kind: one for feature in context.installation.features for one in feature.deliveries
    }


def finish(job: Job, context: Context) -> Rule[Outcome]:
    """Finish a job whose message was delivered or is no longer needed."""
    delivery = deliveries(context).get(job.kind)
    if delivery is not None and delivery.on_delivered is not None:
        return (yield from delivery.on_delivered(job, context))
    stored = yield from _there(job)
    return Outcome() if stored is None else Outcome(changes=(Remove(stored),))


def retry_or_give_up(job: Job, why: str, context: Context, *, final: bool) -> Rule[Outcome]:
    """Handle a failed delivery: schedule another attempt, or drop the message. `final`: the other
    host refused it."""
    delivery = deliveries(context).get(job.kind)
    if delivery is not None and delivery.on_failed is not None:
        return (yield from delivery.on_failed(job, why, context, final=final))
    stored = yield from _there(job)
    if stored is None:
        return Outcome()
    if final or stored.tried >= len(PAUSES):
        undelivered = event(
            context.env,
            "undelivered",
            by="server",
            user=job.user,
            client=job.client,
            note=f"{job.kind}: {why}",
        )
        return Outcome(changes=(Remove(stored),), events=(undelivered,))
    due = context.env.now + PAUSES[stored.tried]
    return Outcome(
        changes=reschedule(stored, msgspec.structs.replace(stored, due=due, tried=stored.tried + 1))
    )


def postpone(job: Job, seconds: int, context: Context) -> Rule[Outcome]:
    """Put a job off that nobody can send now."""
    stored = yield from _there(job)
    if stored is None:
        return Outcome()
    later = msgspec.structs.replace(stored, due=context.env.now + seconds)
    return Outcome(changes=reschedule(stored, later))


def _there(job: Job) -> Rule[Job | None]:
    wanted = One(Job, job.key)
    return (yield (wanted,)).one(wanted)


def reschedule(job: Job, to: Job) -> tuple[Change, ...]:
    """Store the job under a new name. Only one of several nodes can remove the old one."""
    return (Remove(job), Create(msgspec.structs.replace(to, version=0)))


# Ping delivery: the server notifies an app when there is an answer, so the app need not poll (CIBA
# Core 10.2). The server posts the name of the request to the app's address, with the app's own
# token.
#
# Both are secrets, so they are stored sealed until they are sent.

CITE: Final = Cite("OpenID Connect CIBA", "10.2")
KIND: Final = "backchannel ping"
PURPOSE: Final = b"backchannel ping"

# RFC 6750 2.1: b64token. CIBA Core 7.1: at most 1024, and hard to guess.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{20,1024}=*", re.ASCII)


class _Notification(msgspec.Struct, array_like=True):
    handle: str
    token: str


def seal_notification(form: Form, client: Client, *, handle: str, context: Context) -> bytes:
    """Seal what the notification needs; b"" for an app that polls. Raises InvalidRequest if the app
    sent no valid token for the notification (CIBA Core 7.1)."""
    if client.backchannel_token_delivery_mode != "ping":
        return b""
    token = form.get("client_notification_token", "")
    if not _TOKEN.fullmatch(token) or len(token) > 1024:
        raise InvalidRequest("client_notification_token is missing or too easy to guess")
    raw = msgspec.msgpack.encode(_Notification(handle, token))
    nonce = context.env.random_bytes(seal.NONCE)
    return context.installation.keyring.seal(raw, nonce=nonce, purpose=PURPOSE)


def notify(row: Pending, client: Client, context: Context) -> tuple[Change, ...]:
    """The notification that there is an answer, for an app that registered for one."""
    wanted = client.backchannel_token_delivery_mode == "ping"
    if row.decoupled is None or not row.decoupled.notify or not wanted:
        return ()
    address = client.backchannel_client_notification_endpoint
    notify = row.decoupled.notify
    return (enqueue(KIND, address, context=context, client=client.id, sealed=notify),)


def write(job: Job, context: Context) -> Rule[Message | None]:
    """Write the notification, if the app still has this address."""
    wanted = One(Client, job.client)
    client = (yield (wanted,)).one(wanted)
    if client is None or client.status != "active":
        return None
    if client.backchannel_client_notification_endpoint != job.url:
        return None
    try:
        raw = context.installation.keyring.unseal(job.sealed, purpose=PURPOSE)
    except KeyGone:
        return None
    inside = msgspec.msgpack.decode(raw, type=_Notification)
    return Message(
        body=msgspec.json.encode({"auth_req_id": inside.handle}),
        content_type="application/json",
        headers={"authorization": f"Bearer {inside.token}"},
    )


DELIVERY: Final = Delivery(kind=KIND, cite=CITE, write=write)


def notify_of_app(
    kind: NoticeKind,
    *,
    user: str,
    client: str,
    grant: str,
    facts: Mapping[str, str],
    context: Context,
) -> tuple[Create, ...]:
    """The changes that notify a user about an app's access (see `accounts.notices.tell`)."""
    return tell(
        kind,
        user=user,
        env=context.env,
        to=context.installation.notices,
        client=client,
        grant=grant,
        facts=facts,
    )


def notify_of_grant(
    kind: NoticeKind, grant: Grant, context: Context, **facts: str
) -> tuple[Create, ...]:
    """The same, about a grant."""
    return notify_of_app(
        kind, user=grant.user, client=grant.client, grant=grant.id, facts=facts, context=context
    )
