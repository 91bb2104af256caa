"""Caches decoded rows of a store, by name.

A client that presents a token again needs the same rows again. They are read each time. If a row
has the same bytes as before, its record is reused instead of decoded, because records are
immutable.

Most rows are read once: those of a code, of a sign-in. They would push out the others, and freeing
thousands of them at a time held up the event loop for 20 ms. So a row is cached when it is read for
the second time, and the oldest leave a few at a time.
"""

from collections.abc import Hashable
from itertools import islice
from typing import Final, Generic, TypeVar

SIZE: Final = 12288
"""The number of rows that a store caches, and of names that it has seen once."""

LEAVE: Final = 64
"""Rows that leave a full cache at a time: a dict finds its oldest slowly, and then all of them."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RowCache(dict[K, V], Generic[K, V]):
    """What a store knows of its rows."""

    def __init__(self) -> None:
        super().__init__()
        self._once: set[int] = set()

    def keep(self, name: K, entry: V) -> V:
        """Return what is known of a row, and cache it if the row was read before."""
        if name not in self:
            mark = hash(name)
            if mark not in self._once:
                if len(self._once) >= SIZE:
                    self._once.clear()
                self._once.add(mark)
                return entry
            if len(self) >= SIZE:
                for oldest in list(islice(self, LEAVE)):
                    del self[oldest]
        self[name] = entry
        return entry
