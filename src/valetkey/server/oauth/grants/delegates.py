"""Delegates of a grant: recorded when they get access, displayed to the user, and revoked.

A revoked delegate has no access under that grant anywhere in the tree, and neither have those that
got access from it. The grant lists revoked delegates, so every API and every rule that issues
tokens knows them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from valetkey.server.model.change import Change, Create, Update
from valetkey.server.model.client import Client
from valetkey.server.model.event import By
from valetkey.server.model.grant import MOST, Delegate, DelegateTree, Grant
from valetkey.server.model.query import One, Rule, existing
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
from valetkey.wire.lease import DAY

CLIENT: Final = "client:"


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A delegate, and those below it. `client` is None if the app was removed, and for `ALONE`.
    `revoked`: the user has revoked all delegates of that name."""

    delegate: Delegate
    client: Client | None
    revoked: bool
    below: tuple["Branch", ...]


# --- recorded ------------------------------------------------------------------------------------


def record_delegation(
    grant: Grant, act: Actor | None, permissions: Sequence[str], *, context: Context
) -> Rule[tuple[Change, ...]]:
    """The changes that record a delegation: none if the same delegate got the same today. Raises
    InvalidRequest if the grant has too many delegates."""
    if act is None:
        return ()
    query = One(DelegateTree, grant.id)
    there = (yield (query,)).one(query)
    before = there or DelegateTree(id=grant.id, user=grant.user)
    after = with_delegate(before, act.chain[::-1], permissions, context=context)
    if after is None:
        raise InvalidRequest("the grant has too many delegates")
    return tree_changes(there, after)


def with_delegate(
    tree: DelegateTree, chain: tuple[str, ...], permissions: Sequence[str], *, context: Context
) -> DelegateTree | None:
    """The tree after the delegate with this chain has got these permissions today; None if the tree
    is full."""
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
    """The changes that store the tree."""
    if there is None:
        return (Create(after),) if after.delegates else ()
    return () if after == there else (Update(after),)


# --- displayed -----------------------------------------------------------------------------------


def delegate_tree(grant: Grant) -> Rule[tuple[Branch, ...]]:
    """All delegates of the grant, as a tree."""
    query = One(DelegateTree, grant.id)
    there = (yield (query,)).one(query)
    if there is None:
        return ()
    names = {one.name for one in there.delegates if one.name.startswith(CLIENT)}
    queries = {name: One(Client, name.removeprefix(CLIENT)) for name in sorted(names)}
    clients = yield from existing(queries)

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


# --- revoked -------------------------------------------------------------------------------------


def revoke(
    name: str, delegate: str, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Revokes all delegates of that name, and those below them; the others keep their access. The
    revoked ones get no new access until `readmit`."""
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
    # A delegate that the server doesn't know may use any API, so the permissions are unknown.
    permissions = (
        {one for each in subtree for one in each.permissions} if delegate != ALONE else set()
    )
    revoked = {**grant.revoked_delegates, delegate: tuple(sorted(permissions))}
    note = yield from _called(delegate)
    changed = replace(grant, changed=context.env.now, revoked_delegates=revoked)
    audit_event = grant_event(grant, "cut", by=by, context=context, note=note, reason=reason)
    # Update the tree too, so that this commit and a concurrent delegation can't both succeed.
    return GrantChanged(
        grant=changed, changes=(Update(changed), Update(there)), events=(audit_event,)
    )


def readmit(
    name: str, delegate: str, *, user: str, by: By, context: Context, reason: str = ""
) -> Rule[GrantOutcome]:
    """Lets a revoked delegate get access again."""
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
    """The name of the delegate for the history, "" for one that the server doesn't know."""
    if not delegate.startswith(CLIENT):
        return ""
    query = One(Client, delegate.removeprefix(CLIENT))
    client = (yield (query,)).one(query)
    return query.key if client is None else client.name
