"""The delivery of messages to other hosts: one node leases a message, sends it, and tries again or
gives up after a failure.

A feature with such messages exports a `Delivery`, which writes them. A rule that wants to send one
returns `enqueue(…)` among its changes.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from valetkey.server.model import ids
from valetkey.server.model.change import Change, Create, Remove
from valetkey.server.model.event import event
from valetkey.server.model.job import LEASE, Job
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.outbound_message import Delivery, LeasedJob, Message

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


def write_message(job: Job, context: Context) -> Rule[Message | None]:
    """Write the message; None if it is no longer needed."""
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


def _there(job: Job) -> Rule[Job | None]:
    wanted = One(Job, job.key)
    return (yield (wanted,)).one(wanted)


def reschedule(job: Job, to: Job) -> tuple[Change, ...]:
    """Store the job under a new name. Only one of several nodes can remove the old one."""
    return (Remove(job), Create(msgspec.structs.replace(to, version=0)))
