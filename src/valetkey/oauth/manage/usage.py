"""Usage: resource servers report which permissions were made use of, and users read it.

What is kept is the day, on the family's own row: no row for each use, and at most one write a day
for each permission of a family.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from valetkey.model.change import Update
from valetkey.model.grant import TokenFamily
from valetkey.model.want import One, Rule
from valetkey.oauth.clients.authentication import authenticate_resource_server
from valetkey.oauth.context import Context
from valetkey.oauth.decision import Answer, Issued, Refuse
from valetkey.oauth.feature import Call, Feature, FormEndpoint
from valetkey.spec.cite import Cite
from valetkey.spec.errors import InvalidClient, InvalidRequest
from valetkey.wire import usage
from valetkey.wire.usage import DAY, PARAMETER, Used

CITE: Final = Cite("RFC 6749", "2.3")


def report(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Notes the day. A resource server speaks of its own permissions only, and of what a family may
    do; all else is passed over, so that nobody learns what there is."""
    server = yield from authenticate_resource_server(call, context)
    if server is None:
        raise InvalidClient(detail="usage is reported by resource servers")
    try:
        told = usage.read(call.form.need(PARAMETER))
    except ValueError as error:
        raise InvalidRequest(f"{PARAMETER} cannot be read", detail=str(error)) from error
    own = frozenset(one.id for one in server.catalog.permissions)
    wanted = {one.family: One(TokenFamily, one.family) for one in told}
    found = yield tuple(wanted.values())
    families = {name: found.one(each) for name, each in wanted.items()}
    noted = _noted(told, families, own, today=context.now // DAY)
    return Answer(document=None, changes=tuple(noted))


def _noted(
    told: tuple[Used, ...],
    families: dict[str, TokenFamily | None],
    own: frozenset[str],
    *,
    today: int,
) -> Iterator[Update]:
    news: dict[str, dict[str, int]] = {}
    for one in told:
        family = families[one.family]
        if family is not None:
            may = own & frozenset(family.permissions)
            new = {each: today for each in one.permissions if each in may}
            news.setdefault(family.id, {}).update(new)
    for name, new in news.items():
        family = families[name]
        if family is not None and not new.items() <= family.opened.items():
            yield Update(msgspec.structs.replace(family, opened={**family.opened, **new}))


USAGE: Final = Feature(
    name="usage",
    cites=(CITE,),
    endpoints=(
        FormEndpoint(path="/usage", metadata="permission_usage_endpoint", cite=CITE, rule=report),
    ),
)
