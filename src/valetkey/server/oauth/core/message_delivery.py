"""What becomes of a message for another host: taken by one, delivered, tried again, or given up.

A feature that sends such messages exports a `Delivery`, which writes them. Whoever decides that one
has to go out returns `send(…)` among its changes.
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
"""Seconds to wait after each failure; after the last one it is given up. All together they are less
than the hour for which a retired sealing key is kept."""


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
    """The change by which a message will go out, from `wait` seconds on."""
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
    """Takes a job that is due: nobody else does until the lease is over."""
    if (yield from _there(job)) is None:
        return LeasedJob()
    delivery = deliveries(context).get(job.kind)
    if delivery is not None and delivery.lease is not None:
        return (yield from delivery.lease(job, context))
    leased = msgspec.structs.replace(job, due=context.env.now + LEASE)
    return LeasedJob(job=leased, changes=reschedule(job, leased))


def write_message(job: Job, context: Context) -> Rule[Message | None]:
    """What to send, None where there is no longer a reason to."""
    delivery = deliveries(context).get(job.kind)
    if delivery is None:
        yield from ()
        return None
    return (yield from delivery.write(job, context))


def deliveries(context: Context) -> dict[str, Delivery]:
    """Who writes which messages."""
    return {
        one.kind: one for feature in context.installation.features for one in feature.deliveries
    }


def finish(job: Job, context: Context) -> Rule[Outcome]:
    """It was delivered, or is no longer needed."""
    delivery = deliveries(context).get(job.kind)
    if delivery is not None and delivery.on_delivered is not None:
        return (yield from delivery.on_delivered(job, context))
    stored = yield from _there(job)
    return Outcome() if stored is None else Outcome(changes=(Remove(stored),))


def retry_or_give_up(job: Job, why: str, context: Context, *, final: bool) -> Rule[Outcome]:
    """It was not delivered: again after a pause, or never. `final`: the other side refused it."""
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
    """The job under its new name. Only one of those who try can remove the old one."""
    return (Remove(job), Create(msgspec.structs.replace(to, version=0)))
