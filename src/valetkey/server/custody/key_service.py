"""Key services: they wrap and unwrap the master key, and keep the key that does it."""

from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from valetkey.server.model.keys import Secret

Kind: TypeAlias = Literal["aws-kms", "vault"]

PREFIXES: Final[dict[Kind, str]] = {"aws-kms": "aws-kms:", "vault": "vault:"}
"""How a wrapped key begins. Those of Vault and OpenBao are as these write them."""

NAMES: Final[dict[Kind, str]] = {"aws-kms": "AWS KMS", "vault": "Vault"}

TIMEOUT: Final = 5.0
"""Seconds that a service may take to accept a connection, and to answer."""


class KeyServiceError(Exception):
    """A key service did not wrap or unwrap. The text names the service and its key, and says how to
    fix it. It contains no secret."""


class KeyServiceTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Where a key service is, and which of its keys to use.

    `key` is an id, ARN or alias of AWS KMS, or the name of a transit key of Vault. `region` is for
    AWS; `mount`, `namespace` and the token are for Vault. The file of the token is read for each
    request, since an agent renews it."""

    kind: Kind
    key: str
    url: str = ""
    region: str = ""
    mount: str = "transit"
    namespace: str = ""
    token: Secret | None = None
    token_file: Path | None = None
    ca_file: Path | None = None


class KeyService(Protocol):
    """Wraps and unwraps. It blocks: for a start, or a command."""

    def wrap(self, plain: bytes) -> str:
        """The text that stands for these bytes, without white space. Raises KeyServiceError."""

    def unwrap(self, wrapped: str) -> bytes:
        """What `wrap` has wrapped. Raises KeyServiceError."""


def wrapped_by(word: str) -> Kind | None:
    """The kind of service that has wrapped this key, None for a key that is not wrapped."""
    return next((kind for kind, prefix in PREFIXES.items() if word.startswith(prefix)), None)


def printable(text: str, most: int = 160) -> str:
    """What a service says, as one short line for a terminal or a log."""
    line = " ".join(text.split())
    return "".join(one if one.isprintable() else "?" for one in line)[:most]
