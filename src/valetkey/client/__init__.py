"""The SDK for apps: get a key with the user's yes, use it, keep it fresh, give it back.

    app = App(issuer="https://id.example", client_id="stefapp", scope=("openid", "chirps"))
    key = Key(app, FileStore(path))
    key.connect()                                # opens the browser, waits for the user's answer
    with httpx2.Client(auth=key.auth()) as api:
        raise_for_refusal(api.post("https://chirp.example/chirps", json={…}))
    key.revoke()

It imports only `wire`, `jose` and `spec`, and speaks with any standard server.
"""

from valetkey.client.app import App
from valetkey.client.auth import KeyAuth, raise_for_refusal
from valetkey.client.elsewhere import Waiting
from valetkey.client.errors import (
    Aborted,
    ClientError,
    Denied,
    KeyPaused,
    KeyStopped,
    NoKey,
    PermissionMissing,
    PermissionTaken,
    ServerUnavailable,
    SignInAgain,
)
from valetkey.client.key import Key, KeyChange
from valetkey.client.limits import LimitReached
from valetkey.client.loopback import Loopback
from valetkey.client.machine import Machine
from valetkey.client.store import FileStore, MemoryStore, TokenStore
from valetkey.client.tokens import Tokens
from valetkey.wire.authorization_details import Detail

__all__ = [
    "Aborted",
    "App",
    "ClientError",
    "Denied",
    "Detail",
    "FileStore",
    "Key",
    "KeyAuth",
    "KeyChange",
    "KeyPaused",
    "KeyStopped",
    "LimitReached",
    "Loopback",
    "Machine",
    "MemoryStore",
    "NoKey",
    "PermissionMissing",
    "PermissionTaken",
    "ServerUnavailable",
    "SignInAgain",
    "TokenStore",
    "Tokens",
    "Waiting",
    "raise_for_refusal",
]
