"""How tokens describe a user and a session: `sub` and `sid`.

An app knows a user by one name for all apps, or by a name for each sector (OpenID Connect Core 8).
"""

from typing import Final

from valetkey.jose import base64url, jwt, seal
from valetkey.server.model.client import Client, Extension
from valetkey.server.model.keys import Keyring
from valetkey.server.oauth.core.context import Context
from valetkey.spec.errors import InvalidRequest
from valetkey.wire import id_token, redirect
from valetkey.wire.id_token import IdToken

PURPOSE: Final = b"pairwise subject"
SESSION: Final = b"pairwise session"
SIGNALS: Final[Extension] = "shared_signals"


def subject(user: str, client: Client, keyring: Keyring) -> str:
    """The `sub` of a user for a client."""
    return _pairwise(PURPOSE, user, client, keyring=keyring)


def find_user(sub: str, client: Client, keyring: Keyring) -> str:
    """The user that a client knows by that `sub`; "" for a name that the client never got."""
    if client.subject_type == "public":
        return sub
    try:
        name = base64url.decode(sub)
        return seal.unalias(keyring.salt.raw, name, PURPOSE, _place(client, keyring)).decode()
    except ValueError:
        return ""


def session(name: str, client: Client, keyring: Keyring) -> str:
    """The `sid` of a session for a client. Clients that must not know that they have the same user
    get different names for the same session."""
    return _pairwise(SESSION, name, client, keyring=keyring)


def receives_sessions(client: Client) -> bool:
    """Whether the client gets sessions by their `sid`: when they end, or in signals. The ID Tokens
    of other clients have no `sid`, since they did not ask for it."""
    logout = client.backchannel_logout_uri or client.frontchannel_logout_uri
    return bool(logout or client.post_logout_redirect_uris or SIGNALS in client.understands)


def _pairwise(purpose: bytes, name: str, client: Client, *, keyring: Keyring) -> str:
    if client.subject_type == "public" or not name:
        return name
    place = _place(client, keyring)
    return base64url.encode(seal.alias(keyring.salt.raw, name.encode(), purpose, place))


def _place(client: Client, keyring: Keyring) -> bytes:
    place = sector(client)
    if not place or not keyring.salt.raw:
        raise ValueError(f"{client.id}: no sector, or no salt")
    return place.encode()


def sector(client: Client) -> str:
    """The host that stands for the client's sector; "" if that is not clear (8.1). A native app
    shares its redirect hosts with other apps, so it is its own sector."""
    if client.sector_identifier_uri:
        return redirect.host(client.sector_identifier_uri)
    places = {_host(uri) or f"client:{client.id}" for uri in client.redirect_uris}
    return places.pop() if len(places) == 1 else ""


def _host(uri: str) -> str:
    return redirect.host(uri) if uri.startswith("https:") else ""


# `id_token_hint`: an ID Token of this server that an app sends back.
#
# It does not prove who is at the browser. It names the user that the app means, and it has to be
# ours (ATTACKS A92). It may have expired, since sessions last longer than ID Tokens.

LONGEST = 8 * 1024
"""The most characters of a hint."""


class NotOurs(InvalidRequest):
    """The hint is not an ID Token of this server for this app."""

    says = "id_token_hint is no ID Token that this app got here"


def read(text: str, context: Context, *, client: Client | None = None) -> IdToken:
    """The claims of the hint, for this client if one is given. Raises NotOurs."""
    if len(text) > LONGEST:
        raise NotOurs(detail="hint: too large")
    try:
        claims = jwt.prove(
            text,
            IdToken,
            keys=context.installation.keyring.published,
            typ=(id_token.TYPE.lower(), ""),
            issuer=context.installation.issuer,
        )
    except jwt.BadToken as error:
        raise NotOurs(detail=f"hint: {error}") from error
    if client is not None and claims.aud != client.id:
        raise NotOurs(detail="hint: another client's")
    return claims
