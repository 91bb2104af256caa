"""`AsyncKey`: the same as `Key`, for async code."""

import asyncio
import webbrowser
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import httpx2

from valetkey import renamed
from valetkey.client import flow, own_grant
from valetkey.client.auth import AsyncKeyAuth
from valetkey.client.delegation import Delegation, delegate_offline, renew_for
from valetkey.client.device_and_ciba import Waiting
from valetkey.client.drivers import AsyncDriver
from valetkey.client.errors import Answered, SignInAgain
from valetkey.client.flow import Attempt
from valetkey.client.key_flows import BrowserPrompt, KeyChange, KeyFlows, OpenBrowser
from valetkey.client.loopback import WAIT
from valetkey.client.machine import AsyncMachine
from valetkey.client.proof_key import Delegate
from valetkey.client.shard_client import OtherHolder
from valetkey.client.store import TokenStore
from valetkey.client.tokens import App, Connected, Tokens
from valetkey.wire.authorization_details import Detail
from valetkey.wire.key_shards import Holder
from valetkey.wire.metadata import ServerMetadata

R = TypeVar("R", bound=Answered)


@renamed.members
class AsyncKey:
    """The access of an app to one user's data, for the tasks of one event loop.

    Every method works, and raises, as that of the same name in `Key`. Blocking work (the store, a
    browser that opens) runs in threads. A cancelled task leaves no lock, and nothing half written.
    """

    def __init__(
        self,
        app: App,
        store: TokenStore,
        *,
        http: httpx2.AsyncClient | None = None,
        key_changed: Callable[[KeyChange], object] = lambda change: None,
        others: Iterable[OtherHolder] = (),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.app = app
        self.flows = KeyFlows(app, store, key_changed=key_changed, others=others)
        self.tasks = AsyncDriver(http, sleep=sleep)

    def __repr__(self) -> str:
        return f"AsyncKey({self.app!r})"

    async def aclose(self) -> None:
        """Closes connections. The key stays in its store."""
        await self.tasks.close()

    async def tokens(self) -> Tokens | None:
        """The stored tokens, or None."""
        return await self.tasks.run(self.flows.kept.load())

    async def about(self) -> ServerMetadata:
        """The server's metadata, fetched once."""
        return await self.tasks.run(self.flows.server.about())

    def auth(self) -> AsyncKeyAuth:
        """Authentication for an httpx2.AsyncClient: adds the token, and renews it."""
        return AsyncKeyAuth(self.flows, self.tasks)

    async def connect(
        self,
        *,
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
        scope: Iterable[str] = (),
        prompt: str = "",
        acr_values: Iterable[str] = (),
        max_age: int | None = None,
        details: Iterable[Detail] = (),
    ) -> Connected:
        """Asks the user for access in the system browser, and stores the key."""
        request = flow.authorization_request(
            self.app,
            scope=scope,
            prompt=prompt,
            acr_values=acr_values,
            max_age=max_age,
            details=details,
        )
        return await self.tasks.run(
            self.flows.connect(request, BrowserPrompt(open_browser, seconds))
        )

    async def begin(
        self,
        *,
        scope: Iterable[str] = (),
        prompt: str = "",
        acr_values: Iterable[str] = (),
        max_age: int | None = None,
        details: Iterable[Detail] = (),
    ) -> Attempt:
        """Starts a sign-in that returns to `App.redirect_uri`."""
        request = flow.authorization_request(
            self.app,
            scope=scope,
            prompt=prompt,
            acr_values=acr_values,
            max_age=max_age,
            details=details,
        )
        return await self.tasks.run(self.flows.begin(request))

    async def finish(self, attempt: Attempt, answer: str) -> Connected:
        """Finishes a sign-in, and stores the key."""
        return await self.tasks.run(self.flows.finish(attempt, answer))

    async def connect_by_code(
        self, show: Callable[[Waiting], object], *, scope: Iterable[str] = ()
    ) -> Connected:
        """Asks for access on a device without a browser."""
        return await self.tasks.run(self.flows.connect_by_code(show, scope))

    async def ask_user(self, who: str, words: str, *, scope: Iterable[str] = ()) -> Connected:
        """Asks a user on their own device."""
        return await self.tasks.run(self.flows.ask_user(who, words, scope))

    async def upgrade(
        self,
        permissions: Iterable[str],
        *,
        details: Iterable[Detail] = (),
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
    ) -> Connected:
        """Asks for more permissions."""
        asking = BrowserPrompt(open_browser, seconds)
        return await self.tasks.run(self.flows.upgrade(permissions, details, asking))

    async def sign_in_again(
        self,
        why: SignInAgain,
        *,
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
    ) -> Connected:
        """Asks the user to sign in as the API needs it."""
        return await self.tasks.run(
            self.flows.sign_in_again(why, BrowserPrompt(open_browser, seconds))
        )

    async def calling(
        self,
        call: Callable[[], Awaitable[R]],
        *,
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
        times: int = 2,
    ) -> R:
        """The answer to a call that may need more permissions or a new sign-in."""
        asking = BrowserPrompt(open_browser, seconds)
        answer: R = await self.tasks.run(self.flows.calling(call, asking, times))
        return answer

    async def access_token(self, *, refused: str = "") -> str:
        """An access token that is valid for a while."""
        return (await self.tasks.run(self.flows.usable_tokens(refused))).access_token

    async def refresh(self, stale: Tokens | None = None, *, others: Iterable[str] = ()) -> Tokens:
        """Renews the key: once, however many tasks, threads and processes find it stale."""
        return await self.tasks.run(self.flows.refresh(stale, tuple(others)))

    async def wait(self, seconds: float = WAIT) -> Tokens:
        """Waits until the key works again, and returns it, renewed."""
        return await self.tasks.run(own_grant.wait(self.flows, seconds))

    async def narrow(self, keep: Iterable[str]) -> Tokens:
        """Reduces the grant to the permissions in `keep`."""
        return await self.tasks.run(own_grant.narrow(self.flows, keep))

    async def stop(self) -> None:
        """Ends the whole grant, and deletes the key."""
        await self.tasks.run(own_grant.stop(self.flows))

    async def join(self, ticket: str) -> Holder:
        """Makes this device a holder of a key in shards."""
        return await self.tasks.run(self.flows.shards.client.claim(ticket))

    async def lend(self) -> str:
        """A handle of this device's shard, for one use within a minute."""
        return (await self.tasks.run(self.flows.shards.client.deliver())).handle

    async def replace(self, lost: Holder, *, others: Iterable[str] = ()) -> str:
        """Replaces a lost shard."""
        return await self.tasks.run(self.flows.shards.replace(lost, others))

    async def delegate(self, to: AsyncMachine | Delegate, *, scope: Iterable[str]) -> Delegation:
        """Delegates the permissions in `scope`, to a client of the same server or offline."""
        opens = tuple(scope)
        if isinstance(to, Delegate):
            return await self.tasks.run(delegate_offline(self.flows, to, opens))
        held = await self.tasks.run(renew_for(self.flows))
        return await to.tasks.run(to.flows.exchange_for(held, opens, by=self.app))

    async def userinfo(self) -> dict[str, Any]:
        """The claims about the user."""
        return await self.tasks.run(self.flows.userinfo())

    async def forget(self) -> None:
        """Deletes the key, without a request to the server."""
        await self.tasks.run(self.flows.forget())

    async def revoke(self) -> None:
        """Revokes the key, and deletes it."""
        await self.tasks.run(self.flows.revoke())
