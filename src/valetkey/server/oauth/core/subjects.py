"""How tokens tell of a user, their session and their sign-in: `sub`, `sid` and `acr`.

An app knows a user by one name for all apps, or by one for each sector (OpenID Connect Core 8).
"""

from collections.abc import Iterable
from typing import Final

from valetkey.jose import base64url, seal
from valetkey.server.model.client import Client, Extension
from valetkey.server.model.keys import Keyring
from valetkey.wire import redirect

PURPOSE: Final = b"pairwise subject"
SESSION: Final = b"pairwise session"
SIGNALS: Final[Extension] = "shared_signals"


PASSWORD: Final = "urn:valetkey:acr:password"
"""A password, given in this session."""

LEVELS: Final[dict[str, frozenset[str]]] = {PASSWORD: frozenset({"pwd"})}
"""What each level needs (the words of RFC 8176), the strongest first."""


def level(amr: tuple[str, ...]) -> str:
    """The strongest level that these ways of proving reach, "" for none."""
    proved = frozenset(amr)
    for name, needs in LEVELS.items():
        if needs <= proved:
            return name
    return ""


def is_met(amr: Iterable[str], levels: Iterable[str]) -> bool:
    """Whether one of the wanted levels is reached."""
    proved = frozenset(amr)
    return any(one in LEVELS and LEVELS[one] <= proved for one in levels)


def subject(user: str, client: Client, keyring: Keyring) -> str:
    """The `sub` of the user before the client."""
    return _pairwise(PURPOSE, user, client, keyring=keyring)


def find_user(sub: str, client: Client, keyring: Keyring) -> str:
    """The user whom the client knows by that `sub`; "" for a name that it was never told."""
    if client.subject_type == "public":
        return sub
    try:
        name = base64url.decode(sub)
        return seal.unalias(keyring.salt.raw, name, PURPOSE, _place(client, keyring)).decode()
    except ValueError:
        return ""


def session(name: str, client: Client, keyring: Keyring) -> str:
    """The `sid` of a session before the client: for apps that may not know that they have the same
    user, it is not the same session either."""
    return _pairwise(SESSION, name, client, keyring=keyring)


def receives_sessions(client: Client) -> bool:
    """Whether the client is told of sessions by their `sid`: when they end, or in signals. To any
    other, its ID Tokens say none, for it did not ask for any."""
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
    """The host that stands for the client and its kin; "" where it is not clear (8.1). A native app
    has no host that others do not have too, so it stands for itself."""
    if client.sector_identifier_uri:
        return redirect.host(client.sector_identifier_uri)
    places = {_host(uri) or f"client:{client.id}" for uri in client.redirect_uris}
    return places.pop() if len(places) == 1 else ""


def _host(uri: str) -> str:
    return redirect.host(uri) if uri.startswith("https:") else ""
