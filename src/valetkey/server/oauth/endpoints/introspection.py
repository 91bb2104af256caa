"""Token introspection (RFC 7662): the current state of a token, for a resource server."""

from typing import Final

import msgspec

from valetkey.jose import jws
from valetkey.server.model.limits import NONE
from valetkey.server.model.query import Rule
from valetkey.server.oauth.clients.authentication import authenticate, authenticate_resource_server
from valetkey.server.oauth.core import rar
from valetkey.server.oauth.core.context import Context, Installation
from valetkey.server.oauth.core.decision import Answer, Issued, Refuse, TextDocument
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.core.subjects import subject
from valetkey.server.oauth.endpoints.refresh_token_introspection import refreshable
from valetkey.server.oauth.senders.binding import find_sender
from valetkey.server.oauth.tokens.state import Dead, Live, token_state
from valetkey.spec.errors import InvalidClient
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

REMEMBERED_ANSWERS: Final = 4096


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
    if text.startswith(opaque.prefix("rt")):
        state = yield from _refresh_token(text, client_id, context)
    else:
        state = yield from _access_token(text, audience, client_id, context=context)
    return Answer(document=_signed(state, name, context) if wants_signed(call.accept) else state)


def _access_token(
    text: str, audience: str, client_id: str, *, context: Context
) -> Rule[Introspection]:
    token = yield from token_state(text, context)
    if isinstance(token, Dead) or not _concerns(
        token, audience, client_id, at=context.installation
    ):
        return INACTIVE
    write = context.installation.memo.of(_introspection, size=REMEMBERED_ANSWERS)
    return write(token, audience, context.installation)


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
    )


INTROSPECTION: Final = Feature(
    name="introspection",
    cites=(CITE, SIGNED),
    endpoints=(
        Endpoint(path="/introspect", metadata="introspection_endpoint", cite=CITE, rule=introspect),
    ),
    metadata=lambda _: {"introspection_signing_alg_values_supported": ("ES256",)},
)
