"""User codes, which people type for another device: how they are made and stored.

There are so few codes that an attacker could try them all against a digest. So they are stored only
under a key (ATTACKS A82): the id of the device's row is a MAC, and the row of the page that
displays the code again has it sealed.
"""

import re
from typing import Final

from valetkey.jose import seal
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import KeyGone, Keyring

LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Twenty letters that make no words, and don't look like digits (RFC 8628 6.1)."""

LENGTH: Final = 8
PURPOSE: Final = b"user code"

NAME: Final = 16
"""Bytes of a row's id."""

_OTHERS: Final = re.compile(f"[^{LETTERS}]")
_EVEN: Final = 256 - 256 % len(LETTERS)


def draw(env: Env) -> str:
    """A random code, one of 20^8."""
    code = ""
    while len(code) < LENGTH:
        even = (one for one in env.random_bytes(LENGTH) if one < _EVEN)
        code += "".join(LETTERS[one % len(LETTERS)] for one in even)
    return code[:LENGTH]


def plain(typed: str) -> str:
    """The letters of a typed code (RFC 8628 6.1)."""
    return _OTHERS.sub("", typed[:64].upper())


def format_code(code: str) -> str:
    """A code for people: `WDJB-MJHT`."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def names(code: str, keyring: Keyring) -> tuple[str, ...]:
    """The possible ids of the code's row, that of a new row first."""
    macs = (seal.mac(key.raw, PURPOSE, code.encode()) for key in keyring.macs)
    return tuple(one[:NAME].hex() for one in macs)


def seal_code(code: str, keyring: Keyring, env: Env) -> bytes:
    """The sealed code, for a row."""
    return keyring.seal(code.encode(), nonce=env.random_bytes(seal.NONCE), purpose=PURPOSE)


def unseal_code(raw: bytes, keyring: Keyring) -> str:
    """The code of a row; "" if its key was deleted."""
    try:
        return keyring.unseal(raw, purpose=PURPOSE).decode()
    except KeyGone:
        return ""
