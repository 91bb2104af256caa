"""The brand of the pages as declared state, and its files."""

from collections.abc import Mapping

from valetkey.server.model.brand import CURRENT, Brand, BrandFile
from valetkey.server.model.change import Change, Create, Remove
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.admin.removal import NotRemoved, Removed
from valetkey.server.oauth.core.context import Context


def mistakes(brand: Brand) -> list[str]:
    """The colors that nobody could read. Links and files are checked where they are read."""
    return [f"{name}: {getattr(brand, name)!r} {why}" for name, why in brand.colors.mistakes()]


def file_changes(
    before: Brand | None, after: Brand | None, files: Mapping[str, BrandFile]
) -> Rule[tuple[Change, ...]]:
    """Keep the files that the brand uses, and remove those that only the one before did. `files`
    are new or known files by their digests."""
    used = frozenset() if after is None else after.files
    old = frozenset() if before is None else before.files
    wanted = {digest: One(BrandFile, digest) for digest in sorted(used | old)}
    results = yield tuple(wanted.values())
    there = {digest: results.one(one) for digest, one in wanted.items()}
    missing = (files[digest] for digest in sorted(used) if there[digest] is None)
    unused = (there[digest] for digest in sorted(old - used))
    return (
        *(Create(file) for file in missing),
        *(Remove(file) for file in unused if file is not None),
    )


def remove(_: str, __: Context) -> Rule[Removed | NotRemoved]:
    """Remove the brand that was applied, with its files."""
    wanted = One(Brand, CURRENT)
    brand = (yield (wanted,)).one(wanted)
    if brand is None:
        return NotRemoved(why="no brand was applied")
    changes = yield from file_changes(brand, None, {})
    return Removed(record=brand, changes=(Remove(brand), *changes))
