"""The keys of the audit log: made, opened with the master key, and replaced."""

from collections.abc import Sequence
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from valetkey.server.audit.notes import SignerKey
from valetkey.server.model.audit import AuditKey
from valetkey.server.model.query import Many
from valetkey.server.store.master_key import MasterKey, audit_key_purpose, master_keys
from valetkey.server.store.port import Store
from valetkey.wire import address

_EVERY: Final = Many(AuditKey)


def make_key(
    issuer: str, master: MasterKey, *, status: Literal["coming", "current"], now: int
) -> AuditKey:
    """A new key, encrypted with the master key. `now` is in seconds since 1970."""
    private = Ed25519PrivateKey.generate()
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    verifier = SignerKey(key_name(issuer), private).verifier
    name = verifier.id.hex()
    sealed = master_keys(master).seal(raw, purpose=audit_key_purpose(name))
    return AuditKey(id=name, verifier=str(verifier), sealed=sealed, status=status, created=now)


def key_name(issuer: str) -> str:
    """The name of the audit keys of an issuer: its host and path, with `/audit`."""
    return f"{issuer.partition('://')[2] or address.host(issuer)}/audit".replace("+", "-")


def open_key(key: AuditKey, master: MasterKey) -> SignerKey:
    """The key, to sign with. Raises BadSeal if the master key does not open it."""
    raw = master_keys(master).unseal(key.sealed, purpose=audit_key_purpose(key.id))
    name = key.verifier.partition("+")[0]
    return SignerKey(name, Ed25519PrivateKey.from_private_bytes(raw))


async def read_audit_keys(store: Store) -> Sequence[AuditKey]:
    """Every key of the audit log. Raises Unavailable."""
    return (await store.read(_EVERY)).many(_EVERY)


def current_key(keys: Sequence[AuditKey]) -> AuditKey | None:
    """The key that signs, None if there is none yet."""
    return next((one for one in keys if one.status == "current"), None)


def coming_key(keys: Sequence[AuditKey]) -> AuditKey | None:
    """The key that replaces it at the next head, if any."""
    return next((one for one in keys if one.status == "coming"), None)
