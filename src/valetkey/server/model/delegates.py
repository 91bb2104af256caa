"""Delegates: those who got access from the app that holds a grant, and from each other."""

from typing import ClassVar, Final

import msgspec

from valetkey.server.model.record import OwnedRecord

MOST: Final = 64
"""Delegates in one tree, so that its user can keep an overview."""


class Delegate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A node of the tree. `chain` has the names on the path from the app's first delegate to this
    one: `client:` and an id, or `wire.child_key.ALONE` for delegates that only the one before
    knows. `permissions` are all that it ever got; `first` is the time of the first delegation, in
    seconds since 1970, `last` the day of the last one, in days since 1970."""

    chain: tuple[str, ...]
    permissions: tuple[str, ...]
    first: int
    last: int

    @property
    def name(self) -> str:
        """The name of the delegate."""
        return self.chain[-1]


class DelegateTree(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """The delegates of one grant; the `id` is that of the grant. The tree has all delegations that
    ever were. The grant says which delegates the user has revoked."""

    table: ClassVar[str] = "delegates"
    rank: ClassVar[int] = 8
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    delegates: tuple[Delegate, ...] = msgspec.field(default=(), name="hands")

    def find(self, chain: tuple[str, ...]) -> Delegate | None:
        """The delegate with this chain, or None."""
        return next((one for one in self.delegates if one.chain == chain), None)

    def downstream_of(self, name: str) -> tuple[Delegate, ...]:
        """All delegates of that name, and those below them."""
        return tuple(one for one in self.delegates if name in one.chain)
