"""The authorization code grant (RFC 6749 4.1.3) with PKCE (RFC 7636 4.6)."""

from typing import Final

import msgspec

from valetkey.jose.seal import digest, same
from valetkey.server.model.change import Create
from valetkey.server.model.client import Client
from valetkey.server.model.event import Event, Kind, event
from valetkey.server.model.grant import Grant, Shards, TokenFamily, new_shards
from valetkey.server.model.pending import Pending
from valetkey.server.model.query import Many, One, Results, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.authorize.request import AUTHORIZE
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Issue, RefreshToken, Refuse, Standing
from valetkey.server.oauth.core.feature import Authenticated, Feature, GrantType
from valetkey.server.oauth.core.liveness import close, still_allowed
from valetkey.server.oauth.grant_types import narrowing, session_family
from valetkey.server.oauth.grant_types.session_family import Place, Renewed
from valetkey.server.oauth.senders.binding import fits
from valetkey.server.oauth.tokens import code as codes
from valetkey.server.oauth.tokens.code import Code, CodeReference
from valetkey.spec import names
from valetkey.spec.errors import InvalidGrant
from valetkey.spec.names import Cite
from valetkey.wire import pkce
from valetkey.wire.access_token import Confirmation
from valetkey.wire.form import Form
from valetkey.wire.key_shards import Tier

CITE: Final = Cite("RFC 6749", "4.1.3")


class Redemption(msgspec.Struct, frozen=True):
    """The parameters of a token request for a code. `redirect_uri` and `verifier` are "" if
    absent."""

    code: str
    redirect_uri: str
    verifier: str
    narrowing: narrowing.Narrowing

    def __repr__(self) -> str:
        return "Redemption(…)"


def parse(form: Form) -> Redemption:
    """Read the parameters of RFC 6749 4.1.3 and RFC 7636 4.5."""
    return Redemption(
        form.need("code"),
        form.get("redirect_uri", ""),
        form.get("code_verifier", ""),
        narrowing.parse(form),
    )


def decide(request: Redemption, caller: Authenticated, context: Context) -> Rule[Issue | Refuse]:
    """Issue tokens for a code of this client, once."""
    code = yield from _opened(request.code, context)
    return (yield from redeem(code, request, caller, context=context))


def redeem(
    code: Code, request: Redemption, caller: Authenticated, *, context: Context
) -> Rule[Issue | Refuse]:
    """Issue tokens, once, for what the user allowed. Other grant types pass a code that they made
    themselves."""
    own, grant, user = One(TokenFamily, code.family), One(Grant, code.grant), One(User, code.user)
    place = _place(code, caller.client, context) if code.browser else None
    results = yield (own, grant, user) if place is None else (own, grant, user, *place.wants)
    spent = results.one(own)
    if spent is not None:
        return _replayed(spent, context)
    root = before = None
    if place is not None:
        root, before = yield from _before(place, results)
        if place.is_redeemed(results):
            return _replayed(before, context)
    if context.env.now >= code.expires:
        raise InvalidGrant("the code has expired")
    wrong = _wrong_binding(request, code, caller)
    if wrong:
        return _burnt(code, wrong, context)
    their_grant, their_user = results.one(grant), results.one(user)
    if their_grant is None or their_user is None:
        raise InvalidGrant(detail="the grant or the user of the code does not exist")
    fresh = _family(code, caller, their_grant, context=context)
    renewed = Renewed(fresh, (Create(fresh),))
    if place is not None:
        renewed = place.renewed(fresh, root, before, now=context.env.now)
    standing = Standing(their_user, their_grant, renewed.family)
    issue = _redeemed(request, code, standing, caller=caller, renewed=renewed, context=context)
    return (yield from _renewing(issue, code, context)) if code.renews else issue


def _place(code: Code, client: Client, context: Context) -> Place | None:
    return session_family.place(
        code,
        client,
        refreshable=_may_refresh(code, client, context),
        retention=_retention(client, context),
        context=context,
    )


def _before(place: Place, results: Results) -> Rule[tuple[TokenFamily | None, TokenFamily | None]]:
    """The family that the place names, and the family that is in that place now (mostly the
    same)."""
    root = results.one(place.wants[1])
    if root is None or root.status == "open" or not root.replaced_by:
        return root, root
    wanted = One(TokenFamily, root.replaced_by)
    return root, (yield (wanted,)).one(wanted)


def _renewing(issue: Issue, code: Code, context: Context) -> Rule[Issue]:
    """End the refresh tokens from before, after a grant was merged or replaced (Grant Management
    for OAuth 2.0 5.2)."""
    wanted = Many(TokenFamily, "grant", code.grant)
    changes, events = issue.changes, issue.events
    for family in (yield (wanted,)).many(wanted):
        if family.status != "closed":
            more, more_events = close(
                family,
                "renewed",
                kind="disconnected",
                by="app",
                note=family.device,
                context=context,
            )
            changes, events = (*changes, *more), (*events, *more_events)
    return msgspec.structs.replace(issue, changes=changes, events=events)


def _opened(text: str, context: Context) -> Rule[Code]:
    inside = codes.contents(codes.read(text, context.installation.keyring))
    if isinstance(inside, CodeReference):
        wanted = One(Pending, inside.pending)
        pending = (yield (wanted,)).one(wanted)
        if pending is None or pending.kind != "code":
            raise InvalidGrant(detail="the contents of the code are gone")
        inside = codes.contents(pending.contents)
    if not isinstance(inside, Code):
        raise InvalidGrant(detail="the code names another code")
    return inside


def _wrong_binding(request: Redemption, code: Code, caller: Authenticated) -> str:
    """Why the code is not for this request, or "" if it is: its client, redirect URI, PKCE
    challenge, key and copy of the app have to be those of the code (ATTACKS A05, A08)."""
    if code.client != caller.client.id:
        return "issued to another client"
    if request.redirect_uri:
        if not same(digest(request.redirect_uri).encode(), code.redirect_uri.encode()):
            return "another redirect_uri"
    elif code.redirect_sent and not code.challenge:
        # OAuth 2.1 drops the parameter because PKCE does its work; RFC 6749 4.1.3 requires it.
        return "redirect_uri is missing"
    if bool(code.challenge) != bool(request.verifier):
        return "a verifier without a challenge, or a challenge without a verifier"
    if code.challenge and not pkce.proves(request.verifier, code.challenge):
        return "another code_verifier"
    if not fits(caller.confirmation, Confirmation(jkt=code.jkt) if code.jkt else None):
        return "another key"
    if code.instance and code.instance != caller.instance:
        return "another copy of the app"
    return ""


def _family(code: Code, caller: Authenticated, grant: Grant, *, context: Context) -> TokenFamily:
    client = caller.client
    lifetimes, policy = (
        context.installation.lifetimes,
        context.installation.all_policies[client.policy],
    )
    refreshable = _may_refresh(code, client, context) and not grant.limits.once
    until = policy.refresh_token or lifetimes.refresh_token
    idle = policy.refresh_idle or lifetimes.refresh_idle
    return TokenFamily(
        id=code.family,
        grant=code.grant,
        user=code.user,
        client=code.client,
        scope=code.scope,
        permissions=code.permissions,
        resources=code.resources,
        # Set from the start, like every field that a refresh writes, so that the row keeps its
        # size.
        rotated=context.env.now,
        refreshable=refreshable,
        # RFC 9449 5: a confidential client proves itself, so it may change its key.
        cnf=caller.confirmation if client.is_public else None,
        instance=caller.instance,
        session=code.session,
        auth_time=code.auth_time,
        amr=code.amr,
        acr=code.acr,
        userinfo_claims=code.userinfo_claims,
        id_token_claims=code.id_token_claims,
        details=code.details,
        device=code.device,
        shards=_new_shards(code.tier, code.client, context) if refreshable and code.tier else None,
        created=context.env.now,
        used=context.env.now,
        expires=context.env.now
        + (min(until, idle) if refreshable else _retention(client, context)),
    )


def _new_shards(tier: Tier, client: str, context: Context) -> Shards:
    return new_shards(tier.threshold, tier.holders, client=client, now=context.env.now)


def _retention(client: Client, context: Context) -> int:
    """Seconds for which a family that can't be refreshed is stored: longer than its last access
    token, so that a replay of the code is still detected, and as long as the session if the client
    is notified of its end."""
    least = context.installation.lifetimes.access_token + 3600
    more_events = client.frontchannel_logout_uri or client.backchannel_logout_uri
    return max(least, context.installation.lifetimes.session) if more_events else least


def _may_refresh(code: Code, client: Client, context: Context) -> bool:
    offered = names.REFRESH_TOKEN in context.installation.grant_types
    left_out = names.OFFLINE_ACCESS in code.scope and names.OFFLINE_ACCESS not in code.permissions
    return offered and names.REFRESH_TOKEN in client.grant_types and not left_out


def _redeemed(
    request: Redemption,
    code: Code,
    standing: Standing,
    *,
    caller: Authenticated,
    renewed: Renewed,
    context: Context,
) -> Issue:
    client, grant, family = caller.client, standing.grant, standing.family
    allowed = still_allowed(
        code.permissions, client=client, grant=grant, offer=context.installation.offer
    )
    permissions, resources = narrowing.narrow(
        request.narrowing,
        permissions=allowed,
        resources=code.resources,
        offer=context.installation.offer,
        limits=grant.limits,
        details=family.details,
    )
    refresh_token = None
    if family.refreshable:
        generation = family.generation if family.shards is None else family.shard(0).generation
        refresh_token = RefreshToken(family.id, 0, generation)
    return Issue(
        client=client,
        standing=standing,
        permissions=permissions,
        scope=code.scope,
        resources=resources,
        nonce=code.nonce,
        with_id_token=names.OPENID in allowed,
        refresh_token=refresh_token,
        state=request.narrowing.state,
        changes=renewed.changes,
        events=(_event(context, "connected", code, note=code.device),),
    )


def _replayed(family: TokenFamily | None, context: Context) -> Refuse:
    """Refuse a code that was redeemed before, and close its family: two parties have the code (RFC
    6749 4.1.2)."""
    if family is None or family.status == "closed":
        return Refuse(error=InvalidGrant("the code was used before"))
    error = InvalidGrant("the code was used before", detail=f"family {family.id}")
    changes, events = close(
        family,
        "code replayed",
        kind="replayed",
        by="server",
        note="authorization code",
        context=context,
    )
    return Refuse(error=error, changes=changes, events=events)


def _burnt(code: Code, wrong: str, context: Context) -> Refuse:
    """Refuse a code that another party presents. Its family is created closed, so the code is
    spent."""
    family = TokenFamily(
        id=code.family,
        grant=code.grant,
        user=code.user,
        client=code.client,
        status="closed",
        because=f"code refused: {wrong}",
        created=context.env.now,
        used=context.env.now,
        expires=code.expires + 3600,
    )
    events = (_event(context, "refused", code, note="authorization code"),)
    return Refuse(error=InvalidGrant(detail=wrong), changes=(Create(family),), events=events)


def _event(context: Context, kind: Kind, code: Code, *, note: str) -> Event:
    return event(
        context.env,
        kind,
        by="app",
        user=code.user,
        client=code.client,
        grant=code.grant,
        note=note,
    )


AUTHORIZATION_CODE: Final = Feature(
    name="authorization code",
    pages=(AUTHORIZE,),
    cites=(CITE, pkce.CITE),
    grant_types=(
        GrantType(
            name=names.AUTHORIZATION_CODE,
            cite=CITE,
            confidential_only=False,
            declared_only=False,
            parse=parse,
            decide=decide,
        ),
    ),
    metadata=lambda _: {"code_challenge_methods_supported": (pkce.METHOD,)},
)
