"""Delivery of signals: by push (RFC 8935) or poll (RFC 8936).

In a push stream only the oldest signal is under way at a time, so signals arrive in order. A job
only says that signals wait; the worker that takes it delivers the first one.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

import msgspec

from valetkey.jose import seal
from valetkey.server.model.change import Change, Remove, Update
from valetkey.server.model.event import event as event_of
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.stream import LEASE, Job, Signal, Stream
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.message_delivery import (
    PAUSES,
    Delivery,
    LeasedJob,
    Message,
    reschedule,
    signed_message,
)
from valetkey.server.oauth.signals import receivers
from valetkey.server.oauth.signals.receivers import NAME, Receiver
from valetkey.spec.names import Cite
from valetkey.wire import security_event
from valetkey.wire.security_event import ALGORITHM, MEDIA, VERIFICATION, SecurityEvent

CITE: Final = Cite("RFC 8935", "2")
PURPOSE: Final = b"authorization of a stream"


def waiting(stream: Stream) -> Rule[list[Signal]]:
    """The waiting signals of a stream, in order."""
    query = Many(Signal, "stream", stream.id)
    return sorted((yield (query,)).many(query), key=lambda one: one.key)


def token(signal: Signal, to: Receiver, context: Context) -> str:
    """The signal as a signed token, the same for each attempt."""
    times = {} if signal.event == VERIFICATION else {"event_timestamp": signal.at}
    event = SecurityEvent(
        iss=context.installation.issuer,
        aud=to.audience,
        jti=signal.id,
        iat=signal.at,
        sub_id=receivers.about(signal, to, context),
        events={signal.event: {**signal.claims, **times}},
        txn=signal.txn,
    )
    return security_event.write(event, key=context.installation.keyring.signing[ALGORITHM])


def still_wanted(
    signals: Iterable[Signal], stream: Stream, to: Receiver, *, context: Context
) -> tuple[list[Signal], list[Change]]:
    """The signals to deliver, and the removal of those about subjects that the receiver has removed
    since."""
    left_out = frozenset(stream.left_out)
    remaining, dropped = list[Signal](), list[Change]()
    for one in signals:
        if left_out and one.user and receivers.known_as(one.user, to, context) in left_out:
            dropped.append(Remove(one))
        else:
            remaining.append(one)
    return remaining, dropped


# --- push ----------------------------------------------------------------------------------------


def take(job: Job, context: Context) -> Rule[LeasedJob]:
    """Takes the first waiting signal, for the time of a lease."""
    stream, to = yield from _stream(job, context)
    if stream is None or to is None:
        return LeasedJob(changes=(Remove(job),))
    signals, dropped = still_wanted((yield from waiting(stream)), stream, to, context=context)
    if not signals:
        return LeasedJob(changes=(Remove(job), *dropped))
    first = signals[0]
    if context.env.now < first.due:
        # It is under way, or was just refused: later signals wait.
        return LeasedJob(
            changes=(*reschedule(job, msgspec.structs.replace(job, due=first.due)), *dropped)
        )
    due = context.env.now + LEASE
    facts = {**job.facts, "signal": first.key}
    leased = msgspec.structs.replace(job, due=due, facts=facts)
    under_way = Update(msgspec.structs.replace(first, due=due))
    return LeasedJob(job=leased, changes=(*reschedule(job, leased), under_way, *dropped))


def write(job: Job, context: Context) -> Rule[Message | None]:
    """The token, if the receiver still has this address."""
    stream, to = yield from _stream(job, context)
    signal = yield from _signal(job)
    if stream is None or to is None or signal is None or stream.url != job.url:
        return None
    headers = {"accept": "application/json"}
    if stream.authorization:
        headers["authorization"] = _opened(stream, context)
    sign = partial(_body, signal, to, context)
    return signed_message(sign, context.installation.keyring, content_type=MEDIA, headers=headers)


def _body(signal: Signal, to: Receiver, context: Context) -> bytes:
    return token(signal, to, context).encode()


def settled(job: Job, context: Context) -> Rule[Outcome]:
    """The signal was delivered or dropped: go on with the next one."""
    row = One(Job, job.key)
    stored = (yield (row,)).one(row)
    signal = yield from _signal(job)
    removal = () if signal is None else (Remove(signal),)
    if stored is None:
        return Outcome(changes=removal)
    rest = {name: text for name, text in stored.facts.items() if name != "signal"}
    again = msgspec.structs.replace(stored, due=context.env.now, facts=rest)
    return Outcome(changes=(*removal, *reschedule(stored, again)))


def failed(job: Job, why: str, context: Context, *, final: bool) -> Rule[Outcome]:
    """The delivery failed. A signal that the receiver refuses is dropped. If the receiver can't be
    reached for half an hour, the stream is paused, and its signals stay."""
    stream, _ = yield from _stream(job, context)
    signal = yield from _signal(job)
    if stream is None or signal is None:
        return (yield from settled(job, context))
    note = event_of(context.env, "undelivered", by="server", note=f"{NAME}: {why}")
    if final:
        # RFC 8935 2.3: a retry would have the same result.
        outcome = yield from settled(job, context)
        return msgspec.structs.replace(outcome, events=(note,))
    row = One(Job, job.key)
    stored = (yield (row,)).one(row)
    over = signal.tried >= len(PAUSES)
    due = 0 if over else context.env.now + PAUSES[signal.tried]
    later = msgspec.structs.replace(signal, due=due, tried=0 if over else signal.tried + 1)
    changes: tuple[Change, ...] = (Update(later),)
    if over:
        paused = msgspec.structs.replace(stream, status="paused", reason="undelivered")
        changes = (*changes, Update(paused), *(() if stored is None else (Remove(stored),)))
        return Outcome(changes=changes, events=(note,))
    if stored is not None:
        changes = (*changes, *reschedule(stored, msgspec.structs.replace(stored, due=due)))
    return Outcome(changes=changes)


def _stream(job: Job, context: Context) -> Rule[tuple[Stream | None, Receiver | None]]:
    """The stream, if it is an enabled push stream, and its receiver."""
    query = One(Stream, job.facts["receiver"])
    stream = (yield (query,)).one(query)
    if stream is None or stream.id != job.facts["stream"]:
        return None, None
    if stream.delivers != "push" or stream.status != "enabled":
        return None, None
    return stream, (yield from receivers.of(stream, context))


def _signal(job: Job) -> Rule[Signal | None]:
    query = One(Signal, job.facts.get("signal", ""))
    return (yield (query,)).one(query)


def seal_authorization(header: str, stream: str, context: Context) -> bytes:
    """The authorization header of a receiver, sealed."""
    nonce = context.env.random_bytes(seal.NONCE)
    return seal.seal(_key(context), header.encode(), nonce=nonce, purpose=_purpose(stream))


def _opened(stream: Stream, context: Context) -> str:
    return seal.unseal(_key(context), stream.authorization, purpose=_purpose(stream.id)).decode()


def _key(context: Context) -> bytes:
    # The salt never rotates. Keys that seal codes are deleted within minutes.
    salt = context.installation.keyring.salt.raw
    if not salt:
        raise ValueError("no salt")
    return seal.mac(salt, PURPOSE)


def _purpose(stream: str) -> bytes:
    return msgspec.json.encode(["valetkey", "stream", stream])


DELIVERY: Final = Delivery(
    kind=NAME, cite=CITE, write=write, lease=take, on_delivered=settled, on_failed=failed
)
