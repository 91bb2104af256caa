"""Ids of records: 16 bytes, written as 26 characters of base32hex, which sort as the bytes do.

A user's id is random. The id of a record that the user owns is time ‖ place ‖ random, where the
place is the first four bytes of the user's id. So every id leads to its partition of the database,
and new rows lie side by side.
"""

import hashlib
from typing import Final, NoReturn

import msgspec

from valetkey.server.model import base32hex
from valetkey.server.model.environment import Env

LENGTH: Final = base32hex.BYTES
LETTERS: Final = base32hex.LETTERS
"""Characters of an id as text."""

PLACE: Final = 4
TIME: Final = 6
"""Bytes of the creation time in milliseconds, in the id of an owned record."""

_DAY: Final = 86400

USER: Final = 0
OWNED: Final = TIME
"""The offset of the place in the id of a user, and in that of an owned record."""


def user_id(env: Env) -> str:
    """The id of a new user. It is the `sub` that clients see, and is never reused."""
    return to_text(env.random_bytes(LENGTH))


def owned_id(env: Env, *, owner: str) -> str:
    """The id of a new record that the user `owner` owns."""
    place, _ = split_id(owner, USER) or _no_name()
    return join_id(place, _time(env) + env.random_bytes(LENGTH - TIME - PLACE), OWNED)


def derived_id(beside: str, *parts: str) -> str:
    """The id of the one record for these parts, always the same. It has the owner and the creation
    time of the id `beside`, and 48 bits of a digest of the parts."""
    return _derived(to_bytes(beside)[: TIME + PLACE], parts)


def daily_id(env: Env, owner: str, *parts: str) -> str:
    """The id of the one record of a day (UTC) for these parts and the user `owner`. Its time is the
    end of the day, so it is stored as long as the events of that day."""
    place, _ = split_id(owner, USER) or _no_name()
    day = time_prefix((env.now // _DAY + 1) * _DAY - 1, 999)
    return _derived(day + place.to_bytes(PLACE, "big"), parts)


def _derived(start: bytes, parts: tuple[str, ...]) -> str:
    digest = hashlib.sha256(msgspec.json.encode(parts)).digest()
    return to_text(start + digest[: LENGTH - TIME - PLACE])


def created_at(name: str) -> int:
    """The creation time in the id of an owned record, in seconds since 1970."""
    return int.from_bytes(to_bytes(name)[:TIME], "big") // 1000


def free_id(env: Env) -> str:
    """The id of a new record that has no owner yet."""
    return to_text(_time(env) + env.random_bytes(LENGTH - TIME))


def place_of_user(user: str) -> int:
    """The partition of a user and of their records; 0 if it is not an id."""
    return _place(user, 0)


def place_of_owned(name: str) -> int:
    """The partition in the id of an owned record; 0 if it is not an id."""
    return _place(name, OWNED)


def _place(name: str, start: int) -> int:
    apart = split_id(name, start)
    return 0 if apart is None else apart[0]


_MAX_REMEMBERED: Final = 4096
_parts: Final[dict[tuple[str, int], tuple[int, bytes]]] = {}
_names: Final[dict[tuple[int, bytes, int], str]] = {}
# Both forms of the last names: a request splits and joins the same ones some ten times, and its
# stores have no context. The results don't depend on what is remembered.


def split_id(name: str, start: int) -> tuple[int, bytes] | None:
    """The place, which begins at byte `start`, and the other 12 bytes; None if it is not an id."""
    apart = _parts.get((name, start))
    if apart is None and base32hex.FORM.fullmatch(name):
        raw = base32hex.decode(name)
        place = int.from_bytes(raw[start : start + PLACE], "big")
        apart = place, raw[:start] + raw[start + PLACE :]
        _remember((name, start), (*apart, start))
    return apart


def join_id(place: int, rest: bytes, start: int) -> str:
    """The id with that place and those other bytes: the reverse of `split_id`."""
    name = _names.get((place, rest, start))
    if name is None:
        name = to_text(rest[:start] + place.to_bytes(PLACE, "big") + rest[start:])
        _remember((name, start), (place, rest, start))
    return name


def _remember(whole: tuple[str, int], apart: tuple[int, bytes, int]) -> None:
    if len(_parts) >= _MAX_REMEMBERED or len(_names) >= _MAX_REMEMBERED:
        _parts.clear()
        _names.clear()
    _parts[whole], _names[apart] = apart[:2], whole[0]


def to_text(raw: bytes) -> str:
    """16 bytes as text."""
    return base32hex.encode(raw)


def to_bytes(text: str) -> bytes:
    """The bytes of an id. Raises ValueError if it is not an id."""
    return base32hex.decode(text) if base32hex.FORM.fullmatch(text) else _no_name()


def _no_name() -> NoReturn:
    raise ValueError("not a name of ours")


def time_prefix(second: int, millisecond: int = 0) -> bytes:
    """The first bytes of the ids that are made at that moment."""
    return (second * 1000 + millisecond).to_bytes(TIME, "big")


def _time(env: Env) -> bytes:
    return time_prefix(env.now, env.millisecond)
