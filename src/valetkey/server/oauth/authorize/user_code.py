"""The code that people type for another device: what it is made of, and how it is kept.

There are few enough codes to try them all against a digest, so none is kept but under a key
(ATTACKS A82): the row of the device is named by a MAC, and the page that shows the code once more
has it sealed.
"""

import re
from typing import Final

from valetkey.jose import seal
from valetkey.server.model.environment import Env
from valetkey.server.model.keys import Keyring

LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Twenty that make no words, and that nobody takes for a digit (RFC 8628 6.1)."""

LENGTH: Final = 8
PURPOSE: Final = b"user code"

NAME: Final = 16
"""Bytes of a row's name."""

_OTHERS: Final = re.compile(f"[^{LETTERS}]")
_EVEN: Final = 256 - 256 % len(LETTERS)
_KID: Final = 4


def draw(env: Env) -> str:
    """A code that nobody guesses: 20^8 of them, each as likely as the next."""
    code = ""
    while len(code) < LENGTH:
        even = (one for one in env.random_bytes(LENGTH) if one < _EVEN)
        code += "".join(LETTERS[one % len(LETTERS)] for one in even)
    return code[:LENGTH]


def plain(typed: str) -> str:
    """The letters of a code, however it was typed (RFC 8628 6.1)."""
    return _OTHERS.sub("", typed[:64].upper())


def format_code(code: str) -> str:
    """A code as people read it: `WDJB-MJHT`."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def names(code: str, keyring: Keyring) -> tuple[str, ...]:
    """The names under which the code's row may lie, that of a new row first."""
    macs = (seal.mac(key.raw, PURPOSE, code.encode()) for key in keyring.macs)
    return tuple(one[:NAME].hex() for one in macs)


def seal_code(code: str, keyring: Keyring, env: Env) -> bytes:
    """The code, for a row."""
    key = keyring.sealing[0]
    raw = seal.seal(key.raw, code.encode(), nonce=env.random_bytes(seal.NONCE), purpose=PURPOSE)
    return bytes.fromhex(key.kid) + raw


def unseal_code(raw: bytes, keyring: Keyring) -> str:
    """The code out of a row; "" where its key is gone."""
    key = keyring.sealing_key(raw[:_KID].hex())
    if key is None:
        return ""
    return seal.unseal(key.raw, raw[_KID:], purpose=PURPOSE).decode()
