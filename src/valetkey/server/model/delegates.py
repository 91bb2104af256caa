"""Through whose hands a key has gone: the tree below the app that holds the grant."""

from typing import ClassVar, Final

import msgspec

from valetkey.server.model.record import OwnedRecord

MOST: Final = 64
"""Hands in one tree: a user has to see through it."""


class Delegate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """One place in the tree. `chain` names everybody through whose hands the key came there, from
    the app's first delegate down to this one: `client:` and an id, or `wire.child_key.ALONE` for
    those of whom nobody but the hand before knows. `permissions` are all that it was ever handed;
    `first` is when that began, in seconds since 1970, `last` the last day of it (since 1970)."""

    chain: tuple[str, ...]
    permissions: tuple[str, ...]
    first: int
    last: int

    @property
    def name(self) -> str:
        """Who it is."""
        return self.chain[-1]


class DelegateTree(OwnedRecord, frozen=True, kw_only=True, omit_defaults=True):
    """The tree of one grant, by whose name it goes. It tells what there was; whom the user has cut
    off says the grant."""

    table: ClassVar[str] = "delegates"
    rank: ClassVar[int] = 8
    indexes: ClassVar[tuple[str, ...]] = ("user",)

    user: str
    delegates: tuple[Delegate, ...] = msgspec.field(default=(), name="hands")

    def find(self, chain: tuple[str, ...]) -> Delegate | None:
        """The one at that place."""
        return next((one for one in self.delegates if one.chain == chain), None)

    def downstream_of(self, name: str) -> tuple[Delegate, ...]:
        """All that have the key from somebody of that name, and that one itself, wherever it is."""
        return tuple(one for one in self.delegates if name in one.chain)
