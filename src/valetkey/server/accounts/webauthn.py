"""WebAuthn (W3C, Level 3): what a browser is asked for, and the check of what its authenticator
signed. The library fido2 parses and verifies; the rules for passkeys are in `accounts.passkeys`.

A response comes as JSON, in the form of `PublicKeyCredential.toJSON()` (5.1), with bytes in
base64url.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
)

from valetkey.jose import base64url
from valetkey.server.accounts.relying_party import RelyingParty
from valetkey.spec.names import Cite

CITE: Final = Cite("WebAuthn", "7")

CHALLENGE: Final = 32
"""Bytes of a challenge."""

HANDLE: Final = 32
"""Bytes of a user handle: random, so that it says nothing about the user (14.6.1)."""

MAX_RESPONSE: Final = 16 * 1024
"""Characters of a response. Parsing CBOR copies it once for each of its values."""

_MAX_PART: Final = 4 * 1024
_MAX_ATTESTATION: Final = 8 * 1024
_MAX_CREDENTIAL: Final = 1023

ALGORITHMS: Final = (-8, -7, -257)
"""EdDSA, ES256 and RS256 (COSE): those that authenticators have, best first."""

_LEAST_RSA: Final = 2048 // 8
_MOST_RSA: Final = 4096 // 8
_RSA: Final = -257

Kind: TypeAlias = Literal["create", "get"]
TRANSPORTS: Final = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})


class WrongResponse(ValueError):
    """The response proves nothing. The text says why, for the log; it has no secrets."""


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """What a registration brings. `credential` is the attested credential data (6.5.2): the model
    of the authenticator, the credential's id and its public key."""

    credential: bytes
    credential_id: str
    sign_count: int
    is_user_verified: bool
    backup_eligible: bool
    backed_up: bool
    transports: tuple[str, ...] = ()


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in brings, checked with the credential's public key."""

    sign_count: int
    is_user_verified: bool
    backup_eligible: bool
    backed_up: bool


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    client_data: str = msgspec.field(name="clientDataJSON")
    attestation: str = msgspec.field(name="attestationObject", default="")
    authenticator_data: str = msgspec.field(name="authenticatorData", default="")
    signature: str = ""
    user_handle: str | None = msgspec.field(name="userHandle", default=None)
    transports: tuple[str, ...] = ()


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The response of an authenticator, not checked yet."""

    id: str
    raw_id: str = msgspec.field(name="rawId")
    type: Literal["public-key"]
    response: _Parts

    def __repr__(self) -> str:
        return "Response(…)"

    @property
    def user_handle(self) -> bytes | None:
        """The handle of the user whom the authenticator means, None if it names none."""
        text = self.response.user_handle
        return base64url.decode(text) if text else None

    @property
    def mapping(self) -> Mapping[str, Any]:
        """As the library reads it."""
        parts = self.response
        read = {
            "clientDataJSON": parts.client_data,
            "attestationObject": parts.attestation,
            "authenticatorData": parts.authenticator_data,
            "signature": parts.signature,
        }
        given = {name: value for name, value in read.items() if value}
        return {"id": self.id, "rawId": self.raw_id, "type": self.type, "response": given}


def read_response(text: str) -> Response:
    """The response in this JSON. Raises WrongResponse."""
    if len(text) > MAX_RESPONSE:
        raise WrongResponse("too long")
    try:
        response = msgspec.json.decode(text, type=Response)
        size = len(base64url.decode(response.raw_id))
        handle = response.user_handle
    except (ValueError, msgspec.DecodeError) as error:
        raise WrongResponse("no response of an authenticator") from error
    parts = response.response
    texts = (parts.client_data, parts.authenticator_data, parts.signature)
    rules = (
        (response.id == response.raw_id, "two ids"),
        (0 < size <= _MAX_CREDENTIAL, "a credential id of a wrong length"),
        (handle is None or len(handle) <= 64, "a user handle that is too long"),
        (max(map(len, texts)) <= _MAX_PART, "a part that is too long"),
        (len(parts.attestation) <= _MAX_ATTESTATION, "an attestation that is too long"),
    )
    for holds, why in rules:
        if not holds:
            raise WrongResponse(why)
    return response


_BROKEN: Final = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError),
    *(AssertionError, RecursionError, struct.error, UnsupportedAlgorithm),
)
"""What parsing raises for bytes that are no proper structure."""


def verify_registration(response: Response, challenge: bytes, party: RelyingParty) -> NewPasskey:
    """Checks a new passkey (7.1). An attestation proves nothing here, and is ignored. Raises
    WrongResponse."""
    try:
        data = _registered(response, challenge, party)
    except _BROKEN as error:
        raise WrongResponse(_why(error)) from error
    credential = data.credential_data
    if credential is None or base64url.encode(credential.credential_id) != response.id:
        raise WrongResponse("two ids")
    _check_flags(data)
    transports = [one for one in response.response.transports[:8] if one in TRANSPORTS]
    return NewPasskey(
        credential=bytes(credential),
        credential_id=response.id,
        sign_count=data.counter,
        is_user_verified=data.is_user_verified(),
        backup_eligible=data.is_backup_eligible(),
        backed_up=data.is_backed_up(),
        transports=tuple(dict.fromkeys(transports)),
    )


def _registered(response: Response, challenge: bytes, party: RelyingParty) -> AuthenticatorData:
    registration = RegistrationResponse.from_dict(response.mapping)
    _check_frame(registration.response.client_data)
    data = _server(party).register_complete(_state(challenge), registration)
    if data.credential_data is not None:
        _check_key(data.credential_data.public_key)
    return data


def verify_assertion(
    response: Response, challenge: bytes, *, credential: bytes, party: RelyingParty
) -> Assertion:
    """Checks a sign-in with a stored credential (7.2). Raises WrongResponse."""
    try:
        data = _asserted(response, challenge, AttestedCredentialData(credential), party=party)
    except _BROKEN as error:
        raise WrongResponse(_why(error)) from error
    _check_flags(data)
    return Assertion(
        sign_count=data.counter,
        is_user_verified=data.is_user_verified(),
        backup_eligible=data.is_backup_eligible(),
        backed_up=data.is_backed_up(),
    )


def _asserted(
    response: Response, challenge: bytes, credential: AttestedCredentialData, *, party: RelyingParty
) -> AuthenticatorData:
    authentication = AuthenticationResponse.from_dict(response.mapping)
    _check_frame(authentication.response.client_data)
    _server(party).authenticate_complete(_state(challenge), [credential], authentication)
    return authentication.response.authenticator_data


def _check_frame(client_data: CollectedClientData) -> None:
    if client_data.cross_origin is not False:
        raise WrongResponse("from a frame in another site's page")


def _server(party: RelyingParty) -> Fido2Server:
    """What verifies responses."""
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=party.rp_id, name=party.name),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin in party.origins,
    )


def _state(challenge: bytes) -> dict[str, Any]:
    # Whether the user was verified is judged by what it has to be good for.
    return {"challenge": base64url.encode(challenge), "user_verification": None}


def _why(error: BaseException) -> str:
    """The words of ours or of the library, which do not quote the response; else the kind of
    error."""
    return str(error) if type(error) in {ValueError, WrongResponse} else type(error).__name__


def _check_flags(data: AuthenticatorData) -> None:
    # 7.1 and 7.2: what is backed up can be.
    if data.is_backed_up() and not data.is_backup_eligible():
        raise WrongResponse("backed up, and cannot be")


def _check_key(key: CoseKey) -> None:
    """A public key of an allowed kind and size, which can be used. Raises ValueError."""
    if key.get(3) not in ALGORITHMS:
        raise WrongResponse("an algorithm that was not offered")
    if key[3] == _RSA and not (
        _LEAST_RSA <= len(key[-1].lstrip(b"\0")) <= _MOST_RSA and len(key[-2]) <= 4
    ):
        raise WrongResponse("an RSA key that is too short, or too slow")
    try:
        key.verify(b"", b"")
    except InvalidSignature:
        return
    raise WrongResponse("a key that takes any signature")


# What the browser is asked for (5.4, 5.5), as JSON for `parseCreationOptionsFromJSON` and
# `parseRequestOptionsFromJSON`.


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """The user of a new passkey: the handle, and the names that the browser shows."""

    handle: bytes
    username: str
    display_name: str


def creation_options(
    party: RelyingParty,
    member: Member,
    challenge: bytes,
    *,
    existing: Sequence[str],
    seconds: int,
) -> dict[str, Any]:
    """Options for a new passkey, which has to be discoverable. `existing` are the ids of those that
    the user has: their authenticators make no second one."""
    return {
        "rp": {"id": party.rp_id, "name": party.name},
        "user": {
            "id": base64url.encode(member.handle),
            "name": member.username,
            "displayName": member.display_name,
        },
        "challenge": base64url.encode(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": one} for one in ALGORITHMS],
        "timeout": seconds * 1000,
        "excludeCredentials": _descriptors(existing),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "preferred",
        },
        "attestation": "none",
        "extensions": {"credProps": True},
    }


def request_options(
    party: RelyingParty, challenge: bytes, *, allowed: Sequence[str] = (), seconds: int
) -> dict[str, Any]:
    """Options for a sign-in: with any passkey of this server, or with one of those `allowed`."""
    return {
        "rpId": party.rp_id,
        "challenge": base64url.encode(challenge),
        "timeout": seconds * 1000,
        "allowCredentials": _descriptors(allowed),
        "userVerification": "preferred",
    }


def _descriptors(ids: Sequence[str]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": one} for one in ids]
