"""The shell: reads what a rule needs, runs it, and commits its changes."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from os import urandom
from typing import Any, TypeVar

from valetkey.server.http.installation import Installations
from valetkey.server.http.secret_uses import RecentSecretUses
from valetkey.server.model.change import Create
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring, SigningKey, Use
from valetkey.server.model.query import Rule
from valetkey.server.model.stream import Job
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.issue.tokens import signing_of
from valetkey.server.oauth.signals.fan_out import with_signals
from valetkey.server.oauth.signals.receivers import NAME as SIGNALS
from valetkey.server.statistics.collector import Collector
from valetkey.server.store.keyring import run_signing
from valetkey.server.store.port import Store
from valetkey.server.store.settle import (
    TRIES,
    CheckHash,
    Decided,
    Fetch,
    ask,
    nothing,
    nothing_fits,
    settle,
)

T = TypeVar("T")
D = TypeVar("D", bound=Decided)


class Shell:
    """Runs rules against the store, each in a current context. `fetch` gets the documents that they
    request from other hosts, `check` compares secrets with slow hashes. `describe_settings` gives
    the name, value and origin of each setting."""

    def __init__(
        self,
        store: Store,
        installations: Installations,
        *,
        fetch: Fetch = nothing,
        check: CheckHash = nothing_fits,
        describe_settings: Callable[[], Sequence[tuple[str, Any, str]]] = tuple,
    ) -> None:
        self.store = store
        self._installations = installations
        self._fetch = fetch
        self._check = check
        self.collector = Collector()
        self.describe_settings = describe_settings
        self.on_outgoing: Callable[[], None] = lambda: None
        """Called when there is a message that may be sent at once."""

    @property
    def secret_uses(self) -> RecentSecretUses:
        """The client secrets that were just used."""
        return self._installations.secret_uses

    def fresh_context(self) -> Context | None:
        """A context of now, None if the store has to be read for it."""
        installation = self._installations.fresh()
        return None if installation is None else _context_of(installation)

    async def new_key(self, use: Use) -> SigningKey:
        """A new key of the server, which the master key seals."""
        return await run_signing(await self._keyring(), lambda: self._installations.new_key(use))

    async def _keyring(self) -> Keyring:
        return (await self.context()).installation.keyring

    async def context(self) -> Context:
        """A context of now, for rules that decide. Raises Unavailable."""
        return _context_of(await self._installations.current())

    async def last_known(self) -> Context:
        """A context of the last known installation, for documents that are only published. Raises
        Unavailable if there is none."""
        return _context_of(self._installations.fresh() or await self._installations.last_known())

    async def ask(self, rule: Callable[[Context], Rule[T]]) -> T:
        """The rule's result; nothing is written."""
        context = await self.context()
        return await ask(self.store, rule(context), fetch=self._fetch, check=self._check)

    async def settle(
        self, rule: Callable[[Context], Rule[D]], *, tries: int = TRIES
    ) -> tuple[D, Context]:
        """The rule's decision, committed, and the context in which it was made. `tries` is how
        often the rule may run if it loses races."""
        context = await self.context()
        return await self.settle_in(rule, context, tries=tries), context

    async def settle_in(
        self, rule: Callable[[Context], Rule[D]], context: Context, *, tries: int = TRIES
    ) -> D:
        """The rule's decision in a current context, committed."""
        has_signals = SIGNALS in context.installation.enabled_features
        sign: Callable[[D], Awaitable[D]] | None = None
        if context.installation.keyring.pool is not None:
            sign = partial(_signed, context=context)
        decision = await settle(
            self.store,
            lambda: rule(context),
            then=(lambda outcome: with_signals(outcome, context)) if has_signals else None,
            tries=tries,
            fetch=self._fetch,
            check=self._check,
            sign=sign,
        )
        for change in decision.changes:
            job = change.record
            if isinstance(job, Job) and job.due <= context.env.now and isinstance(change, Create):
                self.on_outgoing()
                break
        return decision


async def _signed(decision: D, *, context: Context) -> D:
    make = signing_of(decision, context)
    return decision if make is None else await run_signing(context.installation.keyring, make)


def _context_of(installation: Installation) -> Context:
    return Context(installation, Env.at(time.time_ns(), urandom))
