"""The choke point: every token of every grant type is made here."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from valetkey.jose import jws, jwt
from valetkey.jose.base64url import encode
from valetkey.server.model.assurance import level
from valetkey.server.model.query import Rule
from valetkey.server.oauth.core.claims import Claim, select_claims
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import (
    Answer,
    Delegation,
    Issue,
    Issued,
    Standing,
    Unsigned,
)
from valetkey.server.oauth.core.issuing import Members
from valetkey.server.oauth.core.liveness import why_dead, why_suspended
from valetkey.server.oauth.core.subjects import receives_sessions, session, subject
from valetkey.server.oauth.senders.binding import fits, sender_of
from valetkey.server.oauth.tokens import refresh_token as refresh_tokens
from valetkey.spec.errors import InvalidGrant
from valetkey.wire import access_token, child_key, id_token
from valetkey.wire.access_token import AccessToken, Confirmation, OpaqueId
from valetkey.wire.authorization_details import PARAMETER
from valetkey.wire.id_token import IdToken
from valetkey.wire.token_response import GRANT_EXPIRES_AT

T = TypeVar("T")


def issue(
    decision: Issue, context: Context, *, confirmation: Confirmation | None = None
) -> Rule[Issued]:
    """Make the tokens for a grant type's decision, unsigned, bound to the key that the client
    proved (`confirmation`).

    The steps of features run in the order of `core.issuing.ORDER`. Raises InvalidGrant if the
    client, the user, the grant or the family is not active, or if the family is bound to another
    key; InvalidRequest if the token has to be bound and is not.
    """
    at, of_user = context.installation, decision.standing is not None
    parts = at.issuing_for_users if of_user else at.issuing_for_clients
    for prepare in parts.prepare:
        decision = yield from prepare(decision, context)
    _check_alive(decision, context)
    _check_binding(decision, confirmation)
    token = _access_token(decision, confirmation, context)
    for complete in parts.complete:
        token = complete(token, decision, context)
    identity, claims, refresh_token = None, dict[str, Claim](), ""
    if decision.with_id_token and decision.standing is not None:
        identity = _id_token(decision, decision.standing, context)
        if decision.client.claims_in_id_token or decision.standing.family.id_token_claims:
            claims = _user_claims(decision, decision.standing, context)
    if decision.refresh_token is not None:
        refresh_token = refresh_tokens.write(decision.refresh_token, context.installation.keyring)
    issued = Issued(
        client=decision.client,
        access_token=token,
        id_token=identity,
        id_token_claims=claims,
        refresh_token=refresh_token,
        scope=token.scope,
        members=_members(decision, parts.members, context),
        changes=decision.changes,
        events=decision.events,
    )
    if at.keyring.check_token is None or at.keyring.pool is not None:
        return issued
    # A token may be lost at any moment: it signs before anything is committed, so that a code or a
    # refresh token is spent only for an answer that can be given. What signs in a pool does so
    # after the decision (see `signing_of`).
    return msgspec.structs.replace(issued, document=response(issued, context))


def _members(decision: Issue, parts: tuple[Members, ...], context: Context) -> dict[str, Any]:
    """The other members of the response: when the grant ends, and what features add. A delegate is
    not given the end, since the grant is another client's."""
    members, standing = {**decision.members}, decision.standing
    if standing is not None and standing.grant.limits.until and decision.delegation is None:
        members[GRANT_EXPIRES_AT] = standing.grant.limits.until
    for part in parts:
        members |= part(decision, context)
    return members


def _check_binding(decision: Issue, confirmation: Confirmation | None) -> None:
    standing, refresh_token = decision.standing, decision.refresh_token
    # A delegate proves a key of its own.
    if standing is None or decision.delegation is not None:
        return
    bound_to = standing.family.cnf
    if refresh_token is not None and refresh_token.shard:
        bound_to = standing.family.bound_to(refresh_token.shard)
    if not fits(confirmation, bound_to):
        raise InvalidGrant(detail="the family is bound to another key")


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
    """Sign the token response (RFC 6749 5.1). Send it only after the changes are committed."""
    if issued.document:
        return issued.document
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


def signing_of(outcome: T, context: Context) -> Callable[[], T] | None:
    """What returns the outcome with the signatures that it lacks, None if it lacks none. Where a
    service far away signs, it is called between the decision and the commit, so it raises
    TokenUnavailable before anything is spent."""
    match outcome:
        case Issued(document=document) if not document:
            return lambda: msgspec.structs.replace(outcome, document=response(outcome, context))
        case Answer(document=Unsigned(make=make)):
            return lambda: msgspec.structs.replace(outcome, document=make())
        case _:
            return None


def _signed(issued: Issued, context: Context) -> str:
    """Sign the access token as a JWT, unless a feature's step writes it in another form."""
    installation = context.installation
    of_user = bool(issued.access_token.grant_id)
    parts = installation.issuing_for_users if of_user else installation.issuing_for_clients
    for write in parts.write:
        if written := write(issued.access_token, context):
            return written
    policy = installation.all_policies[issued.client.policy]
    key = installation.keyring.signing[policy.access_token_algorithm]
    token = jwt.sign(issued.access_token, key=key, typ=access_token.TYPE)
    installation.signed_tokens.add(token)
    return token


def _access_token(
    decision: Issue, confirmation: Confirmation | None, context: Context
) -> AccessToken:
    installation, now = context.installation, context.env.now
    policy = installation.all_policies[decision.client.policy]
    seconds = policy.access_token or installation.lifetimes.access_token
    token = AccessToken(
        iss=installation.issuer,
        # A prefix keeps clients' names apart from users' names.
        sub=f"client:{decision.client.id}",
        aud=installation.offer.audience(decision.permissions, decision.resources),
        client_id=decision.client.id,
        jti=encode(context.env.random_bytes(16)),
        scope=installation.offer.names(decision.permissions, requested=decision.scope),
        iat=now,
        exp=now + seconds,
        cnf=confirmation,
    )
    if decision.standing is None:
        return token
    token = _of_user(token, decision.standing, decision.permissions)
    return token if decision.delegation is None else _delegated(token, decision.delegation)


def _of_user(token: AccessToken, standing: Standing, permissions: Iterable[str]) -> AccessToken:
    bounds = standing.grant.limits.permissions
    return msgspec.structs.replace(
        token,
        # No shadow is longer than what throws it.
        exp=min(token.exp, standing.grant.limits.until or token.exp),
        sub=standing.user.id,
        auth_time=standing.family.auth_time,
        acr=level(standing.family.amr, standing.family.acr),
        grant_id=standing.grant.id,
        grant_version=standing.grant.version,
        family_id=standing.family.id,
        limited=tuple([one for one in permissions if one in bounds]) if bounds else (),
        childless=child_key.ALONE in standing.grant.revoked_delegates,
        sub_id=OpaqueId(id=standing.user.external) if standing.user.external else None,
    )


def _delegated(token: AccessToken, delegation: Delegation) -> AccessToken:
    until = min(token.exp, delegation.until)
    return msgspec.structs.replace(token, act=delegation.act, exp=until)


def _id_token(decision: Issue, standing: Standing, context: Context) -> IdToken:
    client, family, keyring = decision.client, standing.family, context.installation.keyring
    return IdToken(
        iss=context.installation.issuer,
        sub=subject(standing.user.id, client, keyring),
        aud=client.id,
        iat=context.env.now,
        exp=context.env.now + context.installation.lifetimes.id_token,
        auth_time=family.auth_time,
        nonce=decision.nonce,
        acr=level(family.amr, family.acr),
        amr=family.amr,
        sid=session(family.session, client, keyring)
        if family.session and receives_sessions(client)
        else "",
    )


def _user_claims(decision: Issue, standing: Standing, context: Context) -> dict[str, Claim]:
    """The claims that go into the ID Token itself: those that the client requested one by one, and
    those of its whole scope if it is registered for that."""
    client, family = decision.client, standing.family
    whole: tuple[str, ...] = ()
    if client.claims_in_id_token:
        whole = context.installation.offer.expand_known(family.scope)
    return select_claims(
        standing.user, decision.permissions, whole=whole, claim_names=family.id_token_claims
    )


def _sign_id_token(issued: Issued, token: IdToken, *, access: str, context: Context) -> str:
    claims: object = msgspec.structs.replace(token, at_hash=id_token.at_hash(access))
    if issued.id_token_claims:
        claims = {**msgspec.to_builtins(claims), **issued.id_token_claims}
    installation = context.installation
    policy = installation.all_policies[issued.client.policy]
    key = installation.keyring.signing[policy.id_token_algorithm]
    return jws.sign(msgspec.json.encode(claims), key=key, typ=id_token.TYPE)
