"""The closed catalog of a resource server's permissions.

A resource server publishes it, and the authorization server registers it. Because it is closed, the
consent page can list exactly what an app cannot do.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec

from valetkey.jose import base64url

Risk: TypeAlias = Literal["low", "medium", "high"]
RISKS: Final[tuple[Risk, ...]] = ("low", "medium", "high")

Group: TypeAlias = Literal["identity", "view", "act", "stay"]
"""The purpose of a permission: to know who you are, to read, to act, to stay connected."""

# RFC 6749 3.3 allows more; a name that people type and read wants less.
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[._:-][a-z0-9]+)*", re.ASCII)
RESERVED: Final = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})

LONGEST_UNIT: Final = 16
MOST_DECIMALS: Final = 6


MOST: Final = 500
"""Permissions in a catalog, at most."""

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}", re.ASCII)


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The texts of a permission in one language. `cannot` defaults to the text of `can`."""

    can: str
    cannot: str = ""


class Permission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One permission. `can` and `cannot` are phrases for the user: "post in your name", "read your
    direct messages"; `cannot` defaults to the text of `can`. `words` has the texts in other
    languages, by their tags in lower case (RFC 5646): `de`, `pt-br`.

    `counted`: the API counts its uses (the kit does), so the user may limit them. `unit` is the
    unit of amounts ("EUR", "messages"), which have this number of `decimals`; "" for no amounts.
    """

    id: str
    can: str
    cannot: str = ""
    risk: Risk = "low"
    group: Group = "act"
    implies: tuple[str, ...] = ()
    counted: bool = False
    unit: str = ""
    decimals: int = 0
    words: dict[str, Words] = {}

    def words_in(self, language: str) -> Words:
        """Its texts in a language, or in the nearest one (RFC 4647 3.4); both are filled."""
        tag = language.lower()
        while tag and tag not in self.words:
            tag = tag.rpartition("-")[0]
        words = self.words.get(tag) or Words(can=self.can, cannot=self.cannot)
        return Words(can=words.can, cannot=words.cannot or words.can)


class Catalog(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A resource server's permissions, and the scopes that are names for sets of them."""

    resource: str
    name: str
    permissions: tuple[Permission, ...]
    scopes: dict[str, tuple[str, ...]] = {}

    def permission(self, permission_id: str) -> Permission | None:
        """The permission of that id."""
        return next((one for one in self.permissions if one.id == permission_id), None)


def expand(catalog: Catalog, names: Iterable[str]) -> frozenset[str]:
    """The permissions that these names of permissions and scopes stand for, with implied ones.
    Unknown names are ignored."""
    permissions = {one.id: one for one in catalog.permissions}
    todo = [one for name in names for one in catalog.scopes.get(name, (name,))]
    reached = set[str]()
    while todo:
        one = todo.pop()
        if one in permissions and one not in reached:
            reached.add(one)
            todo.extend(permissions[one].implies)
    return frozenset(reached)


def digest(catalog: Catalog) -> str:
    """SHA-256 of a catalog in base64url: the same for catalogs with the same content. The order of
    permissions and scopes does not count, nor whether a default is written out."""
    members = {
        "resource": catalog.resource,
        "name": catalog.name,
        "permissions": {one.id: _non_default_members(one) for one in catalog.permissions},
        "scopes": catalog.scopes,
    }
    raw = msgspec.json.encode(members, order="sorted")
    return base64url.encode(hashlib.sha256(raw).digest())


def _non_default_members(permission: Permission) -> dict[str, Any]:
    fields = {one.name: one for one in msgspec.structs.fields(Permission)}
    members = msgspec.structs.asdict(permission)
    return {
        name: value for name, value in members.items() if value and value != fields[name].default
    }


def mistakes(catalog: Catalog) -> list[str]:
    """All mistakes in a catalog, in one sentence each."""
    ids = [permission.id for permission in catalog.permissions]
    names = [*ids, *catalog.scopes]
    wrong = [
        f"{name!r} names two permissions or scopes"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    wrong += [f"{name!r} is not a lower-case name" for name in names if not _NAME.fullmatch(name)]
    wrong += [f"{name!r} is reserved by OpenID Connect" for name in names if name in RESERVED]
    wrong += [f"{one.id!r} says nothing to the user" for one in catalog.permissions if not one.can]
    wrong += [f"{one.id!r} {why}" for one in catalog.permissions for why in _amounts(one)]
    wrong += [f"{one.id!r} {why}" for one in catalog.permissions for why in _translated(one)]
    if len(ids) > MOST:
        wrong.append(f"{len(ids)} permissions are more than {MOST}")
    for name, members in [*_implied(catalog), *catalog.scopes.items()]:
        wrong += [f"{name!r} names {one!r}, which is unknown" for one in members if one not in ids]
    wrong += [f"scope {name!r} is empty" for name, members in catalog.scopes.items() if not members]
    return wrong


def _amounts(permission: Permission) -> Iterator[str]:
    if permission.unit and not permission.counted:
        yield "has a unit, but is not counted"
    if len(permission.unit) > LONGEST_UNIT or permission.unit != permission.unit.strip():
        yield f"has a unit that is no word of at most {LONGEST_UNIT} characters"
    if not 0 <= permission.decimals <= MOST_DECIMALS:
        yield f"has decimals below 0 or above {MOST_DECIMALS}"
    if permission.decimals and not permission.unit:
        yield "has decimals, but no unit"


def _translated(permission: Permission) -> Iterator[str]:
    for tag, words in permission.words.items():
        if not _LANGUAGE.fullmatch(tag):
            yield f"has words in {tag!r}, which is no language tag in lower case"
        elif not words.can:
            yield f"says nothing to the user in {tag!r}"


def _implied(catalog: Catalog) -> list[tuple[str, tuple[str, ...]]]:
    return [(permission.id, permission.implies) for permission in catalog.permissions]
