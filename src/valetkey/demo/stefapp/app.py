"""What stefApp does: it gets a key with its user's yes, uses it, and lives with a no."""

import contextlib
import threading
import time
import webbrowser
from collections.abc import Callable
from typing import Any, Final

import httpx2
import msgspec

from valetkey.client import (
    ClientError,
    Denied,
    Key,
    KeyChange,
    KeyPaused,
    KeyStopped,
    PermissionMissing,
    PermissionTaken,
    ServerUnavailable,
    raise_for_refusal,
)
from valetkey.demo.stefapp.view import Notice, Panel, View

TIMEOUT: Final = 10.0


class Feature(msgspec.Struct, frozen=True):
    """A part of the window. `permission` opens it, `does` says what for; `asks` is the scope to ask
    for with it; `path` is what it reads."""

    permission: str
    does: str
    asks: str
    path: str = ""


FEATURES: Final[dict[str, Feature]] = {
    "timeline": Feature("chirps.read", "read your timeline", "chirps.read", "/chirps"),
    "post": Feature("chirps.write", "post in your name", "chirps.write"),
    "profile": Feature("profile.read", "see your profile", "profile.read", "/profile"),
    "edit": Feature("profile.write", "change your profile", "profile.write"),
    "messages": Feature("dms.read", "read your messages", "dms.read dms.send", "/messages"),
    "send": Feature("dms.send", "send messages", "dms.send"),
}

_OTHERS: Final = {
    "openid": "recognise you",
    "profile": "see your name",
    "offline_access": "stay connected",
}
_DOES: Final = {one.permission: one.does for one in FEATURES.values()} | _OTHERS


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
            notice = self._said()
            return View(state="waiting", notice=notice, waiting=self.waiting, address=self._address)
        try:
            panels = {name: self._panel(name) for name in FEATURES}
        except KeyStopped as error:
            return _ended(self._said(), paused=isinstance(error, KeyPaused))
        notice = self._said()
        tokens = self._key.tokens
        if tokens is None:
            return View(state="new", notice=notice)
        return View(
            state="connected",
            notice=notice,
            name=self._name,
            panels=panels,
            granted=tuple(_DOES[one] for one in tokens.scope if one in _DOES),
            seconds=max(0, tokens.expires - int(time.time())),
            file=self._file,
        )

    def _said(self) -> Notice | None:
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
            notice = _told(error)
        if self._attempt is attempt:
            self._attempt, self._notice = None, notice

    def _panel(self, name: str) -> Panel:
        """A part of the window, with what Chirp answers. Raises KeyStopped."""
        feature = FEATURES[name]
        held = self._key.tokens
        if held is None or feature.permission not in held.granted:
            return _closed(feature)
        if not feature.path:
            return Panel()
        try:
            found = self._send("GET", feature.path)
        except PermissionMissing as error:
            self._learn(error)
            return _closed(feature)
        except (httpx2.HTTPError, ServerUnavailable):
            return Panel(why="Chirp does not answer.")
        return Panel(rows=tuple(found) if isinstance(found, list) else (found,))

    def _send(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """What Chirp answers. Raises PermissionMissing, KeyStopped, httpx2.HTTPError."""
        response = raise_for_refusal(self._api.request(method, path, json=body))
        response.raise_for_status()
        return response.json() if response.content else None

    def _try(self, done: str, action: Callable[[], object]) -> None:
        """Does something, and keeps what there is to say about it for the window."""
        self._notice = Notice("good", done)
        try:
            action()
        except (ClientError, httpx2.HTTPError) as error:
            self._notice = _told(error)
            if isinstance(error, PermissionMissing):
                self._learn(error)

    def _learn(self, error: PermissionMissing) -> None:
        """Asks what the key opens now, where it opens less than we thought."""
        held = self._key.tokens
        if held is not None and error.permissions & held.granted:
            with contextlib.suppress(ServerUnavailable, KeyStopped):
                self._key.refresh()


def _closed(feature: Feature) -> Panel:
    return Panel(why=f"You have not allowed stefApp to {feature.does}.", ask=feature.asks)


def _ended(notice: Notice | None, *, paused: bool = False) -> View:
    grey = "is paused" if paused else "is gone"
    return View(
        state="paused" if paused else "ended",
        notice=notice,
        why=_PAUSED if paused else _STOPPED,
        panels=dict.fromkeys(FEATURES, Panel(why=f"The key that opened this {grey}.")),
    )


_STOPPED: Final = (
    "You stopped it at Chirp, so it opens nothing here any more. What is grey comes back when you "
    "connect again."
)
_PAUSED: Final = (
    "You paused it at Chirp, so it opens nothing here for now. What is grey comes back when you "
    "resume it there."
)


def _told(error: Exception) -> Notice:
    """What went wrong, in words for the user; the exact ones beside them."""
    match error:
        case PermissionMissing(permissions=missing):
            does = " and ".join(_DOES.get(one, one) for one in sorted(missing))
            why = "took that away" if isinstance(error, PermissionTaken) else "have not allowed it"
            detail = f"403 insufficient_scope: {' '.join(sorted(missing))}"
            return Notice("bad", f"Chirp refused to let stefApp {does}: you {why}.", detail)
        case KeyPaused():
            return Notice("bad", "You have paused stefApp at Chirp.", str(error))
        case KeyStopped():
            return Notice("bad", "Chirp no longer accepts this key.", str(error))
        case Denied(code="access_denied"):
            return Notice("bad", "You said no, so nothing was connected.", error.code)
        case httpx2.HTTPStatusError():
            said = error.response.text[:200]
            return Notice("bad", f"Chirp answered {error.response.status_code}.", said)
        case _:
            return Notice("bad", "That did not work.", str(error))
