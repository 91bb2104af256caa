"""The SDK for apps: ask the user for access, use it, renew it, and revoke it.

    app = App(issuer="https://id.example", client_id="stefapp", scope=("openid", "chirps"))
    key = Key(app, FileStore(path))
    key.connect()                                # opens the browser and waits for the user
    with httpx2.Client(auth=key.auth()) as api:
        raise_for_refusal(api.post("https://chirp.example/chirps", json={…}))
    key.revoke()

`AsyncKey` is the same for async code. For requests and aiohttp there are
`valetkey.client.auth_requests` and `valetkey.client.auth_aiohttp`.

The SDK imports only `wire`, `jose` and `spec`, and works with any standard server.
"""

from valetkey import renamed
from valetkey.client.async_key import AsyncKey
from valetkey.client.auth import AsyncKeyAuth, KeyAuth
from valetkey.client.delegation import DelegatedKey, Delegation, Helper
from valetkey.client.device_and_ciba import Waiting
from valetkey.client.errors import (
    Aborted,
    AccountDisabled,
    AppSuspended,
    ClientError,
    CodeMistyped,
    Denied,
    KeyInterrupted,
    KeyPaused,
    KeyStopped,
    KeySuspended,
    LimitReached,
    NoKey,
    PermissionMissing,
    PermissionTaken,
    ServerUnavailable,
    ShardsMissing,
    SignInAgain,
    StoreCorrupted,
    StoreError,
    StoreExposed,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    TicketSpent,
    raise_for_refusal,
)
from valetkey.client.flow import Attempt
from valetkey.client.key import Key
from valetkey.client.key_flows import KeyChange
from valetkey.client.loopback import Loopback
from valetkey.client.machine import AsyncMachine, Machine
from valetkey.client.passphrase import Passphrase
from valetkey.client.proof_key import Delegate
from valetkey.client.sealed_file import SealedStore
from valetkey.client.store import FileStore, MemoryStore, TokenStore
from valetkey.client.tokens import App, Connected, Full, Partial, Tokens
from valetkey.wire.authorization_details import Detail
from valetkey.wire.key_shards import Tier

__all__ = [
    "Aborted",
    "AccountDisabled",
    "App",
    "AppSuspended",
    "AsyncKey",
    "AsyncKeyAuth",
    "AsyncMachine",
    "Attempt",
    "ClientError",
    "CodeMistyped",
    "Connected",
    "Delegate",
    "DelegatedKey",
    "Delegation",
    "Denied",
    "Detail",
    "FileStore",
    "Full",
    "Helper",
    "Key",
    "KeyAuth",
    "KeyChange",
    "KeyInterrupted",
    "KeyPaused",
    "KeyStopped",
    "KeySuspended",
    "LimitReached",
    "Loopback",
    "Machine",
    "MemoryStore",
    "NoKey",
    "Partial",
    "Passphrase",
    "PermissionMissing",
    "PermissionTaken",
    "SealedStore",
    "ServerUnavailable",
    "ShardsMissing",
    "SignInAgain",
    "StoreCorrupted",
    "StoreError",
    "StoreExposed",
    "StoreFull",
    "StoreLocked",
    "StoreReadOnly",
    "TicketSpent",
    "Tier",
    "TokenStore",
    "Tokens",
    "Waiting",
    "raise_for_refusal",
]

__getattr__ = renamed.names(__name__)
