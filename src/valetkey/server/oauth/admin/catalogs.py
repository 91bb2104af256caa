"""Differences between two catalogs, and the grants that they affect."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from valetkey.server.model.change import Update
from valetkey.server.model.event import event
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.record import Record
from valetkey.server.model.resource import CatalogRevision, ResourceServer
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.server.oauth.core.field_checks import (
    MAX_NAME,
    MAX_REASON,
    why_not_name,
    why_not_text,
    why_not_web,
)
from valetkey.spec.names import Cite
from valetkey.wire import catalog
from valetkey.wire.address import same
from valetkey.wire.catalog import Catalog, Permission

Sign: TypeAlias = Literal["+", "-", "~"]

FIELDS: Final = tuple(name for name in Permission.__struct_fields__ if name != "id")
"""The fields of a permission that may differ."""

DROPPED: Final = "the API has dropped it"
"""The reason in the history."""


class Difference(msgspec.Struct, frozen=True):
    """A permission or scope (`name`) that is added, dropped or changed."""

    sign: Sign
    name: str
    says: str


def differences(old: Catalog, new: Catalog) -> tuple[Difference, ...]:
    """All differences, dropped ones first."""
    every = (*_permissions(old, new), *_scopes(old, new), *_head(old, new))
    return tuple(sorted(every, key=lambda one: "-~+".index(one.sign)))


def dropped(old: Catalog, new: Catalog) -> tuple[str, ...]:
    """The dropped permissions."""
    return tuple(one.id for one in old.permissions if new.permission(one.id) is None)


def touched(grants: Iterable[Grant], dropped_permissions: Iterable[str]) -> Counter[str]:
    """The number of live grants that have each of the dropped permissions."""
    lost = frozenset(dropped_permissions)
    return Counter(
        one
        for grant in grants
        if grant.status != "stopped"
        for one in grant.permissions
        if one in lost
    )


def forget(name: str, dropped_permissions: Iterable[str], context: Context) -> Rule[Outcome]:
    """Removes dropped permissions from a grant, so that a later permission with the same name is
    not granted."""
    wanted, lost = One(Grant, name), frozenset(dropped_permissions)
    grant = (yield (wanted,)).one(wanted)
    if grant is None or not lost & {*grant.permissions, *grant.refused, *grant.withheld}:
        return Outcome()
    dropped = tuple(one for one in grant.permissions if one in lost)
    after = msgspec.structs.replace(
        grant.with_permissions(tuple(one for one in grant.permissions if one not in lost)),
        refused=tuple(one for one in grant.refused if one not in lost),
        withheld=tuple(one for one in grant.withheld if one not in lost),
        changed=context.env.now,
    )
    audit_event = event(
        context.env,
        "downgraded",
        by="administrator",
        user=grant.user,
        client=grant.client,
        grant=grant.id,
        permissions=dropped,
        reason=DROPPED,
    )
    return Outcome(changes=(Update(after),), events=(audit_event,) if dropped else ())


def _permissions(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for one in new.permissions:
        before = old.permission(one.id)
        if before is None:
            yield Difference("+", one.id, f"{one.can} ({one.risk} risk, {one.group})")
            continue
        for field in FIELDS:
            was, will_be = getattr(before, field), getattr(one, field)
            if was != will_be:
                yield Difference("~", one.id, f"{field}: {_as_json(was)} -> {_as_json(will_be)}")
    for name in dropped(old, new):
        gone = old.permission(name)
        yield Difference("-", name, "" if gone is None else gone.can)


def _scopes(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for name in dict.fromkeys((*old.scopes, *new.scopes)):
        was, will_be = old.scopes.get(name), new.scopes.get(name)
        if was == will_be:
            continue
        if was is None:
            yield Difference("+", name, f"a scope: {' '.join(will_be or ())}")
        elif will_be is None:
            yield Difference("-", name, f"a scope: {' '.join(was)}")
        else:
            yield Difference("~", name, f"a scope: {' '.join(was)} -> {' '.join(will_be)}")


def _head(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for field in ("name", "resource"):
        was, will_be = getattr(old, field), getattr(new, field)
        if was != will_be:
            yield Difference("~", field, f"{was} -> {will_be}")


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


# The history of catalogs: each registered catalog is stored as a numbered revision.

Some = TypeVar("Some", bound=Record)


def newest(servers: Iterable[str]) -> Rule[dict[str, int]]:
    """The number of the newest revision of each API, 0 for none; also of removed APIs."""
    queries = {name: Many(CatalogRevision, "server", name) for name in servers}
    results = yield tuple(queries.values())
    return {
        name: max((one.number for one in results.many(editions)), default=0)
        for name, editions in queries.items()
    }


def numbered(before: Record | None, after: Some, newest: Mapping[str, int]) -> Some:
    """A resource server with a new catalog gets the next revision; other records stay as they
    are."""
    if not isinstance(after, ResourceServer) or not _is_new(before, after):
        return after
    return msgspec.structs.replace(after, revision=newest[after.id] + 1)


def new_revisions(
    before: Record | None, after: Record, *, at: int, by: str
) -> Iterator[CatalogRevision]:
    """The catalog revision to store where a resource server's catalog changes."""
    if isinstance(after, ResourceServer) and _is_new(before, after):
        yield CatalogRevision(
            server=after.id, number=after.revision, catalog=after.catalog, at=at, by=by
        )


def _is_new(before: Record | None, after: ResourceServer) -> bool:
    was = before.catalog if isinstance(before, ResourceServer) else None
    return after.catalog != was


# The rules for the registration of a resource server.

CITE: Final = Cite("RFC 8707", "2")


def mistakes(server: ResourceServer, *, others: Sequence[ResourceServer], issuer: str) -> list[str]:
    """All mistakes, each as `field: why`. `others` are the other resource servers: names of
    permissions are unique over all of them."""
    checks = (
        ("id", _as_list(why_not_name(server.id))),
        ("catalog.resource", _resource(server, others, issuer)),
        ("catalog.name", _as_list(why_not_text(server.catalog.name, MAX_NAME))),
        ("catalog", catalog.mistakes(server.catalog)),
        ("catalog.permissions", _check_permissions(server)),
        ("catalog", _clashes(server, others)),
    )
    return [f"{field}: {why}" for field, whys in checks for why in whys]


def _as_list(why: str) -> list[str]:
    return [why] if why else []


def _resource(server: ResourceServer, others: Sequence[ResourceServer], issuer: str) -> list[str]:
    resource = server.catalog.resource
    if same(resource, issuer):
        return ["is this server's own issuer"]
    for other in others:
        if same(other.catalog.resource, resource):
            return [f"is that of {other.id} already"]
    return _as_list(why_not_web(resource))


def _check_permissions(server: ResourceServer) -> Iterator[str]:
    if not server.catalog.permissions:
        yield "are none, so there is nothing to open"
    for one in server.catalog.permissions:
        for text in (one.can, one.cannot, one.group):
            why = why_not_text(text, MAX_REASON) if text else ""
            if why:
                yield f"a text of {one.id!r} {why}"


def _clashes(server: ResourceServer, others: Sequence[ResourceServer]) -> Iterator[str]:
    for other in others:
        for name in sorted(_names(server) & _names(other)):
            yield (
                f"{name!r} is a name in the catalog of {other.id} already, and {server.id} has it "
                "too: permissions and scopes are unique over all APIs"
            )


def _names(server: ResourceServer) -> set[str]:
    return {one.id for one in server.catalog.permissions} | set(server.catalog.scopes)
