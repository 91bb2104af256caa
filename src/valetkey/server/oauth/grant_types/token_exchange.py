"""Token exchange (RFC 8693): a service delegates a user's grant to the next service, with less
access.

The new token belongs to the same grant and family, so one stop ends it too. It opens no more than
the subject token, ends no later, and names the actor. A client's registration says what it may
exchange; by default, nothing. Impersonation is not possible.
"""

from typing import Final

import msgspec

from valetkey.jose import jwt
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily, live_grant_alias
from valetkey.server.model.query import Many, One, OneByAlias, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.clients.documents import check_resources
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.decision import Answer, Delegation, Issue, Refuse, Standing
from valetkey.server.oauth.core.feature import Authenticated, Feature, GrantType
from valetkey.server.oauth.core.liveness import (
    has_revoked_delegate,
    still_allowed,
    why_dead,
    why_suspended,
)
from valetkey.server.oauth.grant_types import identity_assertion, narrowing
from valetkey.server.oauth.grant_types.narrowing import Narrowing
from valetkey.server.oauth.grants import delegates
from valetkey.server.oauth.senders.binding import fits, is_bound
from valetkey.server.oauth.tokens.state import Dead, Live, token_state
from valetkey.spec import names
from valetkey.spec.errors import AccessDenied, InvalidRequest, InvalidTarget, UnauthorizedClient
from valetkey.spec.names import Cite
from valetkey.wire.access_token import Actor, Confirmation
from valetkey.wire.form import Form
from valetkey.wire.id_token import IdToken

CITE: Final = Cite("RFC 8693", "2.1")

MAX_DELEGATES: Final = 4
"""Longest chain of delegates. A longer one is a mistake."""

_SUBJECTS: Final = (names.TYPE_ACCESS_TOKEN, names.TYPE_JWT, names.TYPE_ID_TOKEN)


class ExchangeRequest(msgspec.Struct, frozen=True):
    """The parameters of a token exchange. `actor` is "" without an actor token."""

    subject: str
    subject_type: str
    actor: str
    narrowing: Narrowing
    requested: str = names.TYPE_ACCESS_TOKEN

    def __repr__(self) -> str:
        return "Exchanging(…)"


class SubjectToken(msgspec.Struct, frozen=True, eq=False):
    """A valid subject token: its grant, its permissions, its audience, and its end. `client` has
    the token now, `owner` is the client of the grant, `cnf` is the key that the token is bound
    to."""

    client: str
    owner: Client
    standing: Standing
    permissions: tuple[str, ...]
    audience: tuple[str, ...]
    act: Actor | None
    until: int
    cnf: Confirmation | None


def parse(form: Form) -> ExchangeRequest:
    """Read the parameters of RFC 8693 2.1. `audience` and `resource` mean the same here."""
    kind = form.need("subject_token_type")
    if kind not in _SUBJECTS:
        raise InvalidRequest("subject_token_type is not supported")
    requested = form.get("requested_token_type", names.TYPE_ACCESS_TOKEN)
    if requested not in (names.TYPE_ACCESS_TOKEN, identity_assertion.TOKEN_TYPE):
        raise InvalidRequest("requested_token_type is not supported")
    if ("actor_token" in form) != ("actor_token_type" in form):
        raise InvalidRequest("actor_token and actor_token_type go together")
    if form.get("actor_token_type", names.TYPE_ACCESS_TOKEN) != names.TYPE_ACCESS_TOKEN:
        raise InvalidRequest("actor_token_type is not supported")
    narrows = narrowing.parse(form)
    targets = dict.fromkeys((*narrows.resources, *form.all("audience")))
    return ExchangeRequest(
        form.need("subject_token"),
        kind,
        form.get("actor_token", ""),
        msgspec.structs.replace(narrows, resources=tuple(targets)),
        requested,
    )


def decide(
    request: ExchangeRequest, caller: Authenticated, context: Context
) -> Rule[Issue | Answer | Refuse]:
    """Issue a token of the same grant with less access for the client that delegates it, or an
    assertion."""
    policy = caller.client.exchange
    if policy is None:
        raise UnauthorizedClient("this client may exchange nothing")
    check_resources(caller.client, request.narrowing.resources, context)
    if request.requested == identity_assertion.TOKEN_TYPE:
        return (yield from _asserted(request, caller, context))
    subject_token = yield from _subject(request, context)
    if subject_token.client not in policy.clients:
        raise InvalidRequest("the subject_token is of a client whose tokens are not exchanged here")
    _check_bound(subject_token, caller, context)
    if request.actor:
        yield from _actor(request.actor, caller, context)
    act = _acting(subject_token, caller.client)
    grant = subject_token.standing.grant
    if act is not None and has_revoked_delegate(grant, act):
        # RFC 8628 3.5 uses this code at this endpoint for what the user has denied.
        raise AccessDenied("the user has revoked this client as a delegate", status=400)
    permissions, resources = _narrowed(
        request.narrowing, subject_token, client=caller.client, context=context
    )
    if not permissions:
        raise InvalidTarget("the subject_token opens nothing for that audience")
    noted = yield from delegates.record_delegation(grant, act, permissions, context=context)
    return Issue(
        client=caller.client,
        standing=subject_token.standing,
        permissions=permissions,
        scope=request.narrowing.scope,
        resources=resources,
        state=request.narrowing.state,
        delegation=Delegation(subject_token.owner, act, subject_token.until),
        changes=noted,
        members={"issued_token_type": names.TYPE_ACCESS_TOKEN},
    )


def _asserted(request: ExchangeRequest, caller: Authenticated, context: Context) -> Rule[Answer]:
    """Tell another server who signed in with this client. Only the client's own ID Token is
    accepted."""
    if not identity_assertion.is_on(context):
        raise InvalidRequest("requested_token_type is not supported")
    if request.subject_type != names.TYPE_ID_TOKEN or request.actor:
        raise InvalidRequest("an assertion is issued only for an ID Token")
    subject_token = yield from _signed_in(request.subject, context)
    if subject_token.client != caller.client.id:
        raise InvalidRequest("the subject_token is of another client")
    _check_bound(subject_token, caller, context)
    return identity_assertion.issue_assertion(
        subject_token.standing,
        request.narrowing,
        caller,
        until=subject_token.until,
        context=context,
    )


def _subject(request: ExchangeRequest, context: Context) -> Rule[SubjectToken]:
    if request.subject_type == names.TYPE_ID_TOKEN:
        return (yield from _signed_in(request.subject, context))
    token = yield from token_state(request.subject, context)
    if isinstance(token, Dead) or token.standing is None:
        # RFC 8693 2.2.2: a subject token that is invalid for any reason.
        dead = token if isinstance(token, Dead) else Dead("no user is behind it")
        raise InvalidRequest("the subject_token is not valid", detail=dead.why, reason=dead.reason)
    owner = yield from _owner(token, token.standing)
    return SubjectToken(
        client=token.token.client_id,
        owner=owner,
        standing=token.standing,
        permissions=token.permissions,
        audience=token.token.aud,
        act=token.token.act,
        until=token.token.exp,
        cnf=token.token.cnf,
    )


def _owner(token: Live, of: Standing) -> Rule[Client]:
    if token.client.id == of.grant.client:
        return token.client
    wanted = One(Client, of.grant.client)
    owner = (yield (wanted,)).one(wanted)
    if owner is None:
        raise InvalidRequest("the subject_token is not valid", detail="its client is gone")
    return owner


def _signed_in(text: str, context: Context) -> Rule[SubjectToken]:
    """The grant that an ID Token stands for, if the sign-in that it describes is still valid."""
    try:
        keys = context.installation.keyring.published
        claims = jwt.verify(
            text,
            IdToken,
            keys=keys,
            typ=("jwt", ""),
            issuer=context.installation.issuer,
            now=context.env.now,
        ).claims
    except jwt.BadToken as error:
        raise InvalidRequest("the subject_token is not valid", detail=str(error)) from error
    client, user = One(Client, claims.aud), One(User, claims.sub)
    grant = OneByAlias(Grant, live_grant_alias(claims.sub, claims.aud))
    found = yield (client, user, grant)
    app, person, yes = found.one(client), found.one(user), found.one(grant)
    if app is None or person is None or yes is None:
        raise InvalidRequest("the subject_token is not valid", detail="its grant is over")
    families = Many(TokenFamily, "grant", yes.id)
    rows = (yield (families,)).many(families)
    of = [one for one in rows if one.status == "open" and _is_of(claims, one)]
    if not of or context.env.now >= of[-1].expires:
        raise InvalidRequest("the subject_token is not valid", detail="its sign-in is over")
    its = Standing(person, yes, of[-1])
    epoch, now = context.installation.epoch, context.env.now
    if dead := why_dead(app, its, epoch=epoch, now=now):
        reason = why_suspended(app, its, epoch=epoch, now=now)
        raise InvalidRequest("the subject_token is not valid", detail=dead, reason=reason)
    allowed = still_allowed(
        of[-1].permissions, client=app, grant=yes, offer=context.installation.offer
    )
    return SubjectToken(
        client=app.id,
        owner=app,
        standing=its,
        permissions=allowed,
        audience=of[-1].resources or context.installation.offer.audience(allowed, ()),
        act=None,
        until=claims.exp,
        # An ID Token is bound to no key; the family that it stands for may be.
        cnf=of[-1].cnf,
    )


def _is_of(claims: IdToken, family: TokenFamily) -> bool:
    """Whether the family is from the sign-in that the ID Token describes: compared by session, or
    by time if the client gets no session ids."""
    if not family.session:
        return False
    return claims.sid == family.session if claims.sid else claims.auth_time == family.auth_time


def _check_bound(subject_token: SubjectToken, caller: Authenticated, context: Context) -> None:
    """Check that the caller may use a bound token (RFC 9449 7.1, RFC 8705 3): it proves the same
    key, or its policy trusts it to have seen a proof. Either way the new token is bound, as is
    every token of an app that may have no other."""
    trusted = caller.client.exchange is not None and caller.client.exchange.bound
    if not (trusted or fits(caller.confirmation, subject_token.cnf)):
        raise InvalidRequest("the subject_token is bound, and its proof is missing")
    if caller.confirmation is None and (
        subject_token.cnf is not None or is_bound(subject_token.owner, context)
    ):
        raise InvalidRequest("the subject_token is bound, and the new one would not be")


def _actor(text: str, caller: Authenticated, context: Context) -> Rule[None]:
    """Check that an actor token is the client's own. Client authentication already says who
    acts."""
    token = yield from token_state(text, context)
    if isinstance(token, Dead) or token.standing is not None or token.client.id != caller.client.id:
        why = token.why if isinstance(token, Dead) else "of somebody else"
        raise InvalidRequest("the actor_token is not this client's own", detail=why)
    if not fits(caller.confirmation, token.token.cnf):
        raise InvalidRequest("the actor_token is bound, and its proof is missing")


def _acting(subject_token: SubjectToken, client: Client) -> Actor | None:
    """The actor of the new token. A client that narrows its own token adds no actor."""
    if subject_token.client == client.id:
        return subject_token.act
    act = Actor(sub=f"client:{client.id}", act=subject_token.act)
    if len(act.chain) > MAX_DELEGATES:
        raise InvalidRequest("the chain of delegates is too long")
    return act


def _narrowed(
    requested: Narrowing, subject_token: SubjectToken, *, client: Client, context: Context
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The permissions and audience of the new token: within the old one, the policy, and the
    client's own registration."""
    allowed = () if client.exchange is None else client.exchange.audiences
    offer, own = (
        context.installation.offer,
        frozenset(context.installation.offer.expand_known(client.scope)),
    )
    there = offer.find_resources(allowed)
    reachable = tuple(one for one in subject_token.audience if offer.find_resource(one) in there)
    reached = offer.find_resources(reachable)
    if not reachable or not offer.find_resources(requested.resources) <= reached:
        raise InvalidTarget("this client may exchange nothing for that audience")
    within = [
        one for one in subject_token.permissions if one in own and offer.resource_of[one] in reached
    ]
    return narrowing.narrow(
        requested,
        permissions=within,
        resources=reachable,
        offer=offer,
        limits=subject_token.standing.grant.limits,
    )


TOKEN_EXCHANGE: Final = Feature(
    name="token exchange",
    cites=(CITE, Cite("RFC 8693", "4.1")),
    grant_types=(
        GrantType(
            name=names.TOKEN_EXCHANGE,
            cite=CITE,
            confidential_only=True,
            declared_only=True,
            parse=parse,
            decide=decide,
        ),
    ),
)
