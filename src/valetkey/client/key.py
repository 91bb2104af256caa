"""The app's live key: connected, used, renewed, widened, given back."""

import time
import webbrowser
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpx2

from valetkey import renamed
from valetkey.client import flow, own_grant
from valetkey.client.app import App
from valetkey.client.auth import KeyAuth
from valetkey.client.delegation import Delegation, delegate_offline, renew_for
from valetkey.client.device_and_ciba import Waiting
from valetkey.client.drivers import AsyncDriver, Driver, to_the_end
from valetkey.client.errors import SignInAgain
from valetkey.client.flow import Attempt
from valetkey.client.holders import OtherHolder
from valetkey.client.key_flows import BrowserPrompt, KeyChange, KeyFlows, OpenBrowser
from valetkey.client.loopback import WAIT
from valetkey.client.machine import Machine
from valetkey.client.proof_key import Delegate
from valetkey.client.refusal import Answered
from valetkey.client.steps import Reply, Request
from valetkey.client.store import TokenStore
from valetkey.client.tokens import Connected, Tokens
from valetkey.wire.authorization_details import Detail
from valetkey.wire.key_shards import Holder
from valetkey.wire.metadata import ServerMetadata

R = TypeVar("R", bound=Answered)


@renamed.members
class Key:
    """One user's key to one server. Safe to share among threads; processes share the store. See
    `AsyncKey` for tasks.

    `key_changed` is called with a KeyChange when an API or the server lets on that the user has
    changed the key: from the thread that learns it, before the refusal is raised.

    Every method raises StoreError where the store fails it, ServerUnavailable where the server
    does, and then the stored key is as it was.
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
        """Whom to tell."""
        return self.flows.key_changed

    @key_changed.setter
    def key_changed(self, tell: Callable[[KeyChange], object]) -> None:
        self.flows.key_changed = tell

    def close(self) -> None:
        """Lets go of connections. The key stays in its store."""
        self.driver.close()

    @property
    def tokens(self) -> Tokens | None:
        """The key as it is stored, or None."""
        return self.driver.run(self.flows.kept.load())

    @property
    def about(self) -> ServerMetadata:
        """The server's metadata, fetched once. Raises Aborted."""
        return self.driver.run(self.flows.server.about())

    def auth(self) -> KeyAuth:
        """For an httpx2 client, sync or async: sends the key along and renews it when needed."""
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
        """Asks the user for a key, in the system browser, and stores it (RFC 8252).

        The user may leave out what is optional: then it is a Partial, and `missing` says what.
        `details` ask for permissions within limits (RFC 9396), besides those of the scope.
        `acr_values` and `max_age` (in seconds) say how the user should sign in (OpenID Connect Core
        3.1.2.1). Raises Denied, Aborted; then the stored key is as it was.
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
        """A sign-in that comes back to `App.redirect_uri`, an https address or a private scheme:
        send the browser to its `address`. Raises Aborted, Denied, ValueError without one."""
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
        """The key, once the browser came back to the redirect URI. `answer` is the address that it
        came to, or the query alone. Raises as `connect`; after an answer that did not fit the
        attempt is good for the true one."""
        return self.driver.run(self.flows.finish(attempt, answer))

    def connect_by_code(
        self, show: Callable[[Waiting], object], *, scope: Iterable[str] = ()
    ) -> Connected:
        """Asks for a key on a device without a browser (RFC 8628): `show` tells the user the code
        and where to type it. Waits for the answer. Raises as `connect`."""
        return self.driver.run(self.flows.connect_by_code(show, scope))

    def ask_user(self, who: str, words: str, *, scope: Iterable[str] = ()) -> Connected:
        """Asks a user who is elsewhere, by their user name (OpenID Connect CIBA). They see `words`,
        which the app shows as well. Waits for the answer. Raises as `connect`."""
        return self.driver.run(self.flows.ask_user(who, words, scope))

    def upgrade(
        self,
        permissions: Iterable[str],
        *,
        details: Iterable[Detail] = (),
        open_browser: OpenBrowser = webbrowser.open,
        seconds: float = WAIT,
    ) -> Connected:
        """Asks for more, on top of what the key opens now. The user sees only what is new, and is
        asked for it even where it was refused before. Raises NoKey, KeyStopped, and as `connect`.
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
        """Asks the user to sign in as the API wants it (RFC 9470 4), for what the key opens now.
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
        """The answer to a call that may need more: a permission, or a fresh sign-in. The user is
        asked for all that the call needs, and the call is made again; at most `times` times, so
        that an API that is never satisfied does not ask for ever. Raises as `raise_for_refusal`,
        `upgrade` and `connect`."""
        asking = BrowserPrompt(open_browser, seconds)
        answer: R = self.driver.run(self.flows.calling(call, asking, times))
        return answer

    def access_token(self, *, refused: str = "") -> str:
        """An access token that is good for a while, and another than the refused one. Raises NoKey,
        KeyStopped."""
        return self.driver.run(self.flows.usable_tokens(refused)).access_token

    def refresh(self, stale: Tokens | None = None, *, others: Iterable[str] = ()) -> Tokens:
        """Renews the key, once however many tasks, threads and processes find it stale. `others`
        are shards that the user brings: a recovery code, or what a second device lends.

        A reply that was lost is asked for again: the server gives the same successor. Raises NoKey,
        and KeyStopped (the stored key is as it was: a paused one may go on later).
        """
        return self.driver.run(self.flows.refresh(stale, tuple(others)))

    def wait(self, seconds: float = WAIT) -> Tokens:
        """The key, renewed as soon as it opens again: after KeyInterrupted. Looks every now and
        then, for so many seconds. Raises the last KeyInterrupted or ServerUnavailable where it did
        not come back, KeyStopped where it is over for good, NoKey."""
        return self.driver.run(own_grant.wait(self.flows, seconds))

    def narrow(self, keep: Iterable[str]) -> Tokens:
        """Leaves the grant what `keep` names, and no more, on all of the user's devices: for an
        app that needs less than it was given. `openid` and `offline_access` stay. Only the user
        gives more again, by `upgrade`. Raises NoKey, KeyStopped, Denied, ServerUnavailable, and
        Aborted where the server cannot do it, such as for a key in shards."""
        return self.driver.run(own_grant.narrow(self.flows, keep))

    def stop(self) -> None:
        """Gives the whole grant back, on all of the user's devices, and forgets the key here;
        `revoke` gives back the key of this device alone. Raises as `narrow`; then the key is kept.
        """
        self.driver.run(own_grant.stop(self.flows))

    def join(self, ticket: str) -> Holder:
        """Makes this device a holder of a key in shards: `ticket` is what it scanned, or its user
        typed. Which holder it is now. Raises TicketSpent where somebody else was first."""
        return self.driver.run(self.flows.shards.client.claim(ticket))

    def lend(self) -> str:
        """This device's shard for one renewal on another, which presents it with `refresh`: a
        handle, good for a minute, to be shown as a picture (see `qr`). Raises KeySuspended."""
        return (self.driver.run(self.flows.shards.client.deliver())).handle

    def replace(self, lost: Holder, *, others: Iterable[str] = ()) -> str:
        """Has a lost shard replaced: `device` on a new phone, which gets the key by it. The others
        are shown for it: those that can be asked, and what the user brings in `others`, such as the
        recovery code. Returns the address where the user fetches the new one, "" where that is
        done. Raises ShardsMissing, CodeMistyped, KeySuspended."""
        return self.driver.run(self.flows.shards.replace(lost, others))

    def delegate(self, to: Machine | Delegate, *, scope: Iterable[str]) -> Delegation:
        """Hands a smaller key on, which opens `scope`. A Machine, which is a client of the same
        server, gets it by an exchange, and the user sees it and can cut it off (RFC 8693). A Hand
        gets it offline, where the API takes that; the key has to be bound (`App.dpop`).

        `to.holding(…)`, or `Helper.holding(…)` where the helper runs elsewhere, makes use of it.
        Raises Denied, PermissionMissing, NoKey, KeyStopped, ValueError for what cannot go on so.
        """
        opens = tuple(scope)
        if isinstance(to, Delegate):
            return self.driver.run(delegate_offline(self.flows, to, opens))
        held = self.driver.run(renew_for(self.flows))
        return to.driver.run(to.flows.exchange_for(held, opens, by=self.app))

    def userinfo(self) -> dict[str, Any]:
        """What the server tells about the user (OpenID Connect Core 5.3). A key for one `resource`
        alone is none for the server. Raises Denied, NoKey, KeyStopped, and Aborted where the answer
        is about somebody else."""
        return self.driver.run(self.flows.userinfo())

    def forget(self) -> None:
        """Forgets the key, without a word to the server."""
        self.driver.run(self.flows.forget())

    def revoke(self) -> None:
        """Gives the key back, and forgets it (RFC 7009): when the user signs out. Where the server
        cannot be reached it is forgotten all the same, and ServerUnavailable is raised."""
        self.driver.run(self.flows.revoke())
