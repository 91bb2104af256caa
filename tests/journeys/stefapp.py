"""stefApp on its user's computer: our SDK, a file for the key, and calls to Chirp."""

import queue
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx2
import msgspec

from valetkey.client import App, Connected, FileStore, Key, PermissionMissing, raise_for_refusal

SCOPE = ("openid", "profile", "offline_access", "chirps", "profile.write")
PATIENCE = 120
"""Seconds for a person to answer, on a machine that is busy with other tests."""


class Waiting(msgspec.Struct):
    """The app waits for its user: the address that its browser was given, and what will come."""

    address: str
    tokens: Future[Connected]

    def result(self) -> Connected:
        """The key. Raises what the SDK raises."""
        return self.tokens.result(PATIENCE)


class StefApp:
    """The app. While it waits for its user it runs in a thread, as an app with a window does."""

    def __init__(self, issuer: str, api: str, folder: Path) -> None:
        self.file = folder / "key.json"
        app = App(issuer=issuer, client_id="stefapp", scope=SCOPE)
        self.key = Key(app, FileStore(self.file))
        self._api = httpx2.Client(base_url=api, auth=self.key.auth(), timeout=PATIENCE)
        self._addresses: queue.Queue[str] = queue.Queue()
        self._pool = ThreadPoolExecutor(1)

    def close(self) -> None:
        """Ends it."""
        self._pool.shutdown()
        self._api.close()
        self.key.close()

    def connect(self) -> Waiting:
        """Asks for a key."""
        opens = self._addresses.put
        return self._begin(lambda: self.key.connect(open_browser=opens, seconds=PATIENCE))

    def ask_for(self, *more: str) -> Waiting:
        """Asks for more permissions."""
        opens = self._addresses.put
        return self._begin(lambda: self.key.upgrade(more, open_browser=opens, seconds=PATIENCE))

    def call(self, method: str, path: str) -> str:
        """Calls Chirp; whom it was for. Raises PermissionMissing, KeyStopped."""
        reply = raise_for_refusal(self._api.request(method, path)).raise_for_status()
        sub: str = reply.json()["for"]
        return sub

    def lacks(self, method: str, path: str) -> frozenset[str]:
        """The permissions that Chirp says are missing for a call; none where it works."""
        try:
            self.call(method, path)
        except PermissionMissing as missing:
            return missing.permissions
        return frozenset()

    def _begin(self, asking: Callable[[], Connected]) -> Waiting:
        tokens = self._pool.submit(asking)
        try:
            return Waiting(self._addresses.get(timeout=PATIENCE), tokens)
        except queue.Empty:
            tokens.result(0)
            raise
