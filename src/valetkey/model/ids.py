"""Names for records: 16 bytes, written as 26 characters of base32hex, which sort as the bytes do.

A user's name is random. Whatever the user owns is named by time ‖ place ‖ random, where the place
is the first four bytes of the user's name: so every handle leads a partitioned database to the
right place, and new rows land side by side.
"""

import re
from typing import Final

from valetkey.model.env import Env

LENGTH: Final = 16
PLACE: Final = 4
_TIME: Final = 6
_TEXT: Final = re.compile(r"[0-9a-v]{26}", re.ASCII)
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_PAIRS: Final = [high + low for high in _DIGITS for low in _DIGITS]
_SHIFTS: Final = range(120, -1, -10)


def user_id(env: Env) -> str:
    """A new user's name. It is the `sub` that clients see, and is never given twice."""
    return to_text(env.draw(LENGTH))


def owned_id(env: Env, *, owner: str) -> str:
    """A name for something that the user `owner` owns."""
    place = to_bytes(owner)[:PLACE]
    return to_text(_time(env) + place + env.draw(LENGTH - _TIME - PLACE))


def free_id(env: Env) -> str:
    """A name for something that nobody owns yet."""
    return to_text(_time(env) + env.draw(LENGTH - _TIME))


def place_of_user(user: str) -> int:
    """The partition of a user and of all that the user owns; 0 for what is no name of ours."""
    return _place(user, 0)


def place_of_owned(name: str) -> int:
    """The partition that an owned record's name tells; 0 for what is no name of ours."""
    return _place(name, _TIME)


def _place(name: str, start: int) -> int:
    if not _TEXT.fullmatch(name):
        return 0
    return int.from_bytes(to_bytes(name)[start : start + PLACE], "big")


def to_text(raw: bytes) -> str:
    """16 bytes as text."""
    # 130 bits, two digits at a time: the standard library goes byte by byte, in Python.
    bits = int.from_bytes(raw, "big") << 2
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


def to_bytes(text: str) -> bytes:
    """The bytes behind the text. Raises ValueError where it is no name of ours."""
    if not _TEXT.fullmatch(text):
        raise ValueError("not a name of ours")
    return (int(text, 32) >> 2).to_bytes(LENGTH, "big")


def _time(env: Env) -> bytes:
    return (env.now * 1000 + env.millisecond).to_bytes(_TIME, "big")
