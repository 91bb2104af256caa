"""The state of a refresh token. The check only reads: it rotates no token and closes no family."""

import msgspec

from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Standing
from valetkey.server.oauth.core.liveness import still_allowed, why_dead
from valetkey.server.oauth.grant_types.refresh_token import is_fresh, only_while_present
from valetkey.server.oauth.tokens import refresh_token
from valetkey.spec.errors import InvalidGrant


class Refreshable(msgspec.Struct, frozen=True, eq=False):
    """A valid refresh token, with its client, user, grant, family and permissions."""

    client: Client
    standing: Standing
    permissions: tuple[str, ...]


def refreshable(text: str, context: Context) -> Rule[Refreshable | None]:
    """The state of the token; None if a refresh would fail for any client."""
    try:
        token = refresh_token.read(text, context.installation.keyring)
    except InvalidGrant:
        yield from ()
        return None
    query = One(TokenFamily, token.family)
    family = (yield (query,)).one(query)
    if family is None or not family.refreshable or context.env.now >= family.expires:
        return None
    if family.shards is not None:
        return None  # One shard alone opens nothing.
    client, grant, user = (
        One(Client, family.client),
        One(Grant, family.grant),
        One(User, family.user),
    )
    results = yield (client, grant, user)
    app, yes, person = results.one(client), results.one(grant), results.one(user)
    if app is None or yes is None or person is None:
        return None
    if not is_fresh(token, family, client=app, context=context):
        return None
    standing = Standing(person, yes, family)
    if why_dead(app, standing, epoch=context.installation.epoch, now=context.env.now):
        return None
    if yes.limits.once or only_while_present(family, yes):
        return None
    allowed = still_allowed(
        family.permissions, client=app, grant=yes, offer=context.installation.offer
    )
    return Refreshable(app, standing, allowed)
