"""Security event tokens (RFC 8417) of the Shared Signals Framework 1.0, and the CAEP and RISC
events that this server sends."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from valetkey.jose import jws
from valetkey.jose.jwk import Algorithm, PrivateKey
from valetkey.spec.names import Cite

CITE: Final = Cite("RFC 8417", "2")
TYPE: Final = "secevent+jwt"
MEDIA: Final = f"application/{TYPE}"
ALGORITHM: Final[Algorithm] = "RS256"
"""The algorithm that every receiver supports (CAEP Interoperability Profile)."""

PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"

_CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
_RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
_SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"

TOKEN_CLAIMS_CHANGE: Final = f"{_CAEP}token-claims-change"
SESSION_REVOKED: Final = f"{_CAEP}session-revoked"
CREDENTIAL_CHANGE: Final = f"{_CAEP}credential-change"
CREDENTIAL_COMPROMISE: Final = f"{_RISC}credential-compromise"
ACCOUNT_DISABLED: Final = f"{_RISC}account-disabled"
ACCOUNT_ENABLED: Final = f"{_RISC}account-enabled"
ACCOUNT_PURGED: Final = f"{_RISC}account-purged"
VERIFICATION: Final = f"{_SSF}verification"

EVENTS: Final = (
    TOKEN_CLAIMS_CHANGE,
    SESSION_REVOKED,
    CREDENTIAL_CHANGE,
    CREDENTIAL_COMPROMISE,
    ACCOUNT_DISABLED,
    ACCOUNT_ENABLED,
    ACCOUNT_PURGED,
)
"""The events that a receiver may request. RISC's `sessions-revoked` is deprecated in favor of
CAEP's event."""

Subject: TypeAlias = Mapping[str, Any]
"""A subject identifier (RFC 9493)."""


class SecurityEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims. Without `sub` and `exp` it never passes for another kind of token (Shared Signals
    Framework 4.1). All events of one change have the same `txn`."""

    iss: str
    aud: str
    jti: str
    iat: int
    sub_id: Subject
    events: Mapping[str, Mapping[str, Any]]
    txn: str = ""


def write(event: SecurityEvent, *, key: PrivateKey) -> str:
    """The event, signed."""
    return jws.sign(msgspec.json.encode(event), key=key, typ=TYPE)


def user(iss: str, sub: str) -> Subject:
    """The subject for a user of this server."""
    return {"format": "iss_sub", "iss": iss, "sub": sub}


def opaque(name: str) -> Subject:
    """A subject with a name that the server and the receiver have agreed on."""
    return {"format": "opaque", "id": name}


def whole(members: Mapping[str, Subject]) -> Subject:
    """A complex subject: it matches if all its members match (Shared Signals Framework 3.3). A user
    alone is a simple subject."""
    if set(members) == {"user"}:
        return members["user"]
    return {"format": "complex", **members}
