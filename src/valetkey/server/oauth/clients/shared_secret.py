"""How clients' secrets are stored: as a digest, and also sealed for a client that computes with its
secret.

The sealing key is derived from the salt, which is stored under the master key and never changes.
The keys that seal codes last only minutes. The seal names the client, so a sealed secret is useless
in another client's row.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from valetkey.jose import seal
from valetkey.server.model.client import BY_SECRET, BY_SHARED, Client, StoredSecret
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.secret import Secret

PURPOSE: Final = b"shared client secret"


def new_secret(secret: Secret, *, client: Client, keyring: Keyring, env: Env) -> StoredSecret:
    """The stored form of a new secret. Raises ValueError if the salt is needed and missing."""
    plain = secret.reveal()
    sealed = b""
    if client.auth_method in BY_SHARED:
        nonce = env.random_bytes(seal.NONCE)
        sealed = seal.seal(_key(keyring), plain.encode(), nonce=nonce, purpose=_purpose(client.id))
    return StoredSecret(digest=seal.digest(plain), created=env.now, sealed=sealed)


def usable_secrets(client: Client) -> tuple[StoredSecret, ...]:
    """The client's secrets that its method can use, without what the method does not need."""
    if client.auth_method in BY_SHARED:
        return tuple(kept for kept in client.secrets if kept.sealed)
    if client.auth_method in BY_SECRET:
        return tuple(msgspec.structs.replace(kept, sealed=b"") for kept in client.secrets)
    return ()


def unseal_secrets(client: Client, *, keyring: Keyring, now: int) -> Iterator[bytes]:
    """The shared secrets that are valid now, as bytes for an HMAC (OpenID Connect Core 10.1).
    Raises BadSeal for a secret that was sealed for another client or by another installation."""
    for kept in client.secrets:
        if kept.sealed and kept.is_valid(now):
            yield seal.unseal(_key(keyring), kept.sealed, purpose=_purpose(client.id))


def _key(keyring: Keyring) -> bytes:
    if not keyring.salt.raw:
        raise ValueError("no salt")
    return seal.mac(keyring.salt.raw, PURPOSE)


def _purpose(client: str) -> bytes:
    return msgspec.json.encode(["valetkey", "shared client secret", client])
