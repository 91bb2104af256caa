"""What the world lends to a rule: the time, and randomness."""

from collections.abc import Callable

import msgspec


class Env(msgspec.Struct, frozen=True):
    """`now` in seconds since 1970, and the milliseconds after it, which only put names in order;
    `draw(n)` gives n random bytes, never the same twice."""

    now: int
    random_bytes: Callable[[int], bytes]
    millisecond: int = 0
