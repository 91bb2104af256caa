"""Signed notes (C2SP signed-note): a text, and Ed25519 signatures under it.

A key has a name, and an id of four bytes. Its public half is written as a verifier key:
`NAME+ID+KEY`.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519: Final = b"\x01"
"""The type of a signature with Ed25519."""

_DASH: Final = "\u2014 "
_ID: Final = 4
_PUBLIC: Final = 32


class BadNote(ValueError):
    """The text is no signed note, or no verifier key."""


class VerifierKey(msgspec.Struct, frozen=True):
    """The public half of a key, with its name."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The id of the key: four bytes of a hash."""
        data = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(data).digest()[:_ID]

    def __str__(self) -> str:
        encoded = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"


class SignerKey(msgspec.Struct, frozen=True):
    """A key that signs. The repr leaves it out."""

    name: str
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SignerKey({self.name!r})"

    @property
    def verifier(self) -> VerifierKey:
        """Its public half."""
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VerifierKey(self.name, public)


def read_verifier(text: str) -> VerifierKey:
    """A verifier key. Raises BadNote."""
    # The encoding of the key may contain a plus, and a name cannot.
    name, plus, rest = text.strip().partition("+")
    key_id, second, encoded = rest.partition("+")
    raw = _decoded(encoded)
    if not (name and plus and second) or raw[:1] != ED25519 or len(raw) != 1 + _PUBLIC:
        raise BadNote("this is no verifier key for Ed25519")
    key = VerifierKey(name, raw[1:])
    if key.id.hex() != key_id:
        raise BadNote("the verifier key does not fit its id")
    return key


def sign(text: str, signers: Sequence[SignerKey]) -> str:
    """The note: the text, which ends with a line break, and a signature of each key."""
    if not text.endswith("\n"):
        raise ValueError("a note ends with a line break")
    lines = [f"{text}\n"]
    for signer in signers:
        signature = signer.verifier.id + signer.private.sign(text.encode())
        lines.append(f"{_DASH}{signer.name} {base64.b64encode(signature).decode()}\n")
    return "".join(lines)


def split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text of a note, and its signatures: name, id of the key, signature. Raises BadNote."""
    text, gap, below = note.rpartition("\n\n")
    if not gap or not below.endswith("\n"):
        raise BadNote("this is no signed note")
    signatures = []
    for line in below[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
        raw = _decoded(encoded)
        if not line.startswith(_DASH) or not name or len(raw) <= _ID:
            raise BadNote("a line is no signature")
        signatures.append((name, raw[:_ID], raw[_ID:]))
    return text + "\n", signatures


def signers(note: str, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Those of the keys that signed the note. Raises BadNote if there is no signature of any, or a
    wrong one of one of them."""
    text, signatures = split(note)
    valid = []
    for key in keys:
        for name, number, signature in signatures:
            if (name, number) != (key.name, key.id):
                continue
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
            except (InvalidSignature, ValueError) as error:
                raise BadNote(f"the signature of {key.name} is wrong") from error
            valid.append(key)
            break
    if not valid:
        raise BadNote("no known key signed it")
    return valid


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote("this is not base64") from error
