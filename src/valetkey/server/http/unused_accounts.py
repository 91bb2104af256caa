"""Goes through all accounts once a day, for those that nobody uses (`accounts.unused_days`)."""

from functools import partial
from typing import Final

import msgspec

from valetkey.server.accounts.profile import profile_owner
from valetkey.server.http.background import run_steps
from valetkey.server.http.shell import Shell
from valetkey.server.model.change import put
from valetkey.server.model.event import Event
from valetkey.server.model.last_use import DAY, IndexState, LastUse, user_use_id
from valetkey.server.model.query import One, PageQuery
from valetkey.server.model.user import User
from valetkey.server.oauth.admin.unused_accounts import is_idle, newest_use, notify_or_disable
from valetkey.server.store.port import Store

STEP: Final = 50
"""Accounts of one step."""

PAUSE: Final = 0.2
"""Seconds between two steps."""

REST: Final = 3600.0
"""Seconds between two looks for something to do."""

EVENTS: Final = 100
"""Events that are read at once."""

STATE: Final = "unused accounts"


async def run(shell: Shell, days: int) -> None:
    """Goes through all accounts, once a day for all servers together."""
    await run_steps(lambda: step(shell, days), what="unused accounts", pause=PAUSE, rest=REST)


async def step(shell: Shell, days: int) -> bool:
    """Looks at some accounts. Returns whether there are more to look at now. Several servers may do
    it at the same time: each user is notified once, and one server loses the race for the step.
    Raises Unavailable, TemporarilyUnavailable, Stale."""
    query = One(IndexState, STATE)
    before = (await shell.store.read(query)).one(query)
    state = before or IndexState(kind=STATE, terms=0)
    now = (await shell.context()).env.now
    if not state.before and now < state.ended + DAY:
        return False
    walk = PageQuery(record=User, before=state.before, limit=STEP, walk=True)
    page = await shell.store.page(walk)
    uses = {one.id: One(LastUse, user_use_id(one.id)) for one in page.records}
    results = await shell.store.read(*uses.values()) if uses else None
    for user in page.records:
        use = results.one(uses[user.id]) if results else None
        if is_idle(user, use, days=days, now=now):
            await _look_at(shell, user.id, days)
    after = msgspec.structs.replace(state, before=page.next)
    if not page.next:
        after = msgspec.structs.replace(after, rounds=state.rounds + 1, ended=now)
    await shell.store.commit([put(after, before)])
    return bool(page.next)


async def _look_at(shell: Shell, user: str, days: int) -> None:
    """Notifies the user or disables the account, if it is unused and no source's."""
    if not await shell.ask(lambda context: profile_owner(user)):
        last_act = await _newest_use(shell.store, user)
        await shell.settle(partial(notify_or_disable, user, last_act=last_act, days=days))


async def _newest_use(store: Store, user: str) -> int:
    """The time of the user's newest act, 0 for none. However often strangers have tried to sign in
    since then, it is found: all events are read, some at a time."""
    before = ""
    while True:
        query = PageQuery(record=Event, index="user", value=user, before=before, limit=EVENTS)
        page = await store.page(query)
        if used := newest_use(page.records):
            return used
        before = page.next
        if not before:
            return 0
