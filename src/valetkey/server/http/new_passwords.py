"""The rules for new passwords of an installation: the list of common ones, the operator's own, and
the passwords of data breaches.

The breach check asks a server with the range query of Have I Been Pwned: it gets the first five
digits of the password's SHA-1, and answers with all that begin so. It is off by default. Where the
server does not answer, the password is accepted.
"""

import functools
import gzip
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final

from valetkey.server.accounts import password
from valetkey.server.accounts.password_policy import (
    MIN_ALONE,
    PasswordPolicy,
    PasswordProblem,
    fold,
)
from valetkey.server.http import log
from valetkey.server.http.fetch import Ask
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import Unreachable

PREFIX: Final = 5
"""Hexadecimal digits that the breach server gets."""

PADDING: Final = {"add-padding": "true"}
"""So that nobody can tell the prefix from the size of the answer."""


@functools.lru_cache(maxsize=1)
def common_passwords() -> frozenset[str]:
    """The bundled list, folded (see `common_passwords.md`)."""
    packed = (files("valetkey.server.http") / "common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().splitlines())


def read_words(file: Path) -> frozenset[str]:
    """An operator's list: one password or word in each line. Raises OSError, ValueError."""
    lines = (fold(line.strip()) for line in file.read_text("utf-8").splitlines())
    return frozenset(line for line in lines if line)


class NewPasswords:
    """Judges new passwords. `names` are those of the server, `more` the operator's list. `ask` asks
    the breach server at `breaches`; it is not asked if that is "". The lists are read when the
    first password is judged."""

    def __init__(
        self,
        *,
        shortest: int = MIN_ALONE,
        names: Iterable[str] = (),
        more: Path | None = None,
        breaches: str = "",
        ask: Ask | None = None,
    ) -> None:
        self.shortest = shortest
        self._names = tuple(names)
        self._more = more
        self._breaches = breaches.rstrip("/")
        self._ask = ask

    @functools.cached_property
    def policy(self) -> PasswordPolicy:
        """The rules. Raises OSError, ValueError for the operator's list."""
        more = frozenset[str]() if self._more is None else read_words(self._more)
        return PasswordPolicy(
            shortest=self.shortest, common=common_passwords() | more, names=self._names
        )

    async def problem(self, secret: Secret, *, about: Iterable[str] = ()) -> PasswordProblem | None:
        """The first problem of a new password, None for a good one. `about` are the names of its
        user."""
        if problem := self.policy.problem(secret, about=about):
            return problem
        return PasswordProblem.BREACHED if await self.is_breached(secret) else None

    async def is_breached(self, secret: Secret) -> bool:
        """Whether the breach server knows the password. False if it is not asked, or does not
        answer."""
        if self._ask is None or not self._breaches:
            return False
        raw = password.normalized(secret).encode()
        # What the server publishes are SHA-1 digests; they protect nothing here.
        digest = hashlib.sha1(raw, usedforsecurity=False).hexdigest().upper()
        answer = await self._ask(f"{self._breaches}/{digest[:PREFIX]}", headers=PADDING)
        if isinstance(answer, Unreachable) or answer.status != 200:
            why = answer.why if isinstance(answer, Unreachable) else f"status {answer.status}"
            log.warning("a new password was not looked up in data breaches", why=why)
            return False
        return _has(answer.body, digest[PREFIX:])


def _has(body: bytes, suffix: str) -> bool:
    """Whether a line `SUFFIX:COUNT` is there, with a count: padding has none."""
    ours = suffix.encode()
    for line in body.upper().splitlines():
        found, _, count = line.strip().partition(b":")
        if found == ours:
            return count.strip().lstrip(b"0") != b""
    return False
