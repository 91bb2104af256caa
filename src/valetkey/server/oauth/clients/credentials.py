"""The checks of how a registered client authenticates: method, secrets, keys, certificate (RFC 7591
2).
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from valetkey.jose import jws, seal
from valetkey.server.model.client import (
    BY_KEY,
    BY_SECRET,
    BY_SHARED,
    WITH_KEYS,
    WITH_SECRET,
    Client,
    StoredSecret,
)
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring, Secret
from valetkey.server.oauth.clients import keys
from valetkey.server.oauth.core.context import Installation
from valetkey.spec.names import Cite
from valetkey.wire import address

CITE: Final = Cite("RFC 7591", "2")

OF_CERTIFICATES: Final = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)
"""The ways to name a client's certificate (RFC 8705 2.1.2)."""


def auth_method(client: Client, at: Installation) -> Iterator[str]:
    """Check that the method is offered here, and that the client has what it needs."""
    offered = [way.name for feature in at.features for way in feature.client_auth]
    if client.auth_method not in offered:
        yield f"{client.auth_method} is not offered here; {', '.join(offered)} are"
    if client.auth_method in WITH_KEYS and not (client.jwks or client.jwks_uri):
        yield f"{client.auth_method} needs jwks or jwks_uri"


def auth_algorithm(client: Client, at: Installation) -> Iterator[str]:
    """Check the algorithm of the client's assertions. Other methods have none."""
    if client.auth_method in BY_SHARED:
        fits = client.auth_algorithm in ("", jws.SHARED)
        yield "" if fits else f"{client.auth_method} allows only {jws.SHARED}"
        return
    signs = BY_KEY | {"attest_jwt_client_auth"}
    if client.auth_algorithm and client.auth_method not in signs:
        yield f"of no use with {client.auth_method}"
    yield _why_not_algorithm(client.auth_algorithm, client, at)


def secrets(client: Client, at: Installation) -> Iterator[str]:
    """Check that the client has secrets exactly if its method needs them, in the form it needs."""
    if client.is_public and client.secrets:
        yield "a public client (auth_method none) has no secret"
    if client.auth_method in WITH_SECRET and not client.secrets:
        yield f"{client.auth_method} needs one"
    if client.auth_method not in WITH_SECRET and not client.is_public and client.secrets:
        yield f"of no use with {client.auth_method}"
    if client.auth_method in BY_SHARED and not all(kept.sealed for kept in client.secrets):
        yield f"{client.auth_method} needs the secret itself, and only a digest is stored"


def jwks(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's keys by value. A client can't have keys by reference as well."""
    if client.jwks and client.jwks_uri:
        # RFC 7591 2: not both.
        yield "and jwks_uri cannot both be set"
    yield from keys.mistakes(client)


def jwks_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the address of the client's keys."""
    yield address.why_not(client.jwks_uri) if client.jwks_uri else ""


def request_object_algorithm(client: Client, at: Installation) -> Iterator[str]:
    """Check the algorithm of the client's request objects. Only clients with keys have one."""
    if client.request_object_algorithm and not (client.jwks or client.jwks_uri):
        yield "needs jwks or jwks_uri"
    yield _why_not_algorithm(client.request_object_algorithm, client, at)


def certificate(client: Client, at: Installation) -> Iterator[str]:
    """Check what names the client's certificate (RFC 8705 2.1.2), and what its tokens are bound
    to."""
    says = [name for name in OF_CERTIFICATES if getattr(client, name)]
    if client.auth_method == "tls_client_auth" and len(says) != 1:
        # RFC 8705 2.1.2: exactly one of them.
        yield f"tls_client_auth needs one of {', '.join(OF_CERTIFICATES)}"
    if client.auth_method != "tls_client_auth" and says:
        yield f"{says[0]} is of no use with {client.auth_method}"
    if client.tls_client_certificate_bound_access_tokens and client.dpop_bound_access_tokens:
        yield "tokens are bound to a certificate or to a key (DPoP), not to both"


def token_binding(client: Client, at: Installation) -> Iterator[str]:
    """Check that the client's tokens are bound in a way that is offered here."""
    offered = {sender.name for sender in at.senders}
    for name in client.bound_by:
        yield "" if name in offered else f"tokens have to be bound by {name}, which is switched off"


def _why_not_algorithm(algorithm: str, client: Client, at: Installation) -> str:
    allowed = at.all_policies[client.policy].client_algorithms
    if not algorithm or algorithm in allowed:
        return ""
    return f"the policy {client.policy} allows only {', '.join(allowed)}"


# How clients' secrets are stored: as a digest, and also sealed for a client that computes with its
# secret.
#
# The sealing key is derived from the salt, which is stored under the master key and never changes.
# The keys that seal codes last only minutes. The seal names the client, so a sealed secret is
# useless in another client's row.

SECRET_PURPOSE: Final = b"shared client secret"


def new_secret(secret: Secret, *, client: Client, keyring: Keyring, env: Env) -> StoredSecret:
    """The stored form of a new secret. Raises ValueError if the salt is needed and missing."""
    plain = secret.reveal()
    sealed = b""
    if client.auth_method in BY_SHARED:
        nonce = env.random_bytes(seal.NONCE)
        sealed = seal.seal(_key(keyring), plain.encode(), nonce=nonce, purpose=_purpose(client.id))
    return StoredSecret(
        digest=seal.digest(plain),
        created=env.now,
        sealed=sealed,
        id=env.random_bytes(4).hex(),
        last_four=last_four(plain),
    )


# Secrets of another system: until their first use, the slow hash that the other system stored (see
# `accounts.password_forms`); from then on a MAC, so that a check is fast, however short the secret
# is. Its key is not in the database either.

_REMEMBERED: Final = "$hmac-sha256$"


def is_slow_hash(secret: StoredSecret) -> bool:
    """Whether this is the hash of another system, which was not used here yet."""
    return secret.digest.startswith("$") and not secret.digest.startswith(_REMEMBERED)


def remembered(secret: Secret, *, client: Client, keyring: Keyring) -> str:
    """The stored form of a secret of another system from its first use on; "" without a salt."""
    if not keyring.salt.raw:
        return ""
    key = seal.mac(_key(keyring), b"imported client secret")
    message = msgspec.json.encode([client.id, secret.reveal()])
    return _REMEMBERED + seal.mac(key, message).hex()


LONG: Final = 32
"""Characters from which a secret is long enough to show some of it."""


def last_four(secret: str) -> str:
    """The last characters of a secret, by which people recognize it; "" for a short one, of which
    they would be too much."""
    return secret[-4:] if len(secret) >= LONG else ""


def usable_secrets(client: Client) -> tuple[StoredSecret, ...]:
    """The client's secrets that its method can use, without what the method does not need."""
    if client.auth_method in BY_SHARED:
        return tuple(kept for kept in client.secrets if kept.sealed)
    if client.auth_method in BY_SECRET:
        return tuple(msgspec.structs.replace(kept, sealed=b"") for kept in client.secrets)
    return ()


def unseal_secrets(
    client: Client, *, keyring: Keyring, now: int
) -> Iterator[tuple[StoredSecret, bytes]]:
    """The shared secrets that are valid now, each with its bytes for an HMAC, as
    OpenID Connect Core 10.1 has it. Raises BadSeal for one that was sealed for another client or by
    another installation."""
    for kept in client.secrets:
        if kept.sealed and kept.is_valid(now):
            yield kept, seal.unseal(_key(keyring), kept.sealed, purpose=_purpose(client.id))


def _key(keyring: Keyring) -> bytes:
    if not keyring.salt.raw:
        raise ValueError("no salt")
    return seal.mac(keyring.salt.raw, SECRET_PURPOSE)


def _purpose(client: str) -> bytes:
    return msgspec.json.encode(["valetkey", "shared client secret", client])
