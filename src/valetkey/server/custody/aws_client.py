"""Calls of AWS KMS. Needs the extra `aws`.

botocore signs the requests, and finds credentials as every program of AWS does (environment,
profile, role of a container or a machine).
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
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

from valetkey.server.custody.key_service import KeyServiceError, printable

_CREDENTIALS: Final = (
    "has no credentials: give this server a role, or set AWS_ACCESS_KEY_ID and so on"
)
_REFUSED: Final = "does not accept the credentials of this server ({code}): renew them"
_BUSY: Final = "cannot answer now ({code}): try again"

BUSY_CODES: Final = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
    }
)
"""Error codes that say nothing about the next request."""

KEY_CODES: Final = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "KeyMismatch",
        "NotFoundException",
    }
)
"""Error codes that say nothing about other keys. `KeyMismatch` is our own."""

FIXES: Final = {
    "AccessDeniedException": (
        "refuses ({code}): allow {action} with this key to the role of this server"
    ),
    "DisabledException": "has disabled the key ({code}): enable it",
    "KMSInvalidStateException": "cannot use the key ({code}): it is disabled, or will be deleted",
    "ExpiredTokenException": _REFUSED,
    "IncompleteSignature": _REFUSED,
    "InvalidClientTokenId": _REFUSED,
    "InvalidSignatureException": _REFUSED,
    "UnrecognizedClientException": _REFUSED,
    **dict.fromkeys(BUSY_CODES, _BUSY),
}
"""What went wrong, and how to fix it, by the error code of AWS."""


class KmsCallError(KeyServiceError):
    """AWS KMS did not answer as wanted. `code` is its error code, "" if it can't be reached."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class KmsClient:
    """A client of AWS KMS, for several threads."""

    def __init__(
        self,
        *,
        table: str,
        region: str,
        url: str = "",
        ca_file: Path | None = None,
        fixes: Mapping[str, str],
        timeouts: tuple[float, float],
        connections: int = 1,
    ) -> None:
        """`table` is the one with its settings. `timeouts` are the seconds to connect, and to wait
        for a part of the answer. `fixes` adds to FIXES. Raises KeyServiceError if no region is
        known, or the settings of AWS are wrong."""
        # At the level DEBUG it logs the bodies of answers, which contain the unwrapped key.
        for name in ("botocore", "urllib3"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._fixes = {**FIXES, **fixes}
        self.name = f"AWS KMS {region}".strip()
        connect, read = timeouts
        options: dict[str, Any] = {
            "region_name": region or None,
            "endpoint_url": url or None,
            "verify": None if ca_file is None else str(ca_file),
            "config": Config(
                connect_timeout=connect,
                read_timeout=read,
                retries={"total_max_attempts": 2},
                max_pool_connections=connections,
            ),
        }
        try:
            self._client = botocore.session.get_session().create_client("kms", **options)
        except NoRegionError as error:
            raise KmsCallError(f"{self.name} needs {table}.region") from error
        except (BotoCoreError, ValueError, OSError) as error:
            raise KmsCallError(f"{self.name} is not set up: {printable(str(error))}") from error

    def call(self, method: str, action: str, *, key: str = "", **parameters: Any) -> Any:
        """The answer. `action` is what a policy has to allow, `key` the key that it is about.
        Raises KmsCallError."""
        about_key = {"KeyId": key} if key else {}
        code = ""
        try:
            return getattr(self._client, method)(**about_key, **parameters)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "no code"))
            fix = self._fixes.get(code, "refuses ({code})")
            text = fix.format(code=printable(code), action=action)
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError):
            text = _CREDENTIALS
        except BotoCoreError as error:
            text = f"cannot be reached: {printable(str(error))}"
        about = f", key {key}," if key else ""
        raise KmsCallError(f"{self.name}{about} {text}", code)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def aliases(self) -> Iterator[Any]:
        """All aliases of keys. Raises KmsCallError."""
        marker: dict[str, str] = {}
        while True:
            answer = self.call("list_aliases", "kms:ListAliases", Limit=100, **marker)
            yield from answer["Aliases"]
            if not answer.get("Truncated"):
                return
            marker = {"Marker": answer["NextMarker"]}
