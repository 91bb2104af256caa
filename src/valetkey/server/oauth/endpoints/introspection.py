"""Token introspection (RFC 7662): the current state of a token, for a resource server."""

from functools import partial
from typing import Final

import msgspec

from valetkey.jose import jws
from valetkey.server.model.client import Client
from valetkey.server.model.grant import Grant, TokenFamily
from valetkey.server.model.limits import NONE
from valetkey.server.model.query import One, Rule
from valetkey.server.model.user import User
from valetkey.server.oauth.clients.authentication import authenticate, authenticate_resource_server
from valetkey.server.oauth.core import rar
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import (
    Answer,
    Issued,
    Refuse,
    Standing,
    TextDocument,
    signed_by,
)
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.core.liveness import still_allowed, why_dead
from valetkey.server.oauth.core.subjects import subject
from valetkey.server.oauth.grant_types.refresh_token import is_fresh, only_while_present
from valetkey.server.oauth.senders.binding import find_sender
from valetkey.server.oauth.tokens import refresh_token
from valetkey.server.oauth.tokens.account_check import is_refused
from valetkey.server.oauth.tokens.state import Dead, Live, token_state
from valetkey.spec.errors import InvalidClient, InvalidGrant
from valetkey.wire import child_key, opaque
from valetkey.wire.introspection import (
    CITE,
    INACTIVE,
    MEDIA,
    SIGNED,
    TYPE,
    Introspection,
    SignedIntrospection,
    wants_signed,
)

# The state of a refresh token. The check only reads: it rotates no token and closes no family.


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
    if (yield from is_refused(person.id, context)):
        return None
    allowed = still_allowed(
        family.permissions, client=app, grant=yes, offer=context.installation.offer
    )
    return Refreshable(app, standing, allowed)


REMEMBERED_ANSWERS: Final = 4096

NOT_VALID: Final = "not_valid"
NOT_ITS_OWN: Final = "other_audience"
"""Why a token is not valid for the caller, where it is not only suspended."""


def introspect(call: Call, context: Context) -> Rule[Answer | Issued | Refuse]:
    """The state of a token, for callers that it concerns; for others it is inactive. The response
    is signed if the caller accepts that (RFC 9701 4)."""
    text = call.form.need("token")
    server = yield from authenticate_resource_server(call, context)
    if server is not None:
        name, audience, client_id = server.id, server.catalog.resource, ""
    else:
        by = yield from authenticate(call, context)
        if by.client.is_public:
            # RFC 7662 2.1: without authorization, the endpoint would be an oracle.
            raise InvalidClient(detail="a public client at introspection")
        name, audience, client_id = by.client.id, "", by.client.id
    # RFC 7662 2.1: token_type_hint only says where to look first, and a token of ours says itself
    # what it is.
    if text.startswith(opaque.PREFIXES["rt"]):
        state, why = (yield from _refresh_token(text, client_id, context)), NOT_VALID
    else:
        state, why = yield from _access_token(text, audience, client_id, context=context)
    document: object = state
    if wants_signed(call.accept):
        make = partial(_signed, state, name, context)
        document = signed_by(context.installation.keyring, make)
    if state.active:
        return Answer(document=document)
    return Answer(document=document, dead=(audience or client_id, why))


def _access_token(
    text: str, audience: str, client_id: str, *, context: Context
) -> Rule[tuple[Introspection, str]]:
    """The state of an access token; and why it is not valid, in a word."""
    token = yield from token_state(text, context)
    if isinstance(token, Dead):
        return INACTIVE, token.reason or NOT_VALID
    if not _concerns(token, audience, client_id, at=context.installation):
        return INACTIVE, NOT_ITS_OWN
    write = context.installation.memo.of(_introspection, size=REMEMBERED_ANSWERS)
    return write(token, audience, context.installation), NOT_VALID


def _refresh_token(text: str, client_id: str, context: Context) -> Rule[Introspection]:
    """The state of a refresh token, for its own app only (ATTACKS A57)."""
    token = yield from refreshable(text, context)
    if token is None or token.client.id != client_id:
        return INACTIVE
    family, grant = token.standing.family, token.standing.grant
    return Introspection(
        active=True,
        scope=context.installation.offer.names(token.permissions, requested=family.scope),
        client_id=client_id,
        exp=family.expires,
        iat=family.rotated,
        sub=subject(token.standing.user.id, token.client, context.installation.keyring),
        iss=context.installation.issuer,
        auth_time=family.auth_time,
        grant_id=grant.id,
        grant_version=grant.version,
        grant_expires_at=grant.limits.until,
        cnf=family.cnf,
    )


def _signed(state: Introspection, to: str, context: Context) -> TextDocument:
    claims = SignedIntrospection(
        iss=context.installation.issuer, aud=to, iat=context.env.now, token_introspection=state
    )
    key = context.installation.keyring.signing["ES256"]
    return TextDocument(
        body=jws.sign(msgspec.json.encode(claims), key=key, typ=TYPE), media_type=MEDIA
    )


def _concerns(live: Live, audience: str, client_id: str, *, at: Installation) -> bool:
    if not audience:
        return client_id == live.token.client_id
    return at.offer.is_for(live.token.aud, audience)


def _introspection(live: Live, audience: str, at: Installation) -> Introspection:
    """What introspection says of the token to this audience, "" for the token's client."""
    token, offer = live.token, at.offer
    sender = find_sender(token.cnf, at)
    if sender is None:
        # A token that is bound by a disabled sender method is not valid.
        return INACTIVE
    # A resource server sees only its own permissions.
    permissions = [
        one for one in live.permissions if not audience or offer.resource_of[one] == audience
    ]
    grant = None if live.standing is None else live.standing.grant
    limits = NONE if grant is None else grant.limits
    types = (one.type for one in token.authorization_details)
    return Introspection(
        active=True,
        scope=offer.names(permissions, requested=live.scope),
        client_id=token.client_id,
        token_type=sender.token_type,
        exp=token.exp,
        iat=token.iat,
        sub=token.sub,
        aud=token.aud,
        iss=token.iss,
        jti=token.jti,
        auth_time=token.auth_time,
        acr=token.acr,
        grant_id=token.grant_id,
        cnf=token.cnf,
        act=token.act,
        grant_version=0 if grant is None else grant.version,
        grant_expires_at=limits.until,
        limited=tuple(one for one in permissions if one in limits.limited_permissions),
        authorization_details=rar.granted_details(types, permissions, within=limits, offer=offer),
        childless=grant is not None and child_key.ALONE in grant.revoked_delegates,
        sub_id=token.sub_id,
    )


INTROSPECTION: Final = Feature(
    name="introspection",
    cites=(CITE, SIGNED),
    endpoints=(
        Endpoint(path="/introspect", metadata="introspection_endpoint", cite=CITE, rule=introspect),
    ),
    metadata=lambda _: {"introspection_signing_alg_values_supported": ("ES256",)},
)
