"""Token revocation (RFC 7009).

Any token of a family closes the family, so the app on that device has no access. The grant and the
app's other devices stay. For an exchanged token, only that token is revoked.
"""

from typing import Final

from valetkey.server.model.change import Create
from valetkey.server.model.counters import REVOKED, SingleUse
from valetkey.server.model.grant import TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.oauth.clients.authentication import authenticate
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Issued, RefreshToken, Refuse
from valetkey.server.oauth.core.feature import Authenticated, Call, Endpoint, Feature
from valetkey.server.oauth.core.liveness import close
from valetkey.server.oauth.shards.presentation import age
from valetkey.server.oauth.tokens import refresh_token
from valetkey.server.oauth.tokens.state import Dead, check_token
from valetkey.spec.errors import InvalidGrant
from valetkey.spec.names import Cite
from valetkey.wire.access_token import AccessToken

CITE: Final = Cite("RFC 7009", "2")

_NO_CHANGE: Final = Answer(document=None)


def revoke(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """Closes the token's family. It also answers 200 for an unknown or ended token (RFC 7009 2.2),
    and for a token of another client, without a change."""
    text = call.form.need("token")
    by = yield from authenticate(call, context)
    try:
        refresh = refresh_token.read(text, context.installation.keyring)
    except InvalidGrant:
        # RFC 7009 2.1: token_type_hint is only a hint; the token itself says what it is.
        token = check_token(text, context)
    else:
        return (yield from _close(refresh.family, by, context, refresh=refresh))
    # A paused grant or disabled user may come back, so this doesn't check the token's status.
    if isinstance(token, Dead) or token.client_id != by.client.id:
        return _NO_CHANGE
    if token.family_id and token.act is None:
        return (yield from _close(token.family_id, by, context))
    return (yield from _forget(token))


def _close(
    name: str, by: Authenticated, context: Context, *, refresh: RefreshToken | None = None
) -> Rule[Answer]:
    query = One(TokenFamily, name)
    family = (yield (query,)).one(query)
    if family is None or family.client != by.client.id or family.status == "closed":
        return _NO_CHANGE
    if refresh is not None and _is_spent(refresh, family):
        return _NO_CHANGE
    changes, events = close(
        family,
        "revoked by the app",
        kind="disconnected",
        by="app",
        note=family.device,
        context=context,
    )
    return Answer(document=None, changes=changes, events=events)


def _is_spent(refresh: RefreshToken, family: TokenFamily) -> bool:
    """Whether it is a rotated token of a sharded or sender-constrained family. Such a token gives
    no access, so it can't be used to end the holder's access either."""
    if family.shards is not None:
        of = family.shards.of
        return refresh.shard >= len(of) or age(of[refresh.shard], refresh.generation) in (
            "old",
            "lost",
        )
    return family.cnf is not None and refresh.generation < family.generation - 1


def _forget(token: AccessToken) -> Rule[Answer]:
    marker = SingleUse(purpose=REVOKED, value=token.jti, expires=token.exp + 60)
    query = One(SingleUse, marker.key)
    if (yield (query,)).one(query) is not None:
        return _NO_CHANGE
    return Answer(document=None, changes=(Create(marker),))


REVOCATION: Final = Feature(
    name="revocation",
    cites=(CITE,),
    endpoints=(Endpoint(path="/revoke", metadata="revocation_endpoint", cite=CITE, rule=revoke),),
)
