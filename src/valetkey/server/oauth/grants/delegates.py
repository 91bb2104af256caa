"""Those to whom a key was handed on: noted where they get it, drawn for the user, and cut off.

Whom the user cuts off has no key of that grant any more, wherever in the tree, and nobody has one
who got it from there. The grant says so, so every API and every path that issues a token knows.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.delegates import MOST, Delegate, DelegateTree
from valetkey.server.model.event import By
from valetkey.server.model.grant import Grant
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.grants.changes import (
    GrantChanged,
    GrantOutcome,
    NotFound,
    grant_event,
    grant_of_user,
)
from valetkey.spec.errors import InvalidRequest
from valetkey.wire.access_token import Actor
from valetkey.wire.child_key import ALONE
from valetkey.wire.usage import DAY

CLIENT: Final = "client:"


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A hand, and those below it. `client` is None where the app is gone, and for those who have
    the key from the hand alone; `cut`: the user has cut off everybody of that name."""

    delegate: Delegate
    client: Client | None
    revoked: bool
    below: tuple["Branch", ...]


# --- noted ---------------------------------------------------------------------------------------


def record_delegation(
    grant: Grant, act: Actor | None, permissions: Sequence[str], *, context: Context
) -> Rule[tuple[Change, ...]]:
    """What has to be written before somebody gets a key: nothing, where it got the like today.
    Raises InvalidRequest where the key is in so many hands that nobody would see through it."""
    if act is None:
        return ()
    query = One(DelegateTree, grant.id)
    there = (yield (query,)).one(query)
    before = there or DelegateTree(id=grant.id, user=grant.user)
    after = with_delegate(before, act.chain[::-1], permissions, context=context)
    if after is None:
        raise InvalidRequest("the key is in too many hands")
    return tree_changes(there, after)


def with_delegate(
    tree: DelegateTree, chain: tuple[str, ...], permissions: Sequence[str], *, context: Context
) -> DelegateTree | None:
    """The tree, in which the hand at that place has the key today, for these permissions; None
    where it has no room for another hand."""
    today = context.env.now // DAY
    old = tree.find(chain)
    if old is None and len(tree.delegates) >= MOST:
        return None
    known = old or Delegate(chain=chain, permissions=(), first=context.env.now, last=today)
    more = tuple(one for one in permissions if one not in known.permissions)
    new = replace(known, permissions=(*known.permissions, *more), last=today)
    others = tuple(one for one in tree.delegates if one.chain != chain)
    return tree if new == old else replace(tree, delegates=(*others, new))


def tree_changes(there: DelegateTree | None, after: DelegateTree) -> tuple[Change, ...]:
    """What has to be written for the tree to be so."""
    if there is None:
        return (Create(after),) if after.delegates else ()
    return () if after == there else (Update(after),)


# --- drawn ---------------------------------------------------------------------------------------


def delegate_tree(grant: Grant) -> Rule[tuple[Branch, ...]]:
    """Everybody who has had the grant's key from its app, each with those who had it from them."""
    query = One(DelegateTree, grant.id)
    there = (yield (query,)).one(query)
    if there is None:
        return ()
    names = {one.name for one in there.delegates if one.name.startswith(CLIENT)}
    queries = {name: One(Client, name.removeprefix(CLIENT)) for name in sorted(names)}
    found = (yield tuple(queries.values())) if queries else None
    clients = {} if found is None else {name: found.one(want) for name, want in queries.items()}

    def below(chain: tuple[str, ...]) -> tuple[Branch, ...]:
        return tuple(
            Branch(
                delegate=delegate,
                client=clients.get(delegate.name),
                revoked=delegate.name in grant.revoked_delegates,
                below=below(delegate.chain),
            )
            for delegate in sorted(there.delegates, key=lambda one: (one.first, one.chain))
            if delegate.chain[:-1] == chain
        )

    return below(())


# --- cut off -------------------------------------------------------------------------------------


def revoke(
    name: str, delegate: str, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Cuts everybody of that name off from the grant, with all that have the key from there; the
    rest goes on. None of them gets a new one, until `readmit`."""
    grant = yield from _standing(name, user)
    if grant is None:
        return NotFound()
    query = One(DelegateTree, grant.id)
    there = (yield (query,)).one(query)
    subtree = () if there is None else there.downstream_of(delegate)
    if there is None or not subtree:
        return NotFound()
    if delegate in grant.revoked_delegates:
        return GrantChanged(grant=grant)
    # Who has the key from a hand alone shows it wherever it likes: no API has told of all.
    permissions = (
        {one for each in subtree for one in each.permissions} if delegate != ALONE else set()
    )
    revoked = {**grant.revoked_delegates, delegate: tuple(sorted(permissions))}
    note = yield from _called(delegate)
    changed = replace(grant, changed=context.env.now, revoked_delegates=revoked)
    audit_event = grant_event(grant, "cut", by=by, context=context, note=note, reason=reason)
    # The tree as well: a hand that gets more at this very moment is seen, or is too late.
    return GrantChanged(
        grant=changed, changes=(Update(changed), Update(there)), events=(audit_event,)
    )


def readmit(
    name: str, delegate: str, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Lets somebody have the key again who was cut off."""
    grant = yield from _standing(name, user)
    if grant is None:
        return NotFound()
    if delegate not in grant.revoked_delegates:
        return GrantChanged(grant=grant)
    remaining = {
        one: permissions for one, permissions in grant.revoked_delegates.items() if one != delegate
    }
    note = yield from _called(delegate)
    changed = replace(grant, changed=context.env.now, revoked_delegates=remaining)
    audit_event = grant_event(grant, "readmitted", by=by, context=context, note=note, reason=reason)
    return GrantChanged(grant=changed, changes=(Update(changed),), events=(audit_event,))


def _standing(name: str, user: str) -> Rule[Grant | None]:
    grant = yield from grant_of_user(name, user)
    return None if grant is None or grant.status == "stopped" else grant


def _called(delegate: str) -> Rule[str]:
    """What it is called, for the history; "" for those whom nobody but a hand knows."""
    if not delegate.startswith(CLIENT):
        return ""
    query = One(Client, delegate.removeprefix(CLIENT))
    client = (yield (query,)).one(query)
    return query.key if client is None else client.name
