"""What a client's registration has to hold to (RFC 7591 2), however it was made."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from valetkey.model import ids
from valetkey.model.client import BY_KEY, BY_SECRET, Client
from valetkey.model.limits import Proposal
from valetkey.model.policy import PROFILES
from valetkey.model.resource import IDENTITY
from valetkey.oauth import limiting
from valetkey.oauth.clients import keys
from valetkey.oauth.context import Installation
from valetkey.oauth.subjects import sector
from valetkey.spec import names
from valetkey.spec.cite import Cite
from valetkey.wire import https, redirect

CITE: Final = Cite("RFC 7591", "2")

MAX_NAME: Final = 100
MAX_REASON: Final = 300
MAX_URIS: Final = 20

Check: TypeAlias = Callable[[Client, Installation], Iterator[str]]
"""Yields what is wrong with a field, "" for nothing."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_JOINERS: Final = frozenset("\u200c\u200d")  # Several scripts need them to write a word.
_OF_PEOPLE: Final = frozenset(permission.id for permission in IDENTITY)


def mistakes(client: Client, at: Installation) -> list[str]:
    """Everything that is wrong, each as `field: why`; empty where nothing is."""
    found = ((field, why) for field, check in CHECKS.items() for why in check(client, at))
    return [f"{field}: {why}" for field, why in found if why]


def why_not_name(name: str) -> str:
    """Why this may not name a client or a resource server, or ""."""
    if not _NAME.fullmatch(name):
        return "must be letters, digits and - _ . only, at most 128"
    try:
        ids.to_bytes(name)
    except ValueError:
        return ""
    # ATTACKS A16: a client's name must never be taken for a user's.
    return "has the form of a user's name"


def why_not_text(text: str, limit: int) -> str:
    """Why a person cannot read this as one line, or ""."""
    if not text.strip():
        return "is empty"
    if len(text) > limit:
        return f"is longer than {limit} characters"
    unseen = [one for one in text if not _seen(one)]
    return f"holds U+{ord(unseen[0]):04X}, which cannot be seen" if unseen else ""


def _seen(char: str) -> bool:
    category = unicodedata.category(char)
    return char in _JOINERS or not (category.startswith("C") or category in {"Zl", "Zp"})


def why_not_one_script(text: str) -> str:
    """Why a name could be taken for another, or "": letters that look alike are of several
    scripts (ATTACKS A52)."""
    scripts = {unicodedata.name(one, "").partition(" ")[0] for one in text if one.isalpha()}
    return "mixes scripts whose letters look alike" if len(scripts & _ALIKE) > 1 else ""


_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH"})


def why_not_web(uri: str) -> str:
    """Why this is no address of the web: https, or http on a loopback literal; or ""."""
    if not uri.startswith(("https://", "http://")):
        return "must begin with https://"
    return redirect.why_not(uri)


def twice(values: Iterable[str]) -> Iterator[str]:
    """A sentence for each value that stands more than once."""
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{value!r} stands twice"


def _id(client: Client, at: Installation) -> Iterator[str]:
    # The name of a document's client is the address of the document (`clients.documents`).
    yield "" if client.origin == "document" else why_not_name(client.id)


def _name(client: Client, at: Installation) -> Iterator[str]:
    yield why_not_text(client.name, MAX_NAME)


def _secrets(client: Client, at: Installation) -> Iterator[str]:
    if client.is_public and client.secrets:
        yield "a public client (auth_method none) keeps none"
    if client.auth_method in BY_SECRET and not client.secrets:
        yield f"{client.auth_method} needs one"
    if client.auth_method not in BY_SECRET and not client.is_public and client.secrets:
        yield f"of no use with {client.auth_method}"


def _auth_method(client: Client, at: Installation) -> Iterator[str]:
    offered = [way.name for feature in at.features for way in feature.client_auth]
    if client.auth_method not in offered:
        yield f"{client.auth_method} is not offered here; {', '.join(offered)} are"
    with_keys = client.auth_method in BY_KEY or client.auth_method == "self_signed_tls_client_auth"
    if with_keys and not (client.jwks or client.jwks_uri):
        yield f"{client.auth_method} needs jwks or jwks_uri"


def _certificate(client: Client, at: Installation) -> Iterator[str]:
    says = [name for name in OF_CERTIFICATES if getattr(client, name)]
    if client.auth_method == "tls_client_auth" and len(says) != 1:
        # RFC 8705 2.1.2: exactly one of them.
        yield f"tls_client_auth needs one of {', '.join(OF_CERTIFICATES)}"
    if client.auth_method != "tls_client_auth" and says:
        yield f"{says[0]} is of no use with {client.auth_method}"
    if client.tls_client_certificate_bound_access_tokens and client.dpop_bound_access_tokens:
        yield "tokens are bound to a certificate or to a key (DPoP), not to both"


OF_CERTIFICATES: Final = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)
"""What may be registered of a client's certificate (RFC 8705 2.1.2)."""


def _auth_algorithm(client: Client, at: Installation) -> Iterator[str]:
    if client.auth_algorithm and client.auth_method not in BY_KEY:
        yield f"of no use with {client.auth_method}"
    yield _why_not_algorithm(client.auth_algorithm, client, at)


def _request_object_algorithm(client: Client, at: Installation) -> Iterator[str]:
    if client.request_object_algorithm and not (client.jwks or client.jwks_uri):
        yield "needs jwks or jwks_uri"
    yield _why_not_algorithm(client.request_object_algorithm, client, at)


def _why_not_algorithm(named: str, client: Client, at: Installation) -> str:
    allowed = at.policy(client).client_algorithms
    if not named or named in allowed:
        return ""
    return f"the policy {client.policy} allows only {', '.join(allowed)}"


def _request_uris(client: Client, at: Installation) -> Iterator[str]:
    for uri in client.request_uris:
        why = https.why_not(uri.partition("#")[0])
        yield f"{uri[:100]!r} {why}" if why else ""
    if len(client.request_uris) > MAX_URIS:
        yield f"are more than {MAX_URIS}"
    yield from twice(client.request_uris)


def _jwks(client: Client, at: Installation) -> Iterator[str]:
    if client.jwks and client.jwks_uri:
        # RFC 7591 2: not both.
        yield "is given, and jwks_uri as well: only one of them"
    yield from keys.mistakes(client)


def _jwks_uri(client: Client, at: Installation) -> Iterator[str]:
    yield https.why_not(client.jwks_uri) if client.jwks_uri else ""


def _redirect_uris(client: Client, at: Installation) -> Iterator[str]:
    codes = names.AUTHORIZATION_CODE in client.grant_types
    if codes and not client.redirect_uris:
        yield "authorization_code needs at least one"
    if client.redirect_uris and not codes:
        yield "of no use without the grant type authorization_code"
    for uri in client.redirect_uris:
        why = redirect.why_not(uri)
        yield f"{uri[:100]!r} {why}" if why else ""
    yield from twice(client.redirect_uris)


# RFC 6749 4.4, CIBA Core 4, RFC 8693 5: whoever uses these proves who it is.
_CONFIDENTIAL: Final = frozenset(
    {names.CLIENT_CREDENTIALS, names.CIBA, names.JWT_BEARER, names.TOKEN_EXCHANGE}
)


# Who introduces itself may not ask users out of the blue, nor bring the keys of others.
_BY_HAND: Final = frozenset({names.CIBA, names.JWT_BEARER, names.TOKEN_EXCHANGE})


def _grant_types(client: Client, at: Installation) -> Iterator[str]:
    offered = [grant.name for feature in at.features for grant in feature.grant_types]
    for one in client.grant_types:
        if one not in offered:
            yield f"{one[:60]!r} is not offered here; {', '.join(offered)} are"
    if not client.grant_types:
        yield "at least one is needed"
    if names.REFRESH_TOKEN in client.grant_types and len(client.grant_types) == 1:
        yield "refresh_token needs another one that issues it"
    for one in client.grant_types:
        if one in _CONFIDENTIAL and client.is_public:
            yield f"a public client may not use {one}"
        if one in _BY_HAND and client.origin != "declared":
            yield f"{one} is for clients that an administrator registers"
    yield from twice(client.grant_types)


def _scope(client: Client, at: Installation) -> Iterator[str]:
    if not client.scope:
        yield "is empty, so there is nothing that it may ask for"
    for one in client.scope:
        if one not in at.offer.scopes:
            yield f"{one[:60]!r} is in no catalog"
    yield from twice(client.scope)
    for_itself = client.grant_types == (names.CLIENT_CREDENTIALS,)
    for one in client.scope:
        if for_itself and one in _OF_PEOPLE:
            yield f"{one!r} is about a user, and client_credentials has none"


def _asked(client: Client, at: Installation) -> tuple[str, ...]:
    return at.offer.expand(one for one in client.scope if one in at.offer.scopes)


def _required(client: Client, at: Installation) -> Iterator[str]:
    asked = _asked(client, at)
    for one in client.required:
        if one not in asked:
            yield f"{one[:60]!r} is not among the permissions of its scope"
    yield from twice(client.required)


def _reasons(client: Client, at: Installation) -> Iterator[str]:
    asked = _asked(client, at)
    for one, text in client.reasons.items():
        if one not in asked:
            yield f"{one[:60]!r} is not among the permissions of its scope"
        why = why_not_text(text, MAX_REASON)
        yield f"the one for {one[:60]!r} {why}" if why else ""


def _limits(client: Client, at: Installation) -> Iterator[str]:
    asked = _asked(client, at)
    for one in client.limits.permissions:
        if one not in asked:
            yield f"{one[:60]!r} is not among the permissions of its scope"
    rest = {name: one for name, one in client.limits.permissions.items() if name in asked}
    yield from limiting.mistakes(Proposal(permissions=rest), offer=at.offer)


def _uri(client: Client, at: Installation) -> Iterator[str]:
    yield why_not_web(client.uri) if client.uri else ""


def _software(client: Client, at: Installation) -> Iterator[str]:
    for text in (client.software_id, client.software_version):
        yield why_not_text(text, MAX_NAME) if text else ""


def _pinged(client: Client, at: Installation) -> Iterator[str]:
    address = client.backchannel_client_notification_endpoint
    pings = client.backchannel_token_delivery_mode == "ping"
    if pings and names.CIBA not in client.grant_types:
        yield f"of no use without the grant type {names.CIBA}"
    if pings != bool(address):
        yield "ping and the address to be told at go together"
    yield why_not_web(address) if address else ""


def _exchange(client: Client, at: Installation) -> Iterator[str]:
    if client.exchange is None:
        if names.TOKEN_EXCHANGE in client.grant_types:
            yield "is missing: it says what may be exchanged"
        return
    if names.TOKEN_EXCHANGE not in client.grant_types:
        yield f"of no use without the grant type {names.TOKEN_EXCHANGE}"
    for one in client.exchange.audiences:
        if one not in at.offer.resources:
            yield f"{one[:100]!r} is no resource server"
    for name in ("clients", "audiences"):
        values: tuple[str, ...] = getattr(client.exchange, name)
        if not values:
            yield f"{name} is empty, so nothing may be exchanged"
        yield from twice(values)


def _sector(client: Client, at: Installation) -> Iterator[str]:
    yield _why_not_https(client.sector_identifier_uri)


def _subject_type(client: Client, at: Installation) -> Iterator[str]:
    if client.subject_type == "public":
        return
    if not sector(client):
        # OpenID Connect Core 8.1.
        yield "pairwise needs redirect_uris on one host, or a sector_identifier_uri"
    api = [one for one in _asked(client, at) if at.offer.resource_of[one] != at.issuer]
    if api:
        # The app can read the tokens for an API, and the API has to know whose data it opens.
        yield f"pairwise is for apps that ask about people alone, not for {', '.join(api[:3])}"


def _initiate_login_uri(client: Client, at: Installation) -> Iterator[str]:
    yield _why_not_https(client.initiate_login_uri)


def _post_logout(client: Client, at: Installation) -> Iterator[str]:
    for uri in client.post_logout_redirect_uris:
        why = redirect.why_not(uri)
        yield f"{uri[:100]!r} {why}" if why else ""
    yield from twice(client.post_logout_redirect_uris)


def _frontchannel(client: Client, at: Installation) -> Iterator[str]:
    uri = client.frontchannel_logout_uri
    if not uri:
        return
    yield _why_not_https(uri)
    # OpenID Connect Front-Channel Logout 2: of the same origin as a redirect URI.
    if redirect.origin(uri) not in {redirect.origin(one) for one in client.redirect_uris}:
        yield "is not on the host and port of a redirect URI"
    if {"iss", "sid"} & {name for name, _ in parse_qsl(urlsplit(uri).query)}:
        yield "may not hold iss or sid in its query"


def _backchannel(client: Client, at: Installation) -> Iterator[str]:
    yield _why_not_https(client.backchannel_logout_uri)


def _why_not_https(uri: str) -> str:
    if not uri:
        return ""
    return redirect.why_not(uri) if uri.startswith("https://") else "must begin with https://"


def _policy(client: Client, at: Installation) -> Iterator[str]:
    if client.policy not in {"default", *at.policies, *PROFILES}:
        yield f"there is no policy {client.policy[:60]!r}"
    methods = at.policy(client).auth_methods
    if methods and client.auth_method not in methods:
        yield f"{client.policy} allows only {', '.join(methods)}, not {client.auth_method}"


CHECKS: Final[dict[str, Check]] = {
    "id": _id,
    "name": _name,
    "auth_method": _auth_method,
    "auth_algorithm": _auth_algorithm,
    "secrets": _secrets,
    "jwks": _jwks,
    "jwks_uri": _jwks_uri,
    "request_object_algorithm": _request_object_algorithm,
    "request_uris": _request_uris,
    "certificate": _certificate,
    "redirect_uris": _redirect_uris,
    "grant_types": _grant_types,
    "scope": _scope,
    "required": _required,
    "reasons": _reasons,
    "limits": _limits,
    "uri": _uri,
    "software": _software,
    "backchannel_token_delivery_mode": _pinged,
    "exchange": _exchange,
    "subject_type": _subject_type,
    "sector_identifier_uri": _sector,
    "initiate_login_uri": _initiate_login_uri,
    "post_logout_redirect_uris": _post_logout,
    "frontchannel_logout_uri": _frontchannel,
    "backchannel_logout_uri": _backchannel,
    "policy": _policy,
}
"""What each field has to hold to. The order is that of the report."""
