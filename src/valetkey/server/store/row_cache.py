"""Caches decoded rows of a store, by name.

A client that presents a token again needs the same rows again. They are read each time. If a row
has the same bytes as before, its record is reused instead of decoded, because records are
immutable.
"""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

SIZE: Final = 12288
"""The number of rows that a store caches."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RowCache(dict[K, V], Generic[K, V]):
    """What a store knows of its rows. When it is full, it begins anew."""

    def keep(self, name: K, entry: V) -> V:
        """Cache and return what is known of a row."""
        if len(self) >= SIZE:
            self.clear()
        self[name] = entry
        return entry
