"""The choke point: every token of every grant type is made here."""

from collections.abc import Iterable
from typing import Any

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.base64url import encode
from valetkey.server.model.limits import NONE
from valetkey.server.oauth.core import rar
from valetkey.server.oauth.core.acr import level
from valetkey.server.oauth.core.claims import Claim, select_claims
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Delegation, Issue, Issued, Standing
from valetkey.server.oauth.core.liveness import why_dead, why_suspended
from valetkey.server.oauth.core.subjects import receives_sessions, session, subject
from valetkey.server.oauth.issue.extensions import extensions
from valetkey.server.oauth.issue.status import status_of
from valetkey.server.oauth.senders.binding import fits, sender_of
from valetkey.server.oauth.tokens import app_half, refresh_token
from valetkey.server.oauth.tokens.refresh_token import RefreshToken
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import access_token, child_key, id_token
from valetkey.wire.access_token import AccessToken, Confirmation
from valetkey.wire.authorization_details import PARAMETER, Detail
from valetkey.wire.id_token import IdToken


def issue(decision: Issue, context: Context, *, holds: Confirmation | None = None) -> Issued:
    """The tokens of a yes, unsigned, bound to what the client `holds`. Raises InvalidGrant where
    somebody is no longer alive, and where the family is bound to something else; InvalidRequest
    where the token has to be bound, and is not."""
    standing, delegation = decision.standing, decision.delegation
    _check_alive(decision, context)
    bound = None if standing is None else standing.family.bound_to(decision.shard)
    # Whoever passes a key on holds a key of its own.
    if delegation is None and not fits(holds, bound):
        raise InvalidGrant(detail="the family is bound to another key")
    scope = context.installation.offer.names(decision.permissions, requested=decision.scope)
    if decision.own:
        scope = " ".join(decision.own)  # These stand alone.
    token = _access_token(decision, scope, holds=holds, context=context)
    app_half.check_bound(token, context)
    return Issued(
        client=decision.client,
        access_token=token,
        id_token=_id_token(decision, context) if decision.with_id_token else None,
        id_token_claims=_user_claims(decision, context) if decision.with_id_token else {},
        refresh_token=_refresh_token(decision, context) if decision.with_refresh_token else "",
        scope=scope,
        members={**decision.members, **extensions(decision, context)},
        changes=decision.changes,
        events=decision.events,
    )


def _check_alive(decision: Issue, context: Context) -> None:
    standing, delegation = decision.standing, decision.delegation
    owner = decision.client if delegation is None else delegation.owner
    act = None if delegation is None else delegation.act
    epoch, now = context.installation.epoch, context.env.now
    dead = why_dead(owner, standing, act=act, epoch=epoch, now=now)
    if dead or decision.client.status != "active":
        reason = why_suspended(owner, standing, act=act, epoch=epoch, now=now)
        raise InvalidGrant(detail=dead, reason=reason)


def response(issued: Issued, context: Context) -> dict[str, Any]:
    """The token response (RFC 6749 5.1), signed. Only for what has been committed."""
    signed = _signed(issued, context)
    answer: dict[str, Any] = {
        "access_token": signed,
        "token_type": sender_of(issued.access_token.cnf, context).token_type,
        "expires_in": issued.access_token.exp - context.env.now,
        "scope": issued.scope,
        **issued.members,
    }
    if issued.access_token.authorization_details:
        details = issued.access_token.authorization_details
        answer[PARAMETER] = msgspec.to_builtins(details)
    if issued.refresh_token:
        answer["refresh_token"] = issued.refresh_token
    if issued.id_token is not None:
        answer["id_token"] = _sign_id_token(issued, issued.id_token, access=signed, context=context)
    return answer


def _signed(issued: Issued, context: Context) -> str:
    """The access token as its app gets it: whole, or its half."""
    if app_half.is_split(issued.access_token, context):
        return app_half.write(issued.access_token, context)
    key = context.access_token_key(issued.client)
    token = jwt.sign(issued.access_token, key=key, typ=access_token.TYPE)
    context.installation.signed_tokens.add(token)
    return token


def _access_token(
    decision: Issue, scope: str, *, holds: Confirmation | None, context: Context
) -> AccessToken:
    policy = context.installation.all_policies[decision.client.policy]
    seconds = policy.access_token or context.installation.lifetimes.access_token
    standing = decision.standing
    token = AccessToken(
        iss=context.installation.issuer,
        # A client's own name lies in a namespace of its own: no user is called that.
        sub=f"client:{decision.client.id}",
        aud=context.installation.offer.audience(decision.permissions, decision.resources),
        client_id=decision.client.id,
        jti=encode(context.env.random_bytes(16)),
        scope=scope,
        iat=context.env.now,
        exp=context.env.now + seconds,
        cnf=holds,
        authorization_details=_details(decision, context),
    )
    if standing is None:
        return token
    token = _of_user(token, standing, decision.permissions)
    if decision.delegation is not None:
        return _delegated(token, decision.delegation)
    status = status_of(decision, context)
    return token if status is None else msgspec.structs.replace(token, status=status)


def _details(decision: Issue, context: Context) -> tuple[Detail, ...]:
    """What was asked by details, as it is granted now (RFC 9396 7)."""
    standing = decision.standing
    asked, within = decision.details, NONE
    if standing is not None:
        asked, within = (*standing.family.details, *asked), standing.grant.limits
    if not asked or not rar.is_enabled(context):
        return ()
    return rar.granted_details(
        asked, decision.permissions, within=within, offer=context.installation.offer
    )


def _of_user(token: AccessToken, standing: Standing, permissions: Iterable[str]) -> AccessToken:
    bounds = standing.grant.limits.permissions
    return msgspec.structs.replace(
        token,
        # No shadow is longer than what throws it.
        exp=min(token.exp, standing.grant.limits.until or token.exp),
        sub=standing.user.id,
        auth_time=standing.family.auth_time,
        acr=level(standing.family.amr),
        grant_id=standing.grant.id,
        grant_version=standing.grant.version,
        family_id=standing.family.id,
        limited=tuple([one for one in permissions if one in bounds]) if bounds else (),
        childless=child_key.ALONE in standing.grant.revoked_delegates,
    )


def _delegated(token: AccessToken, delegation: Delegation) -> AccessToken:
    until = min(token.exp, delegation.until)
    return msgspec.structs.replace(token, act=delegation.act, exp=until)


def _refresh_token(decision: Issue, context: Context) -> str:
    if decision.standing is None:
        raise InvalidGrant(detail="a refresh token without a family")
    family = decision.standing.family
    shards, at = family.shards, decision.shard
    generation = family.generation if shards is None else shards.of[at].generation
    return refresh_token.write(
        RefreshToken(family.id, at, generation), context.installation.keyring
    )


def _id_token(decision: Issue, context: Context) -> IdToken | None:
    standing = decision.standing
    if standing is None:
        return None
    family, keyring = standing.family, context.installation.keyring
    return IdToken(
        iss=context.installation.issuer,
        sub=subject(standing.user.id, decision.client, keyring),
        aud=decision.client.id,
        iat=context.env.now,
        exp=context.env.now + context.installation.lifetimes.id_token,
        auth_time=family.auth_time,
        nonce=decision.nonce,
        acr=level(family.amr),
        amr=family.amr,
        sid=session(family.session, decision.client, keyring)
        if receives_sessions(decision.client)
        else "",
    )


def _user_claims(decision: Issue, context: Context) -> dict[str, Claim]:
    """The claims about the user that the app wants in the ID Token itself: those that it names, and
    all of its scope where it is registered so."""
    standing = decision.standing
    if standing is None:
        return {}
    family = standing.family
    whole = (
        context.installation.offer.expand_known(family.scope)
        if decision.client.claims_in_id_token
        else ()
    )
    if not whole and not family.id_token_claims:
        return {}
    return select_claims(
        standing.user, decision.permissions, whole=whole, claim_names=family.id_token_claims
    )


def _sign_id_token(issued: Issued, token: IdToken, *, access: str, context: Context) -> str:
    bound: object = msgspec.structs.replace(token, at_hash=id_token.at_hash(access))
    if issued.id_token_claims:
        bound = {**msgspec.to_builtins(bound), **issued.id_token_claims}
    key = context.id_token_key(issued.client)
    return jws.sign(msgspec.json.encode(bound), key=key, typ=id_token.TYPE)
