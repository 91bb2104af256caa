"""AWS KMS wraps and unwraps the master key, with a symmetric key that never leaves it.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html. Needs the extra `aws`.
"""

from typing import Any, Final

from valetkey.jose import base64url
from valetkey.server.custody.aws_client import KmsClient
from valetkey.server.custody.key_service import PREFIXES, TIMEOUT, KeyServiceError, KeyServiceTerms

CONTEXT: Final = {"purpose": "valetkey master key"}
"""Bound to each wrapped key (the encryption context). Policies of keys and CloudTrail show it."""

VERSION: Final = "v1:"

_PREFIX: Final = PREFIXES["aws-kms"] + VERSION

_NOT_OURS: Final = (
    "has not wrapped this master key ({code}): check key_service.key, or bring the right file back"
)

_FIXES: Final = {
    "NotFoundException": "has no such key ({code}): check key_service.key and key_service.region",
    "InvalidKeyUsageException": "needs a symmetric key to encrypt and decrypt with ({code})",
    "IncorrectKeyException": _NOT_OURS,
    "InvalidCiphertextException": _NOT_OURS,
}


class AwsKms:
    """A symmetric key of AWS KMS."""

    def __init__(self, terms: KeyServiceTerms) -> None:
        """Raises KeyServiceError if no region is known, or the settings of AWS are wrong."""
        self._key = terms.key
        self._client = KmsClient(
            table="key_service",
            region=terms.region,
            url=terms.url,
            ca_file=terms.ca_file,
            fixes=_FIXES,
            timeouts=(TIMEOUT, TIMEOUT),
        )

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
            why = _NOT_OURS.format(code="no ciphertext")
            raise KeyServiceError(f"{self._client.name}, key {self._key}, {why}")
        plain: bytes = self._call("decrypt", "kms:Decrypt", CiphertextBlob=blob)["Plaintext"]
        return plain

    def _call(self, method: str, action: str, **parameters: Any) -> Any:
        return self._client.call(
            method, action, key=self._key, EncryptionContext=CONTEXT, **parameters
        )
