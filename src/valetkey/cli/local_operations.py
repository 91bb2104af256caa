"""Operations of the administration API on this machine's own database, without a server.

Who can read the database's files can do everything: so the local actor may, also when signing keys
are broken. The audit log names the account of the operating system.
"""

import getpass
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from valetkey.cli.context import NO_KEYS, CommandContext, settle_and_notify
from valetkey.cli.master_key.file import existing_master_key, open_keys
from valetkey.cli.output.errors import Failed, InvalidUsage
from valetkey.server.admin.perform import Result, perform
from valetkey.server.admin.problems import Problem
from valetkey.server.admin.services import Services
from valetkey.server.admin.table import BY_NAME
from valetkey.server.model.keys import CURRENT, Epoch, SigningKey, Use
from valetkey.server.model.policy import Policy
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.model.role import EVERYTHING
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.offer import Offer
from valetkey.server.oauth.endpoints.administration import Actor
from valetkey.server.settings.load import described
from valetkey.server.store import keyring
from valetkey.server.store.keyring import DamagedKey, WrongMasterKey, make, read_keys
from valetkey.server.store.port import Store, TokenUnavailable
from valetkey.server.store.settle import ask

T = TypeVar("T")
D = TypeVar("D", bound=Outcome)


def local_actor() -> Actor:
    """The account of the operating system that runs the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return Actor(kind="local", id=f"local:{name}", permissions=EVERYTHING)


async def whole_context(store: Store, command: CommandContext) -> Context:
    """The context with all that is in the database. Keys that cannot be opened are left out: what
    needs none works all the same."""
    try:
        master = existing_master_key(command.settings())
        keys = keyring.open_keys(await read_keys(store), master, now=int(time.time()))
    except (InvalidUsage, Failed, WrongMasterKey, DamagedKey, TokenUnavailable):
        keys = NO_KEYS
    context = command.context(keys)
    servers, policies, epoch = Many(ResourceServer), Many(Policy), One(Epoch, CURRENT)
    rows = await store.read(servers, policies, epoch)
    current, base = rows.one(epoch), context.installation
    installation = msgspec.structs.replace(
        base,
        offer=Offer(base.issuer, rows.many(servers), reserved=base.offer.reserved),
        policies={one.name: one for one in rows.many(policies)},
        epoch=0 if current is None else current.number,
    )
    return Context(installation, context.env)


class LocalRunner:
    """Runs rules over an open database, as a server's shell does."""

    def __init__(self, store: Store, command: CommandContext) -> None:
        self._store = store
        self._command = command

    @property
    def store(self) -> Store:
        """The database."""
        return self._store

    async def ask(self, rule: Callable[[Context], Rule[T]]) -> T:
        """The rule's result."""
        return await ask(self._store, rule(await whole_context(self._store, self._command)))

    async def new_key(self, use: Use) -> SigningKey:
        """A new key of the server, which the master key seals."""
        return make(use, await open_keys(self._command.settings(), self._store))

    def describe_settings(self) -> Sequence[tuple[str, Any, str]]:
        """The settings as this command reads them."""
        return described(self._command.settings())

    async def settle(self, rule: Callable[[Context], Rule[D]]) -> tuple[D, Context]:
        """The rule's decision, committed with the notifications about it."""
        context = await whole_context(self._store, self._command)
        return await settle_and_notify(self._store, lambda: rule(context), context), context


async def perform_local(
    store: Store,
    command: CommandContext,
    name: str,
    *,
    path: dict[str, str] | None = None,
    query: Any = None,
    body: Any = None,
) -> Result:
    """Does the operation with this name. Raises Failed for what is refused."""
    services = Services(LocalRunner(store, command))
    try:
        return await perform(
            BY_NAME[name],
            local_actor(),
            services,
            path=path,
            query=query,
            body=body,
            from_people=True,
        )
    except Problem as problem:
        mistakes = problem.members.get("mistakes", ())
        text = "\n  - ".join((problem.detail or problem.title, *mistakes))
        raise Failed(text, type=problem.type, **problem.members) from problem
