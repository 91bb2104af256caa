"""The refresh token grant (RFC 6749 6): rotation that a lost reply cannot break.

Public clients rotate (RFC 9700 4.14.2), confidential ones do not. A client that presents the
previous generation again gets the same successor, since tokens are derived. With proof of the
family's key, this works until the successor was presented; without a key, inside a window. An older
token means that two parties have it: the family closes. A token without the proof that it was
issued to is refused and closes nothing, since it does not show that anyone has the key.
"""

from typing import Final

import msgspec

from valetkey.server.model.change import Change, Update
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, RefreshToken, Refuse, Standing
from valetkey.server.oauth.core.feature import Authenticated, Feature, GrantType
from valetkey.server.oauth.core.liveness import close, still_allowed, why_suspended
from valetkey.server.oauth.core.shard_policy import without_risky
from valetkey.server.oauth.grant_types import narrowing
from valetkey.server.oauth.senders.binding import fits
from valetkey.server.oauth.shards.refreshing import refresh_shards
from valetkey.server.oauth.shards.response import RenewedShards
from valetkey.server.oauth.tokens.refresh_token import read
from valetkey.spec import names
from valetkey.spec.errors import InvalidGrant
from valetkey.spec.names import Cite
from valetkey.wire.form import Form
from valetkey.wire.key_shards import OTHERS
from valetkey.wire.token_response import PAUSED

CITE: Final = Cite("RFC 6749", "6")

USED_STEP: Final = 3600
"""Longest time, in seconds, between two notes of the last use of a family that does not rotate. It
is shorter if a tenth of the family's idle time is shorter."""


class RefreshRequest(msgspec.Struct, frozen=True):
    """The parameters of a refresh. `others` are shards besides the refresh token, "" for none."""

    refresh_token: str
    narrowing: narrowing.Narrowing
    others: str = ""

    def __repr__(self) -> str:
        return "Refreshing(…)"


def parse(form: Form) -> RefreshRequest:
    """Read the parameters of RFC 6749 6."""
    return RefreshRequest(form.need("refresh_token"), narrowing.parse(form), form.get(OTHERS, ""))


def decide(
    request: RefreshRequest, caller: Authenticated, context: Context
) -> Rule[Issue | Refuse]:
    """Issue new tokens for the family that the refresh token names."""
    token = read(request.refresh_token, context.installation.keyring)
    wanted = One(TokenFamily, token.family)
    family = (yield (wanted,)).one(wanted)
    if family is not None and family.shards is not None:
        return (yield from _sharded(request, family, caller=caller, context=context))
    if family is None or family.client != caller.client.id:
        raise InvalidGrant(detail="the family is gone, or another client's")
    replayed = check_presented(token, family, caller=caller, context=context)
    if replayed is not None:
        return replayed
    user, grant = yield from _whose(family)
    next_family, changes = _turned(token, family, caller=caller, context=context)
    standing = Standing(user, grant, next_family)
    return _issue(request, standing, client=caller.client, context=context, changes=changes)


def check_presented(
    token: RefreshToken, family: TokenFamily, *, caller: Authenticated, context: Context
) -> Refuse | None:
    """Check a refresh token that a client presents. Returns the refusal that closes the family, if
    two parties have the token, or None for a good token. Raises InvalidGrant for any other
    refusal."""
    if family.status != "open" or not family.refreshable or context.env.now >= family.expires:
        raise InvalidGrant(detail=f"the family is {family.status} or expired")
    is_holder = fits(caller.confirmation, family.cnf)
    _check_holder(token, family, caller, is_holder=is_holder)
    if is_holder and is_fresh(token, family, client=caller.client, context=context):
        return None
    return _replayed(family, context)


def _sharded(
    request: RefreshRequest, family: TokenFamily, *, caller: Authenticated, context: Context
) -> Rule[Issue | Refuse]:
    """Issue new tokens for enough shards of a key, or raise the alarm."""
    if family.status == "suspended" and caller.client.id == family.client:
        yield from _check_comes_back(family, caller, context)
    turned = yield from refresh_shards(
        request.refresh_token, request.others, family, by=caller, context=context
    )
    if isinstance(turned, Refuse):
        return turned
    user, grant = yield from _whose(family)
    standing = Standing(user, grant, turned.family)
    issue = _issue(
        request,
        standing,
        client=caller.client,
        context=context,
        changes=turned.changes,
        spare=turned.spare,
    )
    shard = turned.shard
    token = RefreshToken(turned.family.id, shard, turned.family.shard(shard).generation)
    state = (*issue.state, RenewedShards(turned.renewed))
    return msgspec.structs.replace(issue, refresh_token=token, state=state)


def _check_comes_back(family: TokenFamily, caller: Authenticated, context: Context) -> Rule[None]:
    """Raise InvalidGrant for a suspended key that can never be resumed, so that its app does not
    wait."""
    user, grant = yield from _whose(family)
    standing = Standing(user, grant, family)
    if not why_suspended(
        caller.client, standing, epoch=context.installation.epoch, now=context.env.now
    ):
        raise InvalidGrant(detail="the key is suspended, and its grant is over")


def _whose(family: TokenFamily) -> Rule[tuple[User, Grant]]:
    """The user and the grant, if the user still lets the app go on in their absence."""
    grant, user = One(Grant, family.grant), One(User, family.user)
    found = yield (grant, user)
    their_grant, their_user = found.one(grant), found.one(user)
    if their_grant is None or their_user is None:
        raise InvalidGrant(detail="the grant or the user is gone")
    if their_grant.limits.once:
        raise InvalidGrant("the user allowed one use")
    if only_while_present(family, their_grant):
        if names.OFFLINE_ACCESS in their_grant.withheld:
            raise InvalidGrant("the user's organization does not allow this now", reason=PAUSED)
        raise InvalidGrant("the user has withdrawn background access")
    return their_user, their_grant


def _check_holder(
    token: RefreshToken, family: TokenFamily, caller: Authenticated, *, is_holder: bool
) -> None:
    """Raise InvalidGrant if the token is presented without what it was issued to."""
    if family.instance not in {"", caller.instance}:
        # draft-ietf-oauth-attestation-based-client-auth 11.3: for this copy of the app alone.
        raise InvalidGrant("the refresh token belongs to another copy of the app")
    # A token from before the app began to prove a key is a bearer token. If it comes without the
    # key, two parties have it.
    if not is_holder and token.generation >= family.bound_since:
        raise InvalidGrant("the refresh token is bound to another key")


def is_fresh(token: RefreshToken, family: TokenFamily, *, client: Client, context: Context) -> bool:
    """Whether this is the family's current token, or the previous one while that is still valid."""
    if token.shard != 0 or token.generation == family.generation:
        return token.shard == 0
    if token.generation != family.generation - 1:
        return False
    window = context.installation.all_policies[client.policy].refresh_window
    if window is None:
        window = context.installation.lifetimes.refresh_window
    # Only the holder of the family's key got the successor.
    return family.cnf is not None or context.env.now <= family.rotated + window


def only_while_present(family: TokenFamily, grant: Grant) -> bool:
    """Whether the user has withdrawn background access, which the app had."""
    away = names.OFFLINE_ACCESS
    return away in family.permissions and away not in grant.permissions


def _turned(
    token: RefreshToken, family: TokenFamily, *, caller: Authenticated, context: Context
) -> tuple[TokenFamily, tuple[Change, ...]]:
    """The family after this refresh, and the changes to commit."""
    client = caller.client
    if token.generation < family.generation:
        # A retry: the reply with the successor was lost. Send the same successor again.
        return family, ()
    idle = (
        context.installation.all_policies[client.policy].refresh_idle
        or context.installation.lifetimes.refresh_idle
    )
    if not client.is_public and context.env.now < family.used + min(USED_STEP, idle // 10):
        return family, ()
    until = (
        context.installation.all_policies[client.policy].refresh_token
        or context.installation.lifetimes.refresh_token
    )
    turned = msgspec.structs.replace(
        family,
        generation=family.generation + (1 if client.is_public else 0),
        rotated=context.env.now if client.is_public else family.rotated,
        # From now on, an app that begins to prove a key has to prove it.
        cnf=caller.confirmation if client.is_public else family.cnf,
        bound_since=(
            family.generation + 1
            if client.is_public and family.cnf is None and caller.confirmation is not None
            else family.bound_since
        ),
        used=context.env.now,
        expires=min(context.env.now + idle, family.created + until),
    )
    return turned, (Update(turned),)


def _issue(
    request: RefreshRequest,
    standing: Standing,
    *,
    client: Client,
    context: Context,
    changes: tuple[Change, ...],
    spare: bool = False,
) -> Issue:
    family = standing.family
    allowed = still_allowed(
        family.permissions, client=client, grant=standing.grant, offer=context.installation.offer
    )
    policy = context.installation.all_policies[client.policy]
    if policy.one_more_shard and not spare:
        allowed = without_risky(allowed, client, context)
    permissions, resources = narrowing.narrow(
        request.narrowing,
        permissions=allowed,
        resources=family.resources,
        offer=context.installation.offer,
        limits=standing.grant.limits,
        details=family.details,
    )
    return Issue(
        client=client,
        standing=standing,
        permissions=permissions,
        scope=family.scope,
        resources=resources,
        with_id_token=names.OPENID in permissions,
        refresh_token=RefreshToken(family.id, 0, family.generation),
        state=request.narrowing.state,
        changes=changes,
    )


def _replayed(family: TokenFamily, context: Context) -> Refuse:
    error = InvalidGrant("the refresh token was used before", detail=f"family {family.id}")
    changes, events = close(
        family,
        "refresh token replayed",
        kind="replayed",
        by="server",
        note="refresh token",
        context=context,
    )
    return Refuse(error=error, changes=changes, events=events)


REFRESH_TOKEN: Final = Feature(
    name="refresh token",
    cites=(CITE, Cite("RFC 9700", "4.14.2")),
    grant_types=(
        GrantType(
            name=names.REFRESH_TOKEN,
            cite=CITE,
            confidential_only=False,
            declared_only=False,
            parse=parse,
            decide=decide,
        ),
    ),
)
