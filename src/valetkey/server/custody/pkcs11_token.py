"""A PKCS#11 token, such as an HSM, holds signing keys and signs with them.

PKCS #11 3.1 (OASIS). Needs the extra `pkcs11`. A signature blocks: it has to be quick. The token is
opened at its first use, and once more after a fork, as 5.4 demands (C_Initialize).
"""

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import (
    MultipleObjectsReturned,
    MultipleTokensReturned,
    NoSuchKey,
    NoSuchToken,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
)
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from valetkey.jose.jwk import RSA_BITS, Ours, PrivateKey
from valetkey.server.custody.stored_keys import StoredKey, stored_key
from valetkey.server.model.keys import Secret, StoreKind
from valetkey.server.store.master_key import SignatureCounts
from valetkey.server.store.port import TokenUnavailable

PAUSE: Final = 1.0
"""Seconds for which a token that has failed is not tried again."""

LOCK_WAIT: Final = 0.5
"""The most seconds to wait while another process opens a token."""

PREFIX: Final = "valetkey-"
"""How the labels of our keys begin."""

_PROBE: Final = b"valetkey checks that this key signs"

_MECHANISMS: Final[dict[Ours, Mechanism]] = {
    # The digest is made here: few tokens have ECDSA_SHA256.
    "ES256": Mechanism.ECDSA,
    "RS256": Mechanism.SHA256_RSA_PKCS,
}

_WRONG_PIN: Final = (PinIncorrect, PinInvalid, PinLenRange, PinLocked)


class NoModule(PKCS11Error):
    """The file is no PKCS#11 module."""


_FIXES: Final[tuple[tuple[type[PKCS11Error], str], ...]] = (
    (NoModule, "cannot be used: check pkcs11.module"),
    (NoSuchToken, "is not there: check pkcs11.token, and that the device is connected"),
    (MultipleTokensReturned, "is there twice: give each token a label of its own"),
    (PinLocked, "is locked after wrong PINs: let its security officer unlock it"),
    (PinIncorrect, "refuses the PIN: check pkcs11.pin_file; wrong ones lock the token"),
    (PinInvalid, "refuses the PIN: check pkcs11.pin_file"),
    (PinLenRange, "refuses the PIN: check pkcs11.pin_file"),
    (MultipleObjectsReturned, "has key {label} twice: delete the one that is not ours"),
    (
        NoSuchKey,
        "has no key {label}: bring it back from a backup, or revoke it (valetkey key revoke)",
    ),
)
"""What went wrong, and how to fix it."""


@contextlib.contextmanager
def _one_at_a_time(module: Path) -> Iterator[None]:
    """For one process of this machine at a time: where workers open SoftHSM in the same moment, one
    reads the file that another writes, and takes the token for broken or gone. Everybody may lock
    the module, so it waits for LOCK_WAIT only."""
    with contextlib.ExitStack() as stack:
        # Without a lock, as on some file systems; a module that is not there is named when loaded.
        with contextlib.suppress(OSError):
            file = os.open(module, os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, file)
            until = time.monotonic() + LOCK_WAIT
            while not _locked(file) and time.monotonic() < until:
                time.sleep(0.005)
        yield


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class TokenTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Which token: the PKCS#11 module (a shared library), the label and the PIN of the token, and
    the algorithms of new keys that it makes."""

    module: Path
    label: str
    pin: Secret
    algorithms: tuple[Ours, ...]


class Pkcs11Token:
    """A token. It may be used by several threads, one at a time. It is near: no pool."""

    store: StoreKind = "pkcs11"
    pool = None

    def __init__(self, terms: TokenTerms) -> None:
        self._terms = terms
        self._lock = threading.Lock()
        self._session: Any = None
        self._library: Any = None
        self._handles: dict[str, Any] = {}
        self._pid = 0
        self._not_before = float("-inf")
        self._failed = ""
        self.counts = SignatureCounts()

    @property
    def algorithms(self) -> Collection[Ours]:
        """Those of new keys that it makes."""
        return self._terms.algorithms

    def key(self, algorithm: Ours, label: str, public: bytes) -> PrivateKey:
        """The key with this label, which signs in the token. The token is not asked yet."""
        return stored_key(self, algorithm, label, public=public)

    def check(self, keys: Collection[PrivateKey]) -> None:
        """Sign with each of the keys. Raises TokenUnavailable."""
        for one in keys:
            if isinstance(one.key, StoredKey):
                self.sign(one.key, _PROBE)

    def sign(self, key: StoredKey, data: bytes) -> bytes:
        """The signature: R and S for ES256, PKCS #1 for RS256. A connection that broke is opened
        once more. Raises TokenUnavailable."""
        with self._lock:
            self._check_pause()
            began = time.monotonic()
            signature = self._signature(key, data)
            self.counts.add(key.label, time.monotonic() - began)
            return signature

    def _signature(self, key: StoredKey, data: bytes) -> bytes:
        if key.label in self._handles and self._pid == os.getpid():
            with contextlib.suppress(PKCS11Error):
                return self._sign(self._handles[key.label], key, data)
            self._close()
        try:
            return self._sign(self._find(key), key, data)
        except PKCS11Error as error:
            self._fail(error, key.label)

    def _sign(self, handle: Any, key: StoredKey, data: bytes) -> bytes:
        if key.algorithm == "ES256":
            data = hashlib.sha256(data).digest()
        signature: bytes = handle.sign(data, mechanism=_MECHANISMS[key.algorithm])
        return signature

    def _find(self, key: StoredKey) -> Any:
        """The key in the token. It has to be the one whose public half others know."""
        handle = self._open().get_key(object_class=ObjectClass.PRIVATE_KEY, label=key.label)
        try:
            key.verify(self._sign(handle, key, _PROBE), _PROBE)
        except InvalidSignature:
            self._fail(None, key.label)
        self._handles[key.label] = handle
        return handle

    def generate(self, algorithm: Ours) -> tuple[str, bytes]:
        """Make a key: its label, and its public half. Raises TokenUnavailable."""
        label = f"{PREFIX}{algorithm}-{os.urandom(8).hex()}"
        with self._lock:
            self._check_pause()
            try:
                public, private = self._generate(algorithm, label)
                is_safe = private[Attribute.SENSITIVE] and not private[Attribute.EXTRACTABLE]
                if not is_safe:
                    private.destroy()
            except PKCS11Error as error:
                self._fail(error, label)
        if not is_safe:
            raise TokenUnavailable(f"{self._name} makes keys that can be copied from it")
        return label, public

    def measure(self, algorithm: Ours, *, seconds: float) -> float:
        """Seconds that a signature takes, by a key that is deleted afterwards: one that was never
        stored may be quicker. Raises TokenUnavailable."""
        label = f"{PREFIX}measure-{os.urandom(8).hex()}"
        with self._lock:
            self._check_pause()
            try:
                half, private = self._generate(algorithm, label)
                try:
                    key: Any = self.key(algorithm, label, half).key
                    began, count = time.perf_counter(), 0
                    while (took := time.perf_counter() - began) < seconds or not count:
                        self._sign(private, key, _PROBE)
                        count += 1
                finally:
                    for one in list(self._open().get_objects({Attribute.LABEL: label})):
                        one.destroy()
            except PKCS11Error as error:
                self._fail(error, label)
        return took / count

    def _generate(self, algorithm: Ours, label: str) -> tuple[bytes, Any]:
        options: dict[str, Any] = {
            "store": True,
            "label": label,
            "id": label.rpartition("-")[2].encode(),
            "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
            "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
        }
        session = self._open()
        if algorithm == "RS256":
            public, private = session.generate_keypair(KeyType.RSA, RSA_BITS, **options)
            numbers = (public[Attribute.PUBLIC_EXPONENT], public[Attribute.MODULUS])
            exponent, modulus = (int.from_bytes(one, "big") for one in numbers)
            half: Any = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        else:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
            public, private = parameters.generate_keypair(**options)
            half = load_der_public_key(encode_ec_public_key(public))
        return half.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), private

    def labels(self) -> list[str]:
        """The labels of keys in the token that may be ours. Raises TokenUnavailable."""
        with self._lock:
            self._check_pause()
            try:
                keys = self._open().get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
                return sorted(one.label for one in keys if (one.label or "").startswith(PREFIX))
            except PKCS11Error as error:
                self._fail(error, "")

    def close(self) -> None:
        """End the connection; the next use opens another one."""
        with self._lock:
            self._close()

    def _open(self) -> Any:
        if self._session is not None and self._pid == os.getpid():
            return self._session
        self._handles = {}
        with _one_at_a_time(self._terms.module):
            library = self._load()
            token = library.get_token(token_label=self._terms.label)
            self._session = token.open(rw=True, user_pin=self._terms.pin.reveal())
        return self._session

    def _load(self) -> Any:
        try:
            # A bare name would be looked for in the folders of the system.
            library = pkcs11.lib(str(self._terms.module.absolute()))
        except PKCS11Error as error:
            # What can't be loaded has no class of its own.
            if type(error) is PKCS11Error:
                raise NoModule from error
            raise
        if self._library is not None and self._pid != os.getpid():
            library.reinitialize()
        self._library, self._pid = library, os.getpid()
        return library

    def _close(self) -> None:
        self._handles = {}
        session, self._session = self._session, None
        with contextlib.suppress(PKCS11Error):
            if session is not None:
                session.close()
        with contextlib.suppress(PKCS11Error):
            if self._library is not None:
                # Other slots are seen only after this: a token that came back may be in one.
                self._library.finalize()
        self._library = None

    @property
    def _name(self) -> str:
        return f"the PKCS#11 token {self._terms.label} ({self._terms.module})"

    def _check_pause(self) -> None:
        if time.monotonic() < self._not_before:
            raise TokenUnavailable(self._failed)

    def _fail(self, error: PKCS11Error | None, label: str) -> NoReturn:
        """Close, and fail at once for a while. A PIN that is wrong is not tried again at all: after
        a few times the token would lock itself."""
        self._close()
        self.counts.fail(label)
        pause = float("inf") if isinstance(error, _WRONG_PIN) else PAUSE
        self._not_before = time.monotonic() + pause
        if error is None:
            why = "has another key with the label {label}"
        else:
            plain = f"does not answer ({type(error).__name__})"
            why = next((text for kind, text in _FIXES if isinstance(error, kind)), plain)
        self._failed = f"{self._name} {why.format(label=label)}"
        raise TokenUnavailable(self._failed) from error
