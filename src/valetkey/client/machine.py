"""A program without a user, which acts for itself or by delegation (RFC 6749 4.4; RFC 8693)."""

import time
from collections.abc import Iterable
from typing import Final

import httpx2

from valetkey import renamed
from valetkey.client import flow
from valetkey.client.auth import AsyncKeyAuth, KeyAuth
from valetkey.client.delegation import DelegatedKey, Delegation, from_exchange
from valetkey.client.drivers import AsyncDriver, Driver, to_the_end
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import Denied, interrupted
from valetkey.client.locked_store import LockedStore
from valetkey.client.proof_key import Prover
from valetkey.client.steps import Flow, Reply, Request
from valetkey.client.store import MemoryStore
from valetkey.client.tokens import App, Tokens, read
from valetkey.wire.bearer import Challenge
from valetkey.wire.metadata import ServerMetadata

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"


class MachineFlows:
    """The flows of a confidential client without a user."""

    def __init__(self, app: App) -> None:
        """Raises ValueError for an app that cannot authenticate."""
        if app.is_public:
            raise ValueError("a program without a user needs a secret or a private key")
        self.app = app
        self.server = Endpoints(app)
        self._store = LockedStore(MemoryStore())
        self.prover: Prover | None = None

    def usable_tokens(self, refused: str = "") -> Flow[Tokens]:
        """Its own token, valid for a while, and not the refused one."""
        tokens = yield from self._store.load()
        if tokens is None or tokens.is_over(time.time()) or tokens.access_token == refused:
            tokens = yield from self._store.locked(self._fetch(tokens))
        return tokens

    def _fetch(self, stale: Tokens | None) -> Flow[Tokens]:
        tokens = yield from self._store.load()
        if tokens is not None and tokens != stale:
            return tokens  # Another task has fetched one meanwhile.
        yield from self._store.save(None, instead_of=tokens)
        fresh = yield from self.request_token({"grant_type": "client_credentials"}, self.app.scope)
        yield from self._store.save(fresh, instead_of=None)
        return fresh

    def exchange(
        self, token: str, scope: tuple[str, ...], *, audience: str, kind: str
    ) -> Flow[Tokens]:
        """Exchanges a token for a smaller one."""
        form = {
            "grant_type": EXCHANGE,
            "subject_token": token,
            "subject_token_type": kind,
            "audience": audience,
        }
        return (yield from self.request_token(form, scope))

    def exchange_for(self, tokens: Tokens, scope: tuple[str, ...], *, by: App) -> Flow[Delegation]:
        """Exchanges the tokens of an app for smaller ones of this program."""
        if by.issuer != self.app.issuer:
            # Another server must not see the token.
            raise ValueError("the key is of another server")
        token, api = tokens.access_token, by.resource
        fresh = yield from self.exchange(token, scope, audience=api, kind=ACCESS_TOKEN)
        return from_exchange(fresh, resource=api)

    def receive(self, delegation: Delegation | Tokens) -> DelegatedKey:
        """The key to use. Raises ValueError if it was delegated to someone else."""
        if isinstance(delegation, Tokens):
            delegation = from_exchange(delegation, resource=self.app.resource)
        return DelegatedKey(delegation, self.prover)

    def request_token(self, form: dict[str, str], scope: tuple[str, ...]) -> Flow[Tokens]:
        """The tokens for a form at the token endpoint."""
        if self.prover is None:
            self.prover = flow.new_prover(self.app, (yield from self.server.about()))
        sent = {**form, "scope": " ".join(scope), "resource": self.app.resource}
        try:
            answer = yield from self.server.token(sent, self.prover)
        except Denied as error:
            raise interrupted(error.reason) or error from error
        now = int(time.time())
        return read(answer, requested=scope, before=None, now=now, prover=self.prover).tokens

    def on_refusal(self, challenge: Challenge) -> None:
        """Does nothing: another token is fetched."""


@renamed.members
class Machine:
    """A confidential client without a user. Safe to share among threads."""

    def __init__(self, app: App, *, http: httpx2.Client | None = None) -> None:
        """Raises ValueError for an app that has neither a secret nor a private key."""
        self.app = app
        self.flows = MachineFlows(app)
        self.driver = Driver(http)
        self.tasks = AsyncDriver(send=self._send_in_thread)

    async def _send_in_thread(self, request: Request) -> Reply:
        return await to_the_end(lambda: self.driver.send(request))

    def __repr__(self) -> str:
        return f"Machine({self.app!r})"

    def close(self) -> None:
        """Closes connections."""
        self.driver.close()

    @property
    def about(self) -> ServerMetadata:
        """The server's metadata, fetched once. Raises Aborted, ServerUnavailable."""
        return self.driver.run(self.flows.server.about())

    def auth(self) -> KeyAuth:
        """Authentication for an httpx2 client, sync or async, with its own token."""
        return KeyAuth(self.flows, self.driver, self.tasks)

    def access_token(self) -> str:
        """Its own token, valid for a while, fetched if needed. Raises Denied, ServerUnavailable."""
        return self.driver.run(self.flows.usable_tokens()).access_token

    def exchange(
        self, token: str, *, scope: Iterable[str] = (), audience: str = "", kind: str = ACCESS_TOKEN
    ) -> Tokens:
        """Exchanges a token for a smaller one, for `audience` and with `scope`, which names this
        client as the actor. Raises Denied, ServerUnavailable."""
        return self.driver.run(
            self.flows.exchange(token, tuple(scope), audience=audience, kind=kind)
        )

    def receive(self, delegation: Delegation | Tokens) -> DelegatedKey:
        """The key to use, from a delegation or from the result of `exchange`. Raises ValueError if
        it was delegated to someone else."""
        return self.flows.receive(delegation)


@renamed.members
class AsyncMachine:
    """A confidential client without a user, for async code. Every method works, and raises, as that
    of the same name in `Machine`."""

    def __init__(self, app: App, *, http: httpx2.AsyncClient | None = None) -> None:
        """Raises ValueError for an app that has neither a secret nor a private key."""
        self.app = app
        self.flows = MachineFlows(app)
        self.tasks = AsyncDriver(http)

    def __repr__(self) -> str:
        return f"AsyncMachine({self.app!r})"

    async def aclose(self) -> None:
        """Closes connections."""
        await self.tasks.close()

    def auth(self) -> AsyncKeyAuth:
        """Authentication for an httpx2.AsyncClient, with its own token."""
        return AsyncKeyAuth(self.flows, self.tasks)

    async def access_token(self) -> str:
        """Its own token, valid for a while."""
        return (await self.tasks.run(self.flows.usable_tokens())).access_token

    async def exchange(
        self, token: str, *, scope: Iterable[str] = (), audience: str = "", kind: str = ACCESS_TOKEN
    ) -> Tokens:
        """Exchanges a token for a smaller one."""
        return await self.tasks.run(
            self.flows.exchange(token, tuple(scope), audience=audience, kind=kind)
        )

    def receive(self, delegation: Delegation | Tokens) -> DelegatedKey:
        """The key to use, from a delegation or from the result of `exchange`."""
        return self.flows.receive(delegation)
