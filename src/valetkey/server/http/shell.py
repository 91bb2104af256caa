"""The shell: reads what a rule needs, lets it decide, commits."""

import time
from collections.abc import Callable
from os import urandom
from typing import TypeVar

from valetkey.server.http.installation import Installations
from valetkey.server.model.change import Change, Create
from valetkey.server.model.environment import Env
from valetkey.server.model.job import Job
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.signals.app_receivers import NAME as SIGNALS
from valetkey.server.oauth.signals.fan_out import with_signals
from valetkey.server.store.port import Store
from valetkey.server.store.settle import TRIES, Decided, Fetch, ask, nothing, settle

T = TypeVar("T")
D = TypeVar("D", bound=Decided)


class Shell:
    """Runs rules against the store, each with the context of its moment. `fetch` answers what they
    want from outside."""

    def __init__(
        self, store: Store, installations: Installations, *, fetch: Fetch = nothing
    ) -> None:
        self.store = store
        self._installations = installations
        self._fetch = fetch
        self.goes_out: Callable[[], None] = lambda: None
        """Is told when there is a message that may go out at once."""

    def fresh(self) -> Context | None:
        """This moment, where what decides it is at hand."""
        fresh = self._installations.fresh()
        return None if fresh is None else _at(fresh)

    async def context(self) -> Context:
        """This moment, for whatever decides. Raises Unavailable."""
        return _at(await self._installations.current())

    async def known(self) -> Context:
        """The last moment that is known, for what is only published. Raises Unavailable where none
        is."""
        return _at(self._installations.fresh() or await self._installations.known())

    async def ask(self, rule: Callable[[Context], Rule[T]]) -> T:
        """What the rule finds; nothing is written."""
        return await ask(self.store, rule(await self.context()), fetch=self._fetch)

    async def settle(
        self, rule: Callable[[Context], Rule[D]], *, tries: int = TRIES
    ) -> tuple[D, Context]:
        """What the rule decided, committed, and the context in which it did. `tries` says how many
        races it may lose."""
        context = await self.context()
        return await self.settled(rule, context, tries=tries), context

    async def settled(
        self, rule: Callable[[Context], Rule[D]], context: Context, *, tries: int = TRIES
    ) -> D:
        """The same, in a context that is this moment's."""
        has_signals = SIGNALS in context.installation.enabled_features
        decision = await settle(
            self.store,
            lambda: rule(context),
            then=(lambda outcome: with_signals(outcome, context)) if has_signals else None,
            tries=tries,
            fetch=self._fetch,
        )
        if decision.changes and any(_goes_out(change, context) for change in decision.changes):
            self.goes_out()
        return decision


def _goes_out(change: Change, context: Context) -> bool:
    record = change.record
    return isinstance(record, Job) and record.due <= context.env.now and isinstance(change, Create)


def _at(installation: Installation) -> Context:
    now, millisecond = divmod(time.time_ns() // 1_000_000, 1000)
    return Context(installation, Env(now, urandom, millisecond))
