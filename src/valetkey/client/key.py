"""The app's live key: connected, used, renewed, widened, given back."""

import time
import webbrowser
from collections.abc import Callable, Iterable
from typing import Any, Literal

import httpx2
import msgspec

from valetkey.client import elsewhere, flow, server
from valetkey.client.app import App
from valetkey.client.auth import KeyAuth, raise_for_refusal
from valetkey.client.elsewhere import Waiting
from valetkey.client.endpoints import Endpoints
from valetkey.client.errors import (
    Aborted,
    Denied,
    KeyStopped,
    NoKey,
    PermissionMissing,
    SignInAgain,
)
from valetkey.client.loopback import WAIT, Loopback
from valetkey.client.store import TokenStore
from valetkey.client.tokens import Tokens, read
from valetkey.wire.authorization_details import Detail
from valetkey.wire.bearer import Challenge
from valetkey.wire.metadata import ServerMetadata


class KeyChange(msgspec.Struct, frozen=True):
    """What became of a key. `opens` is what it opens now, as far as it is known."""

    reason: Literal["narrowed", "widened", "paused", "stopped"]
    opens: frozenset[str] = frozenset()


class Key:
    """One user's key to one server. Safe to share among threads; processes share the store.

    `key_changed` is called with a KeyChange when an API or the server lets on that the user has
    changed the key: from the thread that learns it, before the refusal is raised.
    """

    def __init__(
        self,
        app: App,
        store: TokenStore,
        *,
        http: httpx2.Client | None = None,
        key_changed: Callable[[KeyChange], object] = lambda change: None,
    ) -> None:
        self.app = app
        self.key_changed = key_changed
        self._store = store
        self._http = http or httpx2.Client(timeout=server.TIMEOUT)
        self._server = Endpoints(app, self._http)

    def __repr__(self) -> str:
        return f"Key({self.app!r})"

    def close(self) -> None:
        """Lets go of connections. The key stays in its store."""
        self._http.close()

    @property
    def tokens(self) -> Tokens | None:
        """The key as it is stored, or None."""
        return self._store.load()

    @property
    def about(self) -> ServerMetadata:
        """The server's metadata, fetched once. Raises Aborted, ServerUnavailable."""
        return self._server.about

    def auth(self) -> KeyAuth:
        """For an httpx2 client, sync or async: sends the key along and renews it when needed."""
        return KeyAuth(self)

    def connect(
        self,
        *,
        open_browser: Callable[[str], object] = webbrowser.open,
        seconds: float = WAIT,
        scope: Iterable[str] = (),
        prompt: str = "",
        acr_values: Iterable[str] = (),
        max_age: int | None = None,
        details: Iterable[Detail] = (),
    ) -> Tokens:
        """Asks the user for a key, in the system browser, and stores it (RFC 8252).

        The user may leave out what is optional: see `Tokens.missing`. `details` ask for permissions
        within limits (RFC 9396), besides those of the scope. `acr_values` and `max_age`
        (in seconds) say how the user should sign in (OpenID Connect Core 3.1.2.1). Raises Denied,
        Aborted, ServerUnavailable; then the stored key is as it was.
        """
        asked = tuple(scope) or self.app.scope
        with Loopback(self.app.callback) as loopback:
            attempt, parameters = flow.begin(
                self.app,
                self.about,
                redirect_uri=loopback.redirect_uri,
                scope=asked,
                prompt=prompt,
                acr_values=acr_values,
                max_age=max_age,
                details=tuple(details),
            )
            if open_browser(flow.address(self.about, self._server.push(parameters))) is False:
                raise Aborted("no browser could be opened")
            form = flow.finish(attempt, loopback.wait(seconds))
        answer = self._server.token(form, attempt.holder)
        return self._kept(
            self._server.key(answer, asked, nonce=attempt.nonce, holder=attempt.holder)
        )

    def connect_by_code(
        self,
        show: Callable[[Waiting], object],
        *,
        scope: Iterable[str] = (),
        sleep: Callable[[float], object] = time.sleep,
    ) -> Tokens:
        """Asks for a key on a device without a browser (RFC 8628): `show` tells the user the code
        and where to type it. Waits for the answer. Raises as `connect`."""
        asked = tuple(scope) or self.app.scope
        waiting = elsewhere.by_code(self.app, self.about, asked, http=self._http)
        show(waiting)
        return self._fetched(waiting, asked, sleep)

    def ask_user(
        self,
        who: str,
        words: str,
        *,
        scope: Iterable[str] = (),
        sleep: Callable[[float], object] = time.sleep,
    ) -> Tokens:
        """Asks a user who is elsewhere, by their user name (OpenID Connect CIBA). They see `words`,
        which the app shows as well. Waits for the answer. Raises as `connect`."""
        asked = tuple(scope) or self.app.scope
        waiting = elsewhere.by_question(
            self.app, self.about, asked, who=who, words=words, http=self._http
        )
        return self._fetched(waiting, asked, sleep)

    def upgrade(
        self,
        permissions: Iterable[str],
        *,
        details: Iterable[Detail] = (),
        open_browser: Callable[[str], object] = webbrowser.open,
        seconds: float = WAIT,
    ) -> Tokens:
        """Asks for more, on top of what the key opens now. The user sees only what is new, and is
        asked for it even where it was refused before. Raises NoKey, KeyStopped, and as `connect`.
        """
        held = self._held()
        if held.refresh_token:
            # The user may have taken something away since: that is no part of the question.
            held = self.refresh(held)
        wider = dict.fromkeys((*held.scope, *permissions))
        return self.connect(
            open_browser=open_browser,
            seconds=seconds,
            scope=wider,
            prompt="consent",
            details=details,
        )

    def sign_in_again(
        self,
        why: SignInAgain,
        *,
        open_browser: Callable[[str], object] = webbrowser.open,
        seconds: float = WAIT,
    ) -> Tokens:
        """Asks the user to sign in as the API wants it (RFC 9470 4), for what the key opens now.
        Raises NoKey, and as `connect`."""
        return self.connect(
            open_browser=open_browser,
            seconds=seconds,
            scope=self._held().scope,
            acr_values=why.acr_values,
            max_age=why.max_age,
        )

    def calling(
        self,
        call: Callable[[], httpx2.Response],
        *,
        open_browser: Callable[[str], object] = webbrowser.open,
        seconds: float = WAIT,
        times: int = 2,
    ) -> httpx2.Response:
        """The answer to a call that may need more: a permission, or a fresh sign-in. The user is
        asked for all that the call needs, and the call is made again; at most `times` times, so
        that an API that is never satisfied does not ask for ever. Raises as `raise_for_refusal`,
        `upgrade` and `connect`."""
        for _ in range(times):
            try:
                return raise_for_refusal(call())
            except PermissionMissing as missing:
                self.upgrade(
                    missing.permissions,
                    details=missing.details,
                    open_browser=open_browser,
                    seconds=seconds,
                )
            except SignInAgain as why:
                self.sign_in_again(why, open_browser=open_browser, seconds=seconds)
        return raise_for_refusal(call())

    def access_token(self, *, refused: str = "") -> str:
        """An access token that is good for a while, and another than the refused one. Raises NoKey,
        KeyStopped, ServerUnavailable."""
        held = self._held()
        if held.is_over(time.time()) or held.access_token == refused:
            held = self.refresh(held)
        return held.access_token

    def refresh(self, stale: Tokens | None = None) -> Tokens:
        """Renews the key, once however many threads and processes find it stale.

        A reply that was lost is asked for again: the server gives the same successor. Raises NoKey,
        KeyStopped (the stored key is as it was: a paused one may go on later), ServerUnavailable.
        """
        with self._store.lock():
            held = self._held()
            if stale is not None and held.access_token != stale.access_token:
                return held  # Somebody else has renewed it meanwhile.
            if not held.refresh_token:
                raise KeyStopped("the key cannot be renewed: connect again")
            form = {
                "grant_type": "refresh_token",
                "refresh_token": held.refresh_token,
                "resource": self.app.resource,
            }
            try:
                answer = self._server.token_again(form, held.holder)
            except Denied as error:
                if error.code != "invalid_grant":
                    raise
                self.key_changed(KeyChange("stopped"))
                raise KeyStopped("the key opens nothing any more") from error
            now = int(time.time())
            renewed = read(
                answer, asked=held.asked, before=held, now=now, holder=held.holder
            ).tokens
            self._store.save(renewed)
        if renewed.granted != held.granted:
            less = held.granted - renewed.granted
            self.key_changed(KeyChange("narrowed" if less else "widened", renewed.granted))
        return renewed

    def told(self, challenge: Challenge) -> None:
        """An API has refused the key, and may have said why."""
        opens = frozenset(challenge.allowed.split())
        match challenge.reason:
            case "narrowed" | "paused" | "stopped":
                self.key_changed(KeyChange(challenge.reason, opens))
            case _:
                pass

    def userinfo(self) -> dict[str, Any]:
        """What the server tells about the user (OpenID Connect Core 5.3). A key for one `resource`
        alone is none for the server. Raises Denied, NoKey, KeyStopped, ServerUnavailable, and
        Aborted where the answer is about somebody else."""
        held, token = self._held(), self.access_token()
        told = self._server.userinfo(token, self._held().holder)
        if held.sub and told.get("sub") != held.sub:
            raise Aborted("the server tells about somebody else")
        return told

    def forget(self) -> None:
        """Forgets the key, without a word to the server."""
        with self._store.lock():
            self._store.save(None)

    def revoke(self) -> None:
        """Gives the key back, and forgets it (RFC 7009). Where the server cannot be reached it is
        forgotten all the same, and ServerUnavailable is raised."""
        with self._store.lock():
            held = self._store.load()
            self._store.save(None)
        if held is not None:
            self._server.revoke(held)

    def _held(self) -> Tokens:
        held = self._store.load()
        if held is None:
            raise NoKey("the app has no key: connect first")
        return held

    def _fetched(
        self, waiting: Waiting, asked: tuple[str, ...], sleep: Callable[[float], object]
    ) -> Tokens:
        answer = elsewhere.wait(waiting, self._server.token, sleep=sleep)
        return self._kept(self._server.key(answer, asked))

    def _kept(self, connected: Tokens) -> Tokens:
        """The key, stored; the one that it replaces is given back."""
        with self._store.lock():
            before = self._store.load()
            self._store.save(connected)
        if before is not None and before.refresh_token:
            self._server.give_back(before)
        return connected
