"""The environment of a rule: time and randomness."""

from collections.abc import Callable

import msgspec


class Env(msgspec.Struct, frozen=True):
    """`now` is in seconds since 1970; `millisecond` is used only to order ids. `draw(n)` returns n
    fresh random bytes."""

    now: int
    random_bytes: Callable[[int], bytes]
    millisecond: int = 0

    @classmethod
    def at(cls, nanoseconds: int, random_bytes: Callable[[int], bytes]) -> "Env":
        """The environment at a time, in nanoseconds since 1970 (see `time.time_ns`)."""
        now, millisecond = divmod(nanoseconds // 1_000_000, 1000)
        return cls(now, random_bytes, millisecond)
