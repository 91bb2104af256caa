"""Alarms: misuse of a shard suspends the key, and the server notifies its user."""

from collections.abc import Iterable
from typing import Final

import msgspec

from valetkey.server.model.change import Change, Count, Update
from valetkey.server.model.counters import Throttle
from valetkey.server.model.event import event
from valetkey.server.model.grant import Shards, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Refuse
from valetkey.server.oauth.core.message_delivery import notify_of_app
from valetkey.server.oauth.shards.presentation import Alarm, PresentedShards
from valetkey.spec.errors import InvalidGrant, KeySuspended
from valetkey.wire.key_shards import Holder
from valetkey.wire.token_response import KEY_SUSPENDED

GUESSES: Final = 5
"""Wrong recovery codes that cause an alarm."""

GUESS_SECONDS: Final = 3600
"""Seconds in which they are counted together."""

MIXED: Final = InvalidGrant("the key shards are of different keys")


def sharded(family: TokenFamily | None, context: Context) -> tuple[TokenFamily, Shards]:
    """The family and its shards, if the key is open and sharded. Raises InvalidGrant,
    KeySuspended."""
    if family is None or family.shards is None:
        raise InvalidGrant(detail="no key in shards has that name")
    if family.status == "suspended":
        raise KeySuspended(detail=f"family {family.id}", reason=KEY_SUSPENDED)
    if family.status != "open" or context.env.now >= family.expires:
        raise InvalidGrant(detail=f"the family is {family.status} or expired")
    return family, family.shards


def suspend(family: TokenFamily, alarm: Alarm, context: Context) -> Refuse:
    """Suspends the key, and refuses the request."""
    return _all(((family, alarm),), alarm, context)


def mixed(presented: PresentedShards, first: TokenFamily, context: Context) -> Rule[Refuse | None]:
    """The alarm in each key, if the shards are of several keys; None if they are of one."""
    if len(presented.families) == 1:
        return None
    queries = [One(TokenFamily, name) for name in presented.families if name != first.id]
    results = yield tuple(queries)
    others = [one for want in queries if (one := results.one(want)) is not None]
    why = "it was shown together with a shard of another key"
    alarms = [
        (one, Alarm(_holder(one.shards, presented, one.id), why, MIXED))
        for one in (first, *others)
        if one.shards is not None and one.status == "open"
    ]
    return _all(alarms, Alarm("device", why, MIXED), context)


def guessed(family: TokenFamily, shards: Shards, context: Context) -> Rule[Refuse]:
    """Refuses a wrong recovery code, and counts it. The last allowed one causes an alarm."""
    error = InvalidGrant("the recovery code is not the one of this key")
    now = context.env.now
    more = Count(
        Throttle(
            bucket=f"recovery code {family.id}", tried=1, since=now, expires=now + GUESS_SECONDS
        )
    )
    if (yield (more,)).counter(more).tried < GUESSES:
        return Refuse(error=error)
    return suspend(family, Alarm("recovery_code", "somebody is guessing it", error), context)


def _all(
    alarms: Iterable[tuple[TokenFamily, Alarm]], alarm_of_request: Alarm, context: Context
) -> Refuse:
    changes: list[Change] = []
    events = []
    for family, alarm in alarms:
        if family.shards is None:
            continue
        shards = msgspec.structs.replace(family.shards, alarm=alarm.holder)
        changes.append(
            Update(
                msgspec.structs.replace(
                    family, status="suspended", because=alarm.why, shards=shards
                )
            )
        )
        reason = f"{NAMES[alarm.holder]}: {alarm.why}"
        changes += notify_of_app(
            "access_suspended",
            user=family.user,
            client=family.client,
            grant=family.grant,
            facts={"device": family.device, "reason": reason},
            context=context,
        )
        events.append(
            event(
                context.env,
                "suspended",
                by="server",
                user=family.user,
                client=family.client,
                grant=family.grant,
                note=family.device,
                reason=reason,
            )
        )
    return Refuse(error=alarm_of_request.error, changes=tuple(changes), events=tuple(events))


NAMES: Final[dict[str, str]] = {
    "device": "the device's shard",
    "backend": "the shard of the app's server",
    "second_device": "the second device's shard",
    "recovery_code": "the recovery code",
}
"""The names of holders in the history."""


def _holder(shards: Shards, presented: PresentedShards, family: str) -> Holder:
    shown = [at for name, at in presented.numbers if name == family]
    return shards.of[shown[0]].holder if shown and shown[0] < len(shards.of) else "device"
