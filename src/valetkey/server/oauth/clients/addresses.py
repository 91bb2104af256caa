"""The addresses of a registered client: where its users return to, and where it gets
notifications."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from valetkey.server.model.client import Client
from valetkey.server.oauth.core.context import Installation
from valetkey.server.oauth.core.field_checks import (
    check_each,
    find_duplicates,
    why_not_https,
    why_not_web,
)
from valetkey.spec import names
from valetkey.wire import address, https, redirect

MAX_URIS: Final = 20


def redirect_uris(client: Client, at: Installation) -> Iterator[str]:
    """Check where users return to. Only clients that get codes need this (RFC 6749 3.1.2)."""
    codes = names.AUTHORIZATION_CODE in client.grant_types
    if codes and not client.redirect_uris:
        yield "authorization_code needs at least one"
    if client.redirect_uris and not codes:
        yield "of no use without the grant type authorization_code"
    yield from check_each(client.redirect_uris, redirect.why_not)
    yield from find_duplicates(client.redirect_uris)


def request_uris(client: Client, at: Installation) -> Iterator[str]:
    """Check where request objects may be fetched from (OpenID Connect Registration 2)."""
    yield from check_each(client.request_uris, lambda uri: https.why_not(uri.partition("#")[0]))
    if len(client.request_uris) > MAX_URIS:
        yield f"are more than {MAX_URIS}"
    yield from find_duplicates(client.request_uris)


def client_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's home page."""
    yield why_not_web(client.uri) if client.uri else ""


def logo_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's logo."""
    yield why_not_https(client.logo_uri)


def policy_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's privacy policy."""
    yield why_not_https(client.policy_uri)


def tos_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check the client's terms of service."""
    yield why_not_https(client.tos_uri)


def initiate_login_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check where others may send users to start a sign-in (OpenID Connect Core 4)."""
    yield why_not_https(client.initiate_login_uri)


def post_logout_redirect_uris(client: Client, at: Installation) -> Iterator[str]:
    """Check where users return to after they sign out."""
    yield from check_each(client.post_logout_redirect_uris, redirect.why_not)
    yield from find_duplicates(client.post_logout_redirect_uris)


def frontchannel_logout_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check where the browser tells the client that a session has ended."""
    uri = client.frontchannel_logout_uri
    if not uri:
        return
    yield why_not_https(uri)
    # OpenID Connect Front-Channel Logout 2: of the same origin as a redirect URI.
    if address.origin(uri) not in {address.origin(one) for one in client.redirect_uris}:
        yield "is not on the host and port of a redirect URI"
    if {"iss", "sid"} & {name for name, _ in parse_qsl(uri.partition("?")[2])}:
        yield "may not hold iss or sid in its query"


def backchannel_logout_uri(client: Client, at: Installation) -> Iterator[str]:
    """Check where the server tells the client that a session has ended."""
    yield why_not_https(client.backchannel_logout_uri)
