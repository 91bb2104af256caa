"""A proof of work, with which a browser that no account knows may go on when others have used up
the attempts: some seconds of computing for each attempt.

The server stores nothing for a puzzle: it is signed. A solved one is good once, for one account. It
consists of PARTS small puzzles, so that the time to solve it hardly varies.
"""

import hashlib
from typing import Final

import msgspec

from valetkey.jose import base64url, seal
from valetkey.jose.seal import digest
from valetkey.server.model.change import Create
from valetkey.server.model.counters import SingleUse
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring
from valetkey.server.model.query import CommitAlways, One, Rule

PARTS: Final = 16
BITS: Final = 14
"""Zero bits at the start of each part's hash. All parts take 262,144 hashes on average: about two
seconds in a browser on a laptop, and ten on a slow phone."""

SECONDS: Final = 600
"""For which a puzzle is good."""

_PURPOSE: Final = b"proof of work"


class Puzzle(msgspec.Struct, frozen=True):
    """A puzzle for a browser: for each part, find a number whose hash, SHA-256 of
    `{token}.{part}.{number}`, starts with `bits` zero bits. `parts` are numbered from 0."""

    token: str
    bits: int
    parts: int = PARTS


def puzzle(account: str, keyring: Keyring, env: Env) -> Puzzle:
    """A new puzzle for attempts to sign in to this account."""
    value = f"{env.now + SECONDS}.{base64url.encode(env.random_bytes(12))}"
    return Puzzle(f"{value}.{_mac(keyring.macs[0].raw, value, account)}", BITS)


def marker(token: str, work: str, *, account: str, keyring: Keyring, now: int) -> SingleUse | None:
    """The record that makes a solved puzzle single-use; None if it is not solved, or no puzzle of
    this server for this account. `work` has the number of each part, separated by dots."""
    value, _, mac = token[:128].rpartition(".")
    expires, _, _ = value.partition(".")
    if not token.isascii() or not any(
        seal.same(mac, _mac(key.raw, value, account)) for key in keyring.macs
    ):
        return None
    if int(expires) <= now or not _is_solved(token, work, bits=BITS):
        return None
    return SingleUse(purpose="proof of work", value=digest(token), expires=int(expires))


def spend(solved: SingleUse | None) -> Rule[bool]:
    """Whether the puzzle is solved and unused. It is used up now, whatever becomes of the
    attempt."""
    if solved is None:
        return False
    query = One(SingleUse, solved.key)
    if (yield (query,)).one(query) is not None:
        return False
    yield (CommitAlways(Create(solved)),)
    return True


def _is_solved(token: str, work: str, *, bits: int) -> bool:
    numbers = work[: 20 * PARTS].split(".")
    return len(numbers) == PARTS and all(
        number.isascii() and number.isdigit() and fits(f"{token}.{part}.{number}", bits)
        for part, number in enumerate(numbers)
    )


def fits(text: str, bits: int) -> bool:
    """Whether the hash of the text starts with so many zero bits, 32 at most."""
    first = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return first >> (32 - bits) == 0


def _mac(key: bytes, value: str, account: str) -> str:
    return base64url.encode(seal.mac(key, _PURPOSE, value.encode(), account.encode())[:16])
