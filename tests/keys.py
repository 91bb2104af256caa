"""Keys that tests sign with, made once: an RSA key takes its time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import cycle
from typing import Final
from unittest import mock

from valetkey.jose import jwk
from valetkey.jose.jwk import Algorithm, PrivateKey, generate

LENT: Final = 12
"""RSA keys for the servers that tests start."""


def key(algorithm: Algorithm = "ES256", name: str = "ours") -> PrivateKey:
    """The key of that name, the same each time."""
    return _made(algorithm, name)


@cache
def _made(algorithm: Algorithm, name: str) -> PrivateKey:
    return generate(algorithm)


_turns: Final = cycle(range(LENT))
_lending: Final = threading.Lock()


@contextmanager
def lent() -> Iterator[None]:
    """A server that makes its first keys meanwhile has its RSA keys from a few, in turns: servers
    that stand side by side have different ones."""

    def lend(algorithm: Algorithm) -> PrivateKey:
        return (
            _made(algorithm, f"lent {next(_turns)}")
            if algorithm == "RS256"
            else generate(algorithm)
        )

    with _lending, mock.patch.object(jwk, "generate", lend):
        yield
