"""The checks of a registered client's grant types, and of what some of them need."""

from collections.abc import Iterator
from typing import Any, Final

from valetkey.server.model.client import Client, Exchange
from valetkey.server.model.user import ADMINISTRATOR
from valetkey.server.oauth.core.context import Installation
from valetkey.server.oauth.core.feature import GrantType
from valetkey.server.oauth.core.field_checks import find_duplicates, why_not_https, why_not_web
from valetkey.spec import names

SCIM: Final = "scim"
"""The scope of clients that provision users."""

MAX_SOURCE: Final = 255
"""Characters of the name of a source."""


def grant_types(client: Client, at: Installation) -> Iterator[str]:
    """Check that the grant types are offered here, and that such a client may use them."""
    for one in client.grant_types:
        if one not in at.grant_types:
            yield f"{one[:60]!r} is not offered here; {', '.join(at.grant_types)} are"
    if not client.grant_types:
        yield "at least one is needed"
    if names.REFRESH_TOKEN in client.grant_types and len(client.grant_types) == 1:
        yield "refresh_token needs another grant type that issues one"
    for name in client.grant_types:
        if name in at.grant_types:
            yield why_not_for(client, at.grant_types[name])
    yield from find_duplicates(client.grant_types)


def why_not_for(client: Client, grant_type: GrantType[Any]) -> str:
    """Why such a client may not have the grant type, or "" (RFC 6749 4.4, CIBA Core 4, RFC 8693 5;
    ATTACKS A100)."""
    if grant_type.confidential_only and client.is_public:
        return f"a public client may not use {grant_type.name}"
    if grant_type.declared_only and client.origin != "declared":
        return f"{grant_type.name} is for clients that an administrator registers"
    return ""


def ping_delivery(client: Client, at: Installation) -> Iterator[str]:
    """Check whether the client is notified that tokens are ready, and where (CIBA Core 4)."""
    address = client.backchannel_client_notification_endpoint
    pings = client.backchannel_token_delivery_mode == "ping"
    if pings and names.CIBA not in client.grant_types:
        yield f"of no use without the grant type {names.CIBA}"
    if pings != bool(address):
        yield "ping mode and the notification endpoint go together"
    yield why_not_web(address) if address else ""


def exchange(client: Client, at: Installation) -> Iterator[str]:
    """Check what the client may exchange (RFC 8693). It has this exactly if it has that grant
    type."""
    if client.exchange is None:
        if names.TOKEN_EXCHANGE in client.grant_types:
            yield "is missing: it says what may be exchanged"
        return
    if names.TOKEN_EXCHANGE not in client.grant_types:
        yield f"of no use without the grant type {names.TOKEN_EXCHANGE}"
    yield from _what(client.exchange, at)
    yield from _asserts(client.exchange, at)


def scim(client: Client, at: Installation) -> Iterator[str]:
    """Check whose users the client provisions."""
    if client.scim is None:
        if SCIM in client.scope:
            yield f"is missing: the scope {SCIM!r} is for the users of one source"
        return
    source = client.scim.source
    if SCIM not in client.scope:
        yield f"of no use without the scope {SCIM!r}"
    if client.is_public or names.CLIENT_CREDENTIALS not in client.grant_types:
        yield f"needs a secret or a key, and the grant type {names.CLIENT_CREDENTIALS}"
    if not source or not source.isprintable() or len(source) > MAX_SOURCE:
        yield f"source is empty, unprintable, or over {MAX_SOURCE} characters long"
    if source == ADMINISTRATOR:
        yield f"source: {ADMINISTRATOR!r} stands for administrators"


def _what(policy: Exchange, at: Installation) -> Iterator[str]:
    for one in policy.audiences:
        if one not in at.offer.resources:
            yield f"{one[:100]!r} is no resource server"
    some = policy.clients or policy.audiences or not policy.asserts
    for name, values in (("clients", policy.clients), ("audiences", policy.audiences)):
        if some and not values:
            yield f"{name} is empty, so nothing may be exchanged"
        yield from find_duplicates(values)


def _asserts(policy: Exchange, at: Installation) -> Iterator[str]:
    for issuer, there in policy.asserts.items():
        if not issuer or issuer == at.issuer or why_not_https(issuer):
            yield f"{issuer[:100]!r} is not another authorization server"
        if not there.client_id:
            yield f"client_id at {issuer[:100]!r} is empty"
