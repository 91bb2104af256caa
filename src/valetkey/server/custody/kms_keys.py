"""AWS KMS holds signing keys and signs with them.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html. Needs the extra `aws`. A
signature is a request to another machine, so the server signs in a pool (`signing_pool`).
"""

import hashlib
import os
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from valetkey.jose.jwk import Ours, PrivateKey
from valetkey.server.custody.aws_client import BUSY_CODES, KEY_CODES, KmsCallError, KmsClient
from valetkey.server.custody.key_service import KeyServiceError
from valetkey.server.custody.signing_pool import SigningPool
from valetkey.server.custody.stored_keys import StoredKey, stored_key
from valetkey.server.model.keys import StoreKind
from valetkey.server.store.master_key import SignatureCounts
from valetkey.server.store.port import TokenUnavailable

PAUSE: Final = 1.0
"""Seconds for which a service that has failed is not asked again; then by one at a time."""

FRESH: Final = 10.0
"""Seconds for which a signature shows that the service signs."""

TIMEOUTS: Final = (1.0, 2.0)
"""Seconds to connect, and to wait for an answer."""

PREFIX: Final = "alias/valetkey-"
"""How the aliases of our keys begin."""

LARGEST: Final = 4096
"""Bytes that AWS KMS hashes itself; of more, it gets the digest."""

_PROBE: Final = b"valetkey checks that this key signs"

_SPECS: Final[dict[Ours, str]] = {"ES256": "ECC_NIST_P256", "RS256": "RSA_2048"}

_ALGORITHMS: Final[dict[Ours, str]] = {
    "ES256": "ECDSA_SHA_256",
    "RS256": "RSASSA_PKCS1_V1_5_SHA_256",
}

_FIXES: Final = {
    "NotFoundException": "is not there ({code}): check kms.region, or revoke it "
    "(valetkey key revoke)",
    "KMSInvalidStateException": "cannot sign ({code}): enable it or cancel its deletion, or revoke "
    "it (valetkey key revoke)",
    "InvalidKeyUsageException": "does not sign ({code}): it is another key",
}


class KmsTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Where AWS KMS is, the algorithms of new keys that it makes, and how many signatures it may
    make at once for this process."""

    region: str = ""
    url: str = ""
    ca_file: Path | None = None
    algorithms: tuple[Ours, ...] = ()
    connections: int = 32


class KmsKeys:
    """Signing keys in AWS KMS, for several threads. A key's label is its id there."""

    store: StoreKind = "aws-kms"

    def __init__(self, terms: KmsTerms) -> None:
        self._terms = terms
        self._name = f"AWS KMS {terms.region}".strip()
        self._lock = threading.Lock()
        self._client: KmsClient | None = None
        self._pid = 0
        self._failed = ""
        self._not_before = 0.0
        self._is_probing = False
        self._signed_at = dict[str, float]()
        self.counts = SignatureCounts()
        self.pool = SigningPool(self._name, terms.connections)

    @property
    def algorithms(self) -> Collection[Ours]:
        """Those of new keys that it makes."""
        return self._terms.algorithms

    def key(self, algorithm: Ours, label: str, public: bytes) -> PrivateKey:
        """The key with this id, which signs there. The service is not asked yet."""
        return stored_key(self, algorithm, label, public=public)

    def check(self, keys: Collection[PrivateKey]) -> None:
        """Sign with each of the keys that has not signed just now. Raises TokenUnavailable."""
        for one in keys:
            if isinstance(one.key, StoredKey):
                self._check_pause()
                if time.monotonic() - self._signed_at.get(one.key.label, -FRESH) >= FRESH:
                    self.sign(one.key, _PROBE)

    def sign(self, key: StoredKey, data: bytes) -> bytes:
        """The signature: R and S for ES256, PKCS #1 for RS256. It is checked with the public half
        that others know. Raises TokenUnavailable."""
        began = time.monotonic()
        parameters = {"Message": data, "MessageType": "RAW"}
        if len(data) > LARGEST:
            parameters = {"Message": hashlib.sha256(data).digest(), "MessageType": "DIGEST"}
        is_probe = self._begin()
        try:
            answer = self._call(
                "sign",
                "kms:Sign",
                key=key.label,
                SigningAlgorithm=_ALGORITHMS[key.algorithm],
                **parameters,
            )
            signature = (
                _raw(answer["Signature"]) if key.algorithm == "ES256" else answer["Signature"]
            )
            key.verify(signature, data)
        except (InvalidSignature, ValueError):
            self._fail(key.label, f"{self._name}, key {key.label}, signs with another key")
        except KmsCallError as error:
            self._fail(key.label, str(error), code=error.code)
        finally:
            if is_probe:
                self._is_probing = False
        with self._lock:
            self._failed = ""
            self._signed_at[key.label] = now = time.monotonic()
            self.counts.add(key.label, now - began)
        return signature

    def _begin(self) -> bool:
        """Whether this call finds out if a service that failed is back. Raises TokenUnavailable
        while another does, and for a while after a failure: else every thread would wait for it."""
        with self._lock:
            self._check_pause()
            if not self._failed:
                return False
            if self._is_probing:
                raise TokenUnavailable(self._failed)
            self._is_probing = True
            return True

    def _check_pause(self) -> None:
        if self._failed and time.monotonic() < self._not_before:
            raise TokenUnavailable(self._failed)

    def _fail(self, label: str, why: str, *, code: str = "KeyMismatch") -> NoReturn:
        """What concerns one key, or one moment, leaves the others alone."""
        with self._lock:
            self.counts.fail(label)
            if code not in BUSY_CODES | KEY_CODES:
                self._failed, self._not_before = why, time.monotonic() + PAUSE
        raise TokenUnavailable(why)

    def generate(self, algorithm: Ours) -> tuple[str, bytes]:
        """Make a key: its id, and its public half. Raises TokenUnavailable."""
        try:
            created = self._call(
                "create_key",
                "kms:CreateKey",
                KeyUsage="SIGN_VERIFY",
                KeySpec=_SPECS[algorithm],
                Description=f"valetkey signs {algorithm}",
            )["KeyMetadata"]
            label: str = created["KeyId"]
            alias = f"{PREFIX}{algorithm}-{label}"
            self._call("create_alias", "kms:CreateAlias", AliasName=alias, TargetKeyId=label)
            half: bytes = self._call("get_public_key", "kms:GetPublicKey", key=label)["PublicKey"]
        except KeyServiceError as error:
            raise TokenUnavailable(str(error)) from error
        return label, half

    def labels(self) -> list[str]:
        """The ids of keys with an alias of ours. Raises TokenUnavailable."""
        try:
            return sorted(
                one["TargetKeyId"]
                for one in self._connected().aliases()
                if one["AliasName"].startswith(PREFIX) and "TargetKeyId" in one
            )
        except KeyServiceError as error:
            raise TokenUnavailable(str(error)) from error

    def close(self) -> None:
        """Stop the threads, and end the connections; the next use begins others."""
        self.pool.close()
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _call(self, method: str, action: str, *, key: str = "", **parameters: Any) -> Any:
        return self._connected().call(method, action, key=key, **parameters)

    def _connected(self) -> KmsClient:
        # A connection is not for two processes.
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                self._client = KmsClient(
                    table="kms",
                    region=self._terms.region,
                    url=self._terms.url,
                    ca_file=self._terms.ca_file,
                    fixes=_FIXES,
                    timeouts=TIMEOUTS,
                    connections=self._terms.connections,
                )
                self._pid = os.getpid()
            return self._client


def _raw(der: bytes) -> bytes:
    """R and S, each of 32 bytes. Raises ValueError."""
    try:
        return b"".join(one.to_bytes(32, "big") for one in decode_dss_signature(der))
    except OverflowError as error:
        raise ValueError("no signature of P-256") from error
