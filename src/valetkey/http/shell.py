"""The shell: reads what a rule needs, lets it decide, commits."""

import time
from collections.abc import Callable
from os import urandom
from typing import TypeVar

from valetkey.http.installation import Installations
from valetkey.model.env import Env
from valetkey.model.want import Rule
from valetkey.oauth.context import Context
from valetkey.store.port import Store
from valetkey.store.settle import TRIES, Decided, ask, settle

T = TypeVar("T")
D = TypeVar("D", bound=Decided)


class Shell:
    """Runs rules against the store, each with the context of its moment."""

    def __init__(self, store: Store, installations: Installations) -> None:
        self.store = store
        self._installations = installations

    async def context(self) -> Context:
        """This moment. Raises Unavailable."""
        now, millisecond = divmod(time.time_ns() // 1_000_000, 1000)
        return Context(await self._installations.current(), Env(now, urandom, millisecond))

    async def ask(self, rule: Callable[[Context], Rule[T]]) -> T:
        """What the rule finds; nothing is written."""
        return await ask(self.store, rule(await self.context()))

    async def settle(
        self, rule: Callable[[Context], Rule[D]], *, tries: int = TRIES
    ) -> tuple[D, Context]:
        """What the rule decided, committed, and the context in which it did. `tries` says how many
        races it may lose."""
        context = await self.context()
        return await settle(self.store, lambda: rule(context), tries=tries), context
