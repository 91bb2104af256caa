"""What stefApp does: it gets a key with its user's yes, uses it, and lives with a no."""

import contextlib
import threading
import time
import webbrowser
from collections.abc import Callable
from typing import Any, Final

import httpx2

from valetkey.client import (
    ClientError,
    Key,
    KeyChange,
    KeyStopped,
    PermissionMissing,
    ServerUnavailable,
    ShardsMissing,
    raise_for_refusal,
)
from valetkey.demo.stefapp.words import (
    ALONE,
    DOES,
    FEATURES,
    Notice,
    Panel,
    View,
    closed,
    describe,
    ended,
    parts,
)

TIMEOUT: Final = 10.0


class StefApp:
    """One user's stefApp. Its calls block: run them in threads."""

    def __init__(self, key: Key, *, api: str, file: str) -> None:
        self._key = key
        self._key.key_changed = self._changed
        self._api = httpx2.Client(base_url=api, auth=key.auth(), timeout=TIMEOUT)
        self._file = file
        self._attempt: object = None
        self._address = ""
        self._name = ""
        self._notice: Notice | None = None

    def view(self) -> View:
        """The window as it is now. What was to be said once is said."""
        if self._attempt is not None:
            notice = self._take_notice()
            return View(state="waiting", notice=notice, waiting=self.waiting, address=self._address)
        try:
            panels = {name: self._panel(name) for name in FEATURES}
        except KeyStopped as error:
            return ended(self._take_notice(), error, look=f"{self._key.app.issuer}/apps")
        notice = self._take_notice()
        tokens = self._key.tokens
        if tokens is None:
            return View(state="new", notice=notice)
        return View(
            state="connected",
            notice=notice,
            name=self._name,
            panels=panels,
            granted=tuple(DOES[one] for one in tokens.scope if one in DOES),
            seconds=max(0, tokens.expires - int(time.time())),
            file=self._file,
            threshold=tokens.threshold,
            parts=parts(tokens),
        )

    def _take_notice(self) -> Notice | None:
        notice, self._notice = self._notice, None
        return notice

    @property
    def waiting(self) -> str:
        """How far the wait for an answer is, "" where there is none."""
        if self._attempt is None:
            return ""
        return "for an answer" if self._address else "for the browser"

    def connect(self, *, more: str) -> None:
        """Asks the user for a key, or for more on top of what it opens: in the system browser,
        while this window waits. Only what is wanted now is asked: no old no is brought up again."""
        held = self._key.tokens
        scope = (*held.scope, *more.split()) if held is not None and more else ()
        self._attempt = attempt = object()
        self._address = ""
        threading.Thread(target=self._connecting, args=(attempt, scope), daemon=True).start()

    def cancel(self) -> None:
        """Waits no longer."""
        self._attempt = None

    def post(self, text: str) -> None:
        """Posts a chirp."""
        self._try("Posted.", lambda: self._send("POST", "/chirps", {"text": text}))

    def edit(self, name: str, line: str) -> None:
        """Changes the profile."""
        self._try("Saved.", lambda: self._send("PUT", "/profile", {"name": name, "line": line}))

    def send(self, to: str, text: str) -> None:
        """Sends a message."""
        self._try("Sent.", lambda: self._send("POST", "/messages", {"to": to, "text": text}))

    def look(self, feature: str) -> None:
        """Knocks at a door that should be closed, to see what Chirp says."""
        path = FEATURES[feature].path
        self._try("Chirp opened it.", lambda: self._send("GET", path))

    def refresh(self) -> None:
        """Fetches fresh tokens."""
        self._try("Fetched anew.", self._key.refresh)

    def use_code(self, code: str) -> None:
        """Fetches fresh tokens with the recovery code in the place of stefApp's server."""
        self._try(
            "Fetched anew, with your recovery code.", lambda: self._key.refresh(others=[code])
        )

    def sign_out(self) -> None:
        """Gives the key back, and forgets it."""
        self._try("Signed out: stefApp has given its key back.", self._key.revoke)

    def close(self) -> None:
        """Lets go of connections."""
        self._api.close()
        self._key.close()

    def _changed(self, change: KeyChange) -> None:
        """The SDK says that the user has changed the key."""
        if change.reason == "narrowed" and self._notice is None:
            self._notice = Notice("bad", "You took something away from stefApp at Chirp.")

    def _connecting(self, attempt: object, scope: tuple[str, ...]) -> None:
        def open_browser(address: str) -> None:
            self._address = address
            webbrowser.open(address)

        notice = Notice("good", "Connected.")
        try:
            tokens = self._key.connect(
                open_browser=open_browser, scope=scope, prompt="consent" if scope else ""
            )
            if "profile" in tokens.granted:
                self._name = str(self._key.userinfo().get("name", ""))
        except ClientError as error:
            notice = describe(error)
        if self._attempt is attempt:
            self._attempt, self._notice = None, notice

    def _panel(self, name: str) -> Panel:
        """A part of the window, with what Chirp answers. Raises KeyStopped."""
        feature = FEATURES[name]
        held = self._key.tokens
        if held is None or feature.permission not in held.granted:
            return closed(feature)
        if not feature.path:
            return Panel()
        try:
            response = self._send("GET", feature.path)
        except PermissionMissing as error:
            self._learn(error)
            return closed(feature)
        except ShardsMissing:
            return Panel(why=ALONE)
        except (httpx2.HTTPError, ServerUnavailable):
            return Panel(why="Chirp does not answer.")
        return Panel(rows=tuple(response) if isinstance(response, list) else (response,))

    def _send(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """What Chirp answers. Raises PermissionMissing, KeyStopped, httpx2.HTTPError."""
        response = raise_for_refusal(self._api.request(method, path, json=body))
        response.raise_for_status()
        return response.json() if response.content else None

    def _try(self, success: str, action: Callable[[], object]) -> None:
        """Does something, and keeps what there is to say about it for the window."""
        self._notice = Notice("good", success)
        try:
            action()
        except (ClientError, httpx2.HTTPError) as error:
            self._notice = describe(error)
            if isinstance(error, PermissionMissing):
                self._learn(error)

    def _learn(self, error: PermissionMissing) -> None:
        """Asks what the key opens now, where it opens less than we thought."""
        held = self._key.tokens
        if held is not None and error.permissions & held.granted:
            with contextlib.suppress(ServerUnavailable, ShardsMissing, KeyStopped):
                self._key.refresh()
