"""What an installation remembers: results of pure functions that requests need again and again.

The only caches that rules have. They begin empty whenever an administrator changes something, as
that makes a new installation. A rule decides the same with them as without.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
K = TypeVar("K")
V = TypeVar("V")

LIVE_TOKENS: Final = 4096
"""Tokens of which the last status is remembered."""


class Recent(dict[K, V]):
    """A bounded map. It forgets the oldest entries."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def put(self, key: K, value: V) -> None:
        """Remembers the value."""
        if len(self) >= self._size and key not in self:
            del self[next(iter(self))]
        self[key] = value


class Memo:
    """Bounded caches, one for each function. `live_tokens` maps proven claims to the token's last
    status (see `oauth.tokens.state`)."""

    def __init__(self) -> None:
        self._cached: dict[Callable[..., Any], Any] = {}
        self.live_tokens: Recent[Any, Any] = Recent(LIVE_TOKENS)

    def of(self, function: Callable[P, V], *, size: int) -> Callable[P, V]:
        """The function, with its last `size` results remembered. It has to be pure, and its
        arguments hashable."""
        if function not in self._cached:
            self._cached[function] = lru_cache(maxsize=size)(function)
        cached: Callable[P, V] = self._cached[function]
        return cached
