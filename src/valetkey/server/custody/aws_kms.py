"""AWS KMS wraps and unwraps the master key, with a symmetric key that never leaves it.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html. Needs the extra `aws`:
botocore signs the requests, and finds credentials as every program of AWS does (environment,
profile, role of a container or a machine).
"""

import logging
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from valetkey.jose import base64url
from valetkey.server.custody.key_service import (
    PREFIXES,
    TIMEOUT,
    KeyServiceError,
    KeyServiceTerms,
    printable,
)

CONTEXT: Final = {"purpose": "valetkey master key"}
"""Bound to each wrapped key (the encryption context). Policies of keys and CloudTrail show it."""

VERSION: Final = "v1:"

_PREFIX: Final = PREFIXES["aws-kms"] + VERSION

_CREDENTIALS: Final = (
    "has no credentials: give this server a role, or set AWS_ACCESS_KEY_ID and so on"
)
_REFUSED: Final = "does not accept the credentials of this server ({code}): renew them"
_NOT_OURS: Final = (
    "has not wrapped this master key ({code}): check key_service.key, or bring the right file back"
)
_BUSY: Final = "cannot answer now ({code}): try again"

_FIXES: Final = {
    "AccessDeniedException": (
        "refuses ({code}): allow {action} with this key to the role of this server"
    ),
    "NotFoundException": "has no such key ({code}): check key_service.key and key_service.region",
    "DisabledException": "has disabled the key ({code}): enable it",
    "KMSInvalidStateException": "cannot use the key ({code}): it is disabled, or will be deleted",
    "InvalidKeyUsageException": "needs a symmetric key to encrypt and decrypt with ({code})",
    "IncorrectKeyException": _NOT_OURS,
    "InvalidCiphertextException": _NOT_OURS,
    "ExpiredTokenException": _REFUSED,
    "IncompleteSignature": _REFUSED,
    "InvalidClientTokenId": _REFUSED,
    "InvalidSignatureException": _REFUSED,
    "UnrecognizedClientException": _REFUSED,
    "DependencyTimeoutException": _BUSY,
    "KMSInternalException": _BUSY,
    "KeyUnavailableException": _BUSY,
    "ThrottlingException": _BUSY,
}
"""What went wrong, and how to fix it, by the error code of AWS."""


class AwsKms:
    """A symmetric key of AWS KMS."""

    def __init__(self, terms: KeyServiceTerms) -> None:
        """Raises KeyServiceError if no region is known, or the settings of AWS are wrong."""
        # At the level DEBUG it logs the bodies of answers, which contain the unwrapped key.
        for name in ("botocore", "urllib3"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._key = terms.key
        self._name = f"AWS KMS {terms.region}, key {terms.key},".replace(" ,", ",")
        options: dict[str, Any] = {
            "region_name": terms.region or None,
            "endpoint_url": terms.url or None,
            "verify": None if terms.ca_file is None else str(terms.ca_file),
            "config": Config(
                connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"total_max_attempts": 2}
            ),
        }
        try:
            self._client = botocore.session.get_session().create_client("kms", **options)
        except NoRegionError as error:
            raise KeyServiceError(f"{self._name} needs key_service.region") from error
        except (BotoCoreError, ValueError, OSError) as error:
            raise KeyServiceError(f"{self._name} is not set up: {printable(str(error))}") from error

    def wrap(self, plain: bytes) -> str:
        """Encrypt. Raises KeyServiceError."""
        answer = self._call("encrypt", "kms:Encrypt", Plaintext=plain)
        return _PREFIX + base64url.encode(answer["CiphertextBlob"])

    def unwrap(self, wrapped: str) -> bytes:
        """Decrypt. The key is named, so a text that another key has wrapped is refused, also one of
        another account. Raises KeyServiceError."""
        version, text = wrapped[: len(_PREFIX)], wrapped[len(_PREFIX) :]
        try:
            blob = base64url.decode(text) if version == _PREFIX else b""
        except ValueError:
            blob = b""
        if not blob:
            raise KeyServiceError(f"{self._name} {_NOT_OURS.format(code='no ciphertext')}")
        plain: bytes = self._call("decrypt", "kms:Decrypt", CiphertextBlob=blob)["Plaintext"]
        return plain

    def _call(self, method: str, action: str, **parameters: Any) -> Any:
        call = getattr(self._client, method)
        try:
            return call(KeyId=self._key, EncryptionContext=CONTEXT, **parameters)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "no code"))
            text = _FIXES.get(code, "refuses ({code})").format(code=printable(code), action=action)
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError):
            text = _CREDENTIALS
        except BotoCoreError as error:
            text = f"cannot be reached: {printable(str(error))}"
        raise KeyServiceError(f"{self._name} {text}")
