"""Usage: resource servers report which permissions were used, and users can see it.

The server stores only the day, in the family's row: there is no row for each use, and at most one
write a day for each permission of a family. For delegates that the server doesn't know, the
delegate tree of the grant stores the day.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.delegates import DelegateTree
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.authentication import authenticate_resource_server
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.grants import delegates
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire import usage
from valetkey.wire.child_key import ALONE
from valetkey.wire.usage import DAY, PARAMETER, FamilyUsage

CITE: Final = Cite("RFC 6749", "2.3")


def report(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Records the day of use. It ignores permissions of other resource servers, and those that a
    family doesn't have, and the answer is the same."""
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="usage is reported by resource servers")
    try:
        usages = usage.read(call.form.need(PARAMETER))
    except ValueError as error:
        raise InvalidRequest(f"{PARAMETER} cannot be read", detail=str(error)) from error
    own = frozenset(one.id for one in server.catalog.permissions)
    queries = {one.family: One(TokenFamily, one.family) for one in usages}
    results = yield tuple(queries.values())
    families = {name: results.one(each) for name, each in queries.items()}
    recorded = _family_changes(usages, families, own, today=context.env.now // DAY)
    delegated = yield from _delegate_changes(usages, families, own, context=context)
    return Answer(document=None, changes=(*recorded, *delegated))


def _family_changes(
    usages: tuple[FamilyUsage, ...],
    families: dict[str, TokenFamily | None],
    own: frozenset[str],
    *,
    today: int,
) -> Iterator[Update]:
    news: dict[str, dict[str, int]] = {}
    for one in usages:
        family = families[one.family]
        if family is not None:
            may = own & frozenset(family.permissions)
            new = {each: today for each in one.permissions if each in may}
            news.setdefault(family.id, {}).update(new)
    for name, new in news.items():
        family = families[name]
        if family is not None and not new.items() <= family.opened.items():
            yield Update(msgspec.structs.replace(family, opened={**family.opened, **new}))


def _delegate_changes(
    usages: tuple[FamilyUsage, ...],
    families: dict[str, TokenFamily | None],
    own: frozenset[str],
    *,
    context: Context,
) -> Rule[tuple[Change, ...]]:
    """The changes that add delegates below known ones, as reported by an API."""
    uses = [
        (family, one)
        for one in usages
        if one.delegates[-1:] == (ALONE,) and (family := families[one.family]) is not None
    ]
    rows = {family.grant: One(DelegateTree, family.grant) for family, _ in uses}
    if not rows:
        return ()
    results = yield tuple(rows.values())
    there = {name: results.one(want) for name, want in rows.items()}
    trees = dict(there)
    for family, one in uses:
        tree = trees[family.grant] or DelegateTree(id=family.grant, user=family.user)
        may = [each for each in one.permissions if each in own and each in family.permissions]
        if may and (len(one.delegates) == 1 or tree.find(one.delegates[:-1]) is not None):
            after = delegates.with_delegate(tree, one.delegates, may, context=context)
            trees[family.grant] = after or tree
    return tuple(
        change
        for name, tree in trees.items()
        if tree is not None
        for change in delegates.tree_changes(there[name], tree)
    )


USAGE: Final = Feature(
    name="usage",
    cites=(CITE,),
    endpoints=(
        Endpoint(path="/usage", metadata="permission_usage_endpoint", cite=CITE, rule=report),
    ),
)
