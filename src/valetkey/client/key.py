"""`Key`: an app's access to one user's data, for threads."""

import time
import webbrowser
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpx2

from valetkey import renamed
from valetkey.client import flow, own_grant
from valetkey.client.auth import KeyAuth
from valetkey.client.delegation import Delegation, delegate_offline, renew_for
from valetkey.client.device_and_ciba import Waiting
from valetkey.client.drivers import AsyncDriver, Driver, to_the_end
from valetkey.client.errors import Answered, SignInAgain
from valetkey.client.flow import Attempt
from valetkey.client.key_flows import BrowserPrompt, KeyChange, KeyFlows, OpenBrowser
from valetkey.client.loopback import WAIT
from valetkey.client.machine import Machine
from valetkey.client.proof_key import Delegate
from valetkey.client.shard_client import OtherHolder
from valetkey.client.steps import Reply, Request
from valetkey.client.store import TokenStore
from valetkey.client.tokens import App, Connected, Tokens
from valetkey.wire.authorization_details import Detail
from valetkey.wire.key_shards import Holder
from valetkey.wire.metadata import ServerMetadata

R = TypeVar("R", bound=Answered)


@renamed.members
class Key:
    """The access of an app to one user's data at one server. Threads may share it, and processes
    may share the store. See `AsyncKey` for async code.

    `key_changed` is called with a KeyChange when an API or the server reports that the user has
    changed the access: in the thread that learns it, before the refusal is raised.

    Every method raises StoreError if the store fails, and ServerUnavailable if the server does not
    answer. The stored key is then unchanged.
    """

    def __init__(
        self,
        app: App,
        store: TokenStore,
        *,
        http: httpx2.Client | None = None,
        key_changed: Callable[[KeyChange], object] = lambda change: None,
        others: Iterable[OtherHolder] = (),
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.app = app
        self.flows = KeyFlows(app, store, key_changed=key_changed, others=others)
        self.driver = Driver(http, sleep=sleep)
        self.tasks = AsyncDriver(send=self._send_in_thread)

    async def _send_in_thread(self, request: Request) -> Reply:
        return await to_the_end(lambda: self.driver.send(request))

    def __repr__(self) -> str:
        return f"Key({self.app!r})"

    @property
    def key_changed(self) -> Callable[[KeyChange], object]:
        """The callback for changes."""
        return self.flows.key_changed

    @key_changed.setter
    def key_changed(self, callback: Callable[[KeyChange], object]) -> None:
        self.flows.key_changed = callback

    def close(self) -> None:
        """Closes connections. The key stays in its store."""
        self.driver.close()

    @property
    def tokens(self) -> Tokens | None:
        """The stored tokens, or None."""
        return self.driver.run(self.flows.kept.load())

    @property
    def about(self) -> ServerMetadata:
        """The server's metadata, fetched once. Raises Aborted."""
        return self.driver.run(self.flows.server.about())

    def auth(self) -> KeyAuth:
        """Authentication for an httpx2 client, sync or async: adds the token, and renews it."""
        return KeyAuth(self.flows, self.driver, self.tasks)

    def connect(
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
        """Asks the user for access in the system browser, and stores the key (RFC 8252).

        The user may uncheck optional permissions: the result is then a Partial, and `missing` lists
        them. `details` request permissions within limits (RFC 9396), in addition to the scope.
        `acr_values` and `max_age` (in seconds) say how the user should sign in (OpenID Connect Core
        3.1.2.1). Raises Denied, Aborted; the stored key is then unchanged.
        """
        request = flow.authorization_request(
            self.app,
            scope=scope,
            prompt=prompt,
            acr_values=acr_values,
            max_age=max_age,
            details=details,
        )
        return self.driver.run(self.flows.connect(request, BrowserPrompt(open_browser, seconds)))

    def begin(
        self,
        *,
        scope: Iterable[str] = (),
        prompt: str = "",
        acr_values: Iterable[str] = (),
        max_age: int | None = None,
        details: Iterable[Detail] = (),
    ) -> Attempt:
        """Starts a sign-in that returns to `App.redirect_uri`. Send the browser to the `address` of
        the Attempt. Raises Aborted, Denied, and ValueError without a `redirect_uri`."""
        request = flow.authorization_request(
            self.app,
            scope=scope,
            prompt=prompt,
            acr_values=acr_values,
            max_age=max_age,
            details=details,
        )
        return self.driver.run(self.flows.begin(request))

    def finish(self, attempt: Attempt, answer: str) -> Connected:
        """Finishes a sign-in, and stores the key. `answer` is the address that the browser returned
        to, or its query. Raises as `connect`. After an answer that does not fit, the attempt still
        accepts the right one."""
        return self.driver.run(self.flows.finish(attempt, answer))

    def connect_by_code(
        self, show: Callable[[Waiting], object], *, scope: Iterable[str] = ()
    ) -> Connected:
        """Asks for access on a device without a browser (RFC 8628). `show` displays the code, and
        the address where the user types it. Waits for the answer. Raises as `connect`."""
        return self.driver.run(self.flows.connect_by_code(show, scope))

    def ask_user(self, who: str, words: str, *, scope: Iterable[str] = ()) -> Connected:
        """Asks a user on their own device, by their user name (OpenID Connect CIBA). They see
        `words`, which the app displays as well. Waits for the answer. Raises as `connect`."""
        return self.driver.run(self.flows.ask_user(who, words, scope))

    def upgrade(
        self,
        permissions: Iterable[str],
        *,
        details: Iterable[Detail] = (),
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
    ) -> Connected:
        """Asks for more permissions, in addition to those of the key. The user sees only the new
        ones, even if they refused them before. Raises NoKey, KeyStopped, and as `connect`.
        """
        asking = BrowserPrompt(open_browser, seconds)
        return self.driver.run(self.flows.upgrade(permissions, details, asking))

    def sign_in_again(
        self,
        why: SignInAgain,
        *,
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
    ) -> Connected:
        """Asks the user to sign in as the API needs it (RFC 9470 4), with the same permissions.
        Raises NoKey, and as `connect`."""
        return self.driver.run(self.flows.sign_in_again(why, BrowserPrompt(open_browser, seconds)))

    def calling(
        self,
        call: Callable[[], R],
        *,
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
        times: int = 2,
    ) -> R:
        """The answer to a call that may need more permissions or a new sign-in. Asks the user for
        all that the call needs, and calls again, at most `times` times. Raises as
        `raise_for_refusal`, `upgrade` and `connect`."""
        asking = BrowserPrompt(open_browser, seconds)
        answer: R = self.driver.run(self.flows.calling(call, asking, times))
        return answer

    def access_token(self, *, refused: str = "") -> str:
        """An access token that is valid for a while, and not the refused one. Raises NoKey,
        KeyStopped."""
        return self.driver.run(self.flows.usable_tokens(refused)).access_token

    def refresh(self, stale: Tokens | None = None, *, others: Iterable[str] = ()) -> Tokens:
        """Renews the key: once, however many tasks, threads and processes find it stale. `others`
        are shards from the user: a recovery code, or the handle of a second device.

        After a lost reply it asks again, and the server gives the same tokens. Raises NoKey, and
        KeyStopped (the stored key is then unchanged: a paused one may work again).
        """
        return self.driver.run(self.flows.refresh(stale, tuple(others)))

    def wait(self, seconds: float = WAIT) -> Tokens:
        """Waits after a KeyInterrupted until the key works again, and returns it, renewed. Polls
        for `seconds`. Raises the last KeyInterrupted or ServerUnavailable if it does not work by
        then, KeyStopped if it is over for good, NoKey."""
        return self.driver.run(own_grant.wait(self.flows, seconds))

    def narrow(self, keep: Iterable[str]) -> Tokens:
        """Reduces the grant to the permissions in `keep`, on all of the user's devices: for an app
        that needs less than it has. `openid` and `offline_access` stay. The user can give more
        again by `upgrade`. Raises NoKey, KeyStopped, Denied, ServerUnavailable, and Aborted if the
        server cannot do it, as for a key in shards."""
        return self.driver.run(own_grant.narrow(self.flows, keep))

    def stop(self) -> None:
        """Ends the whole grant, on all of the user's devices, and deletes the key here; `revoke`
        ends the access of this device alone. Raises as `narrow`; the key is then unchanged."""
        self.driver.run(own_grant.stop(self.flows))

    def join(self, ticket: str) -> Holder:
        """Makes this device a holder of a key in shards. `ticket` is the scanned or typed text.
        Returns the kind of holder. Raises TicketSpent if another device was first."""
        return self.driver.run(self.flows.shards.client.claim(ticket))

    def lend(self) -> str:
        """A handle of this device's shard, for one renewal on another device with `refresh`. It
        works for a minute; display it as a QR code (see `qr`). Raises KeySuspended."""
        return (self.driver.run(self.flows.shards.client.deliver())).handle

    def replace(self, lost: Holder, *, others: Iterable[str] = ()) -> str:
        """Replaces a lost shard: `device` on a new phone, which gets the key this way. It needs the
        other shards: those of holders that answer, and those from the user in `others`, such as the
        recovery code. Returns the address where the user fetches the new shard, "" if that is done.
        Raises ShardsMissing, CodeMistyped, KeySuspended."""
        return self.driver.run(self.flows.shards.replace(lost, others))

    def delegate(self, to: Machine | Delegate, *, scope: Iterable[str]) -> Delegation:
        """Delegates the permissions in `scope`. A Machine, a client of the same server, gets them
        by a token exchange: the user sees it, and can revoke it (RFC 8693). A Delegate gets them
        offline, if the API accepts that; the key then has to be bound (`App.dpop`).

        The helper calls `to.receive(…)`, or `Helper.receive(…)` if it runs in another place. Raises
        Denied, PermissionMissing, NoKey, KeyStopped, and ValueError for a key that cannot be
        delegated like that.
        """
        opens = tuple(scope)
        if isinstance(to, Delegate):
            return self.driver.run(delegate_offline(self.flows, to, opens))
        held = self.driver.run(renew_for(self.flows))
        return to.driver.run(to.flows.exchange_for(held, opens, by=self.app))

    def userinfo(self) -> dict[str, Any]:
        """The claims about the user (OpenID Connect Core 5.3). A token for one `resource` does not
        work there. Raises Denied, NoKey, KeyStopped, and Aborted if the answer is about another
        user."""
        return self.driver.run(self.flows.userinfo())

    def forget(self) -> None:
        """Deletes the key, without a request to the server."""
        self.driver.run(self.flows.forget())

    def revoke(self) -> None:
        """Revokes the key, and deletes it (RFC 7009): when the user signs out. If the server cannot
        be reached, it deletes the key all the same, and raises ServerUnavailable."""
        self.driver.run(self.flows.revoke())
