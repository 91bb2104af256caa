"""Client authentication (RFC 6749 2.3)."""

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from valetkey.jose.seal import same
from valetkey.server.model.change import Update
from valetkey.server.model.client import BY_SECRET, Client, StoredSecret
from valetkey.server.model.keys import Secret
from valetkey.server.model.query import CommitAlways, HashCheck, One, RecentOne, Rule
from valetkey.server.model.resource import ResourceServer
from valetkey.server.oauth.clients import documents
from valetkey.server.oauth.clients.credentials import is_slow_hash, remembered
from valetkey.server.oauth.clients.grant_types import why_not_for
from valetkey.server.oauth.core.context import Context
from valetkey.server.oauth.core.feature import (
    Authenticated,
    Call,
    ClientAuth,
    Credentials,
    Feature,
    GrantType,
)
from valetkey.spec.errors import InvalidClient, InvalidRequest, UnauthorizedClient
from valetkey.spec.names import Cite
from valetkey.wire.token_response import APP_SUSPENDED


def authenticate(call: Call, context: Context) -> Rule[Authenticated]:
    """Authenticate the client that makes the call. Raises InvalidClient, or InvalidRequest for two
    methods.

    A public client only gives its name (RFC 6749 3.2.1), so nothing may depend on that alone.
    """
    ways = _claimed(call, context)
    name = ways[0][1].client_id
    if name.startswith("https://"):
        client = yield from documents.find_client(name, context, address=call.address)
    else:
        wanted = RecentOne(Client, name)
        client = (yield (wanted,)).one(wanted)
    if client is None:
        raise InvalidClient(detail="unknown client")
    for way, claimed in ways:
        if way.name == client.auth_method:
            allowed = context.installation.all_policies[client.policy].auth_methods
            if allowed and client.auth_method not in allowed:
                raise InvalidClient(detail=f"{client.policy} does not allow {client.auth_method}")
            instance = yield from way.prove(client, claimed, context)
            if client.status != "active":
                # Only the authenticated client may learn this.
                raise InvalidClient("the app is suspended", reason=APP_SUSPENDED)
            return Authenticated(client, instance=instance or "")
    names = [way.name for way, _ in ways]
    raise (yield from _by_another_way(client, ways[0][1], names, context=context))


def _by_another_way(
    client: Client, credentials: Credentials, ways: Sequence[str], *, context: Context
) -> Rule[InvalidClient]:
    """The error for a client that used another method than its registered one. The log says which.
    The caller learns it only if it presented the right secret, or has no secret to guess."""
    mismatch = f"is registered for {client.auth_method}, and used {' or '.join(ways)}"
    safe = BY_SECRET.issuperset(ways) and (
        client.is_public
        or _proves(client, credentials.secret, context.env.now) is not None
        or (yield from _imported_secret(client, credentials, context)) is not None
    )
    return InvalidClient(
        f"this client {mismatch}" if safe else "", detail=f"{client.id} {mismatch}"
    )


def authenticate_resource_server(call: Call, context: Context) -> Rule[ResourceServer | None]:
    """The resource server that makes the call, or None if no resource server has that name. Raises
    InvalidClient for a wrong secret."""
    way, claimed = _claimed(call, context)[0]
    wanted = RecentOne(ResourceServer, claimed.client_id)
    server = (yield (wanted,)).one(wanted)
    if server is None:
        return None
    if way.name not in BY_SECRET or not _proves(server, claimed.secret, context.env.now):
        raise InvalidClient(detail=f"wrong secret for resource server {server.id}")
    return server


def may_use(client: Client, grant_type: GrantType[Any]) -> None:
    """Raise UnauthorizedClient if the client is not registered for the grant type, or if such a
    client can't be."""
    if grant_type.name not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for this grant type")
    limited = grant_type.confidential_only or grant_type.declared_only
    # Checked here too, since the registration may be older than the rule.
    if limited and (why := why_not_for(client, grant_type)):
        raise UnauthorizedClient(why)


def _claimed(call: Call, context: Context) -> list[tuple[ClientAuth, Credentials]]:
    """The authentication method that the call uses, or all that a bare name or an assertion may
    mean."""
    claimed: list[tuple[ClientAuth, Credentials]] = []
    for way in context.installation.client_auth_methods:
        credentials = way.read(call)
        if credentials is not None:
            claimed.append((way, credentials))
    if len(claimed) > 1 and not _alike(claimed):
        # RFC 6749 2.3: not more than one method in a request.
        raise InvalidRequest("the client authenticates in more than one way")
    if "client_assertion" in call.form and (not claimed or claimed[0][0].name in _WITHOUT):
        # RFC 7521 4.2: not offered here. Ignoring a proof would look like accepting it.
        raise InvalidClient("client assertions are not offered here")
    if not claimed:
        raise InvalidClient("the client did not authenticate")
    return claimed


def _alike(claimed: Sequence[tuple[ClientAuth, Credentials]]) -> bool:
    """Whether the client's registration says which of them is meant."""
    return all(way.by_name_only for way, _ in claimed) or all(
        way.by_assertion for way, _ in claimed
    )


def _proves(party: Client | ResourceServer, secret: str, now: int) -> StoredSecret | None:
    fits = None
    for kept in party.secrets:
        # Compare each of them, so that the time does not tell which one matches.
        fits = kept if kept.matches(secret, now) else fits
    return fits


def _imported_secret(
    client: Client, credentials: Credentials, context: Context
) -> Rule[StoredSecret | None]:
    """The secret of another system that the call presents, None for a wrong one. The check of a
    slow hash replaces it."""
    if not any(one.digest.startswith("$") for one in client.secrets):
        return None
    secret, keyring = Secret(credentials.secret), context.installation.keyring
    mac = remembered(secret, client=client, keyring=keyring)
    valid = [one for one in client.secrets if one.is_valid(context.env.now)]
    for one in valid:
        if mac and same(one.digest, mac):
            return one
    for one in filter(is_slow_hash, valid):
        check = HashCheck(secret, one.digest, credentials.address)
        if (yield (check,)).fits(check):
            if mac:
                yield from _remember(client, one, mac)
            return one
    return None


def _remember(client: Client, secret: StoredSecret, mac: str) -> Rule[None]:
    # The client may be a second old, and another request may have done this meanwhile.
    query = One(Client, client.id)
    newest = (yield (query,)).one(query)
    if newest is not None and secret in newest.secrets:
        fast = msgspec.structs.replace(secret, digest=mac)
        secrets = tuple(fast if one == secret else one for one in newest.secrets)
        yield (CommitAlways(Update(msgspec.structs.replace(newest, secrets=secrets))),)


def _by_secret(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    used = _proves(client, credentials.secret, context.env.now)
    if used is None:
        used = yield from _imported_secret(client, credentials, context)
    if used is None:
        raise InvalidClient(detail=f"wrong secret for {client.id}")
    context.installation.secret_uses[client.id, used.digest] = used


def _by_name(client: Client, credentials: Credentials, context: Context) -> Rule[None]:
    # RFC 6749 3.2.1: a public client only gives its name; nothing may depend on that alone.
    yield from ()


def _basic(call: Call) -> Credentials | None:
    if not call.authorization:
        return None
    scheme, _, encoded = call.authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = _decoded(encoded.strip(" ")).decode()
    except ValueError as error:
        raise InvalidClient("the Authorization header cannot be read") from error
    name, colon, secret = text.partition(":")
    if not colon or not name:
        raise InvalidClient("the Authorization header cannot be read")
    if "%" in text or "+" in text:
        # RFC 6749 2.3.1: encoded like a form.
        name, secret = unquote_plus(name), unquote_plus(secret)
    credentials = Credentials(name, secret, address=call.address)
    if call.form.get("client_id", credentials.client_id) != credentials.client_id:
        raise InvalidRequest("client_id differs from the authenticated client")
    return credentials


def _decoded(text: str) -> bytes:
    """Decode Base64. Raises ValueError for any but the canonical spelling (RFC 4648 3.5 and 4)."""
    raw = a2b_base64(text, strict_mode=True)
    if b2a_base64(raw, newline=False).decode() != text:
        raise ValueError("not canonical base64")
    return raw


def _post(call: Call) -> Credentials | None:
    secret = call.form.get("client_secret")
    return (
        None
        if secret is None
        else Credentials(call.form.need("client_id"), secret, address=call.address)
    )


def bare_name(call: Call) -> Credentials | None:
    """The client of a call whose form has a name and no proof."""
    form = call.form
    if call.authorization or "client_secret" in form or "client_assertion" in form:
        return None
    return Credentials(form["client_id"]) if "client_id" in form else None


_SECRETS: Final = Cite("RFC 6749", "2.3.1")
_WITHOUT: Final = BY_SECRET | {"none"}
"""The methods without an assertion."""

CLIENT_AUTHENTICATION: Final = Feature(
    name="client authentication",
    core=True,
    cites=(_SECRETS, Cite("RFC 6749", "3.2.1")),
    client_auth=(
        ClientAuth(name="client_secret_basic", cite=_SECRETS, read=_basic, prove=_by_secret),
        ClientAuth(name="client_secret_post", cite=_SECRETS, read=_post, prove=_by_secret),
        ClientAuth(
            name="none",
            cite=Cite("RFC 6749", "3.2.1"),
            by_name_only=True,
            read=bare_name,
            prove=_by_name,
        ),
    ),
)
