"""Roles of administrators: given and taken by those who hold all that a role confers.

There is always an owner: two owners who take the role from each other at the same time race for one
record, and the second one is refused.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from valetkey.server.model.change import Change, Create, Remove, Update
from valetkey.server.model.client import Client
from valetkey.server.model.query import Many, One, Rule
from valetkey.server.model.role import ROLES, SCOPES, Role, RoleBinding
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Outcome
from valetkey.spec import names

COMMAND_LINE: Final = "valetkey-cli"
"""The id of the built-in app of the command line."""


class RolesChanged(Outcome, frozen=True, kw_only=True, eq=False):
    """The roles as now stored, () for none. `version` is that of the record, 0 for none."""

    user: str
    roles: tuple[Role, ...]
    version: int


class RolesRefused(Outcome, frozen=True, kw_only=True, eq=False):
    """Nothing changes, for the reason `why`. `role` is one that the caller does not hold, "" for
    another reason."""

    why: str
    role: str = ""


RolesOutcome: TypeAlias = RolesChanged | RolesRefused


def set_roles(
    user: str,
    roles: Iterable[Role],
    *,
    by: str,
    permissions: frozenset[str],
    context: Context,
) -> Rule[RolesOutcome]:
    """Gives the user with this id exactly these roles. `by` is who does it, `permissions` are those
    that they have."""
    query = One(RoleBinding, user)
    binding = (yield (query,)).one(query)
    before = () if binding is None else binding.roles
    version = 0 if binding is None else binding.version
    wanted = frozenset(roles)
    after: tuple[Role, ...] = tuple(one for one in ROLES if one in wanted)
    for role in sorted(wanted.symmetric_difference(before)):
        if not ROLES[role] <= permissions:
            return RolesRefused(why=f"you do not hold all that {role} confers", role=role)
    if after == before:
        return RolesChanged(user=user, roles=before, version=version)
    others: tuple[Change, ...] = ()
    if "owner" in before and "owner" not in after:
        remaining = yield from _another_owner(user)
        if remaining is None:
            return RolesRefused(why="this is the last owner")
        others = (Update(remaining),)
    new = RoleBinding(user=user, roles=after, changed=context.env.now, by=by, version=version)
    return RolesChanged(
        user=user,
        roles=after,
        version=version + 1 if after else 0,
        changes=(*_change(binding, new), *others),
    )


def _change(before: RoleBinding | None, after: RoleBinding) -> tuple[Change, ...]:
    if before is None:
        return (Create(after),) if after.roles else ()
    return (Update(after),) if after.roles else (Remove(before),)


def _another_owner(user: str) -> Rule[RoleBinding | None]:
    """An owner who stays. Its record is written again, so that it can't be removed meanwhile."""
    query = Many(RoleBinding)
    bindings = (yield (query,)).many(query)
    return next((one for one in bindings if "owner" in one.roles and one.user != user), None)


# The apps of administrators.


class AppListed(Outcome, frozen=True, kw_only=True, eq=False):
    """The app as now stored, None if there is none."""

    client: Client | None


def list_app(name: str, scopes: Iterable[str], context: Context) -> Rule[AppListed]:
    """Lists an app as a tool of administrators: it may request exactly these scopes of the
    administration API, () for none any more."""
    query = One(Client, name)
    client = (yield (query,)).one(query)
    if client is None:
        return AppListed(client=None)
    listed = tuple(dict.fromkeys(scopes))
    others = tuple(one for one in client.scope if one not in SCOPES)
    after = msgspec.structs.replace(client, admin=listed, scope=(*others, *listed))
    if after == client:
        return AppListed(client=client)
    return AppListed(client=after, changes=(Update(after),))


def built_in_app(context: Context) -> Rule[AppListed]:
    """The app of the command line, created if it is missing."""
    query = One(Client, COMMAND_LINE)
    client = (yield (query,)).one(query)
    if client is not None:
        return AppListed(client=client)
    scopes = tuple(sorted(SCOPES))
    new = Client(
        id=COMMAND_LINE,
        name="valetkey command line",
        redirect_uris=("http://127.0.0.1/callback",),
        grant_types=(names.AUTHORIZATION_CODE, names.REFRESH_TOKEN, names.DEVICE_CODE),
        scope=("openid", "offline_access", *scopes),
        admin=scopes,
        created=context.env.now,
    )
    return AppListed(client=new, changes=(Create(new),))
