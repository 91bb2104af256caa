"""Apps and consents of Ory Hydra, as its admin API (v2) returns them: `GET /admin/clients`, and
`GET /admin/oauth2/auth/sessions/consent?subject=…`.

The API shows neither secrets nor their hashes. They are in the table `hydra_client`, and come with
`--secrets`.
"""

from typing import Any, Final

import msgspec

from valetkey.cli.imports.apps.records import AppTerms, IncomingApp, dropped_names, split
from valetkey.cli.imports.apps.staging import Staging
from valetkey.cli.imports.formats import Members, Mistake, convert, seconds
from valetkey.server.model.client import BY_SECRET
from valetkey.spec import names

NOT_HERE: Final = frozenset({"implicit", "password"})

LIFESPANS: Final = "_lifespan"


class _HydraClient(msgspec.Struct, kw_only=True):
    client_id: str
    client_name: str | None = None
    client_secret: str | None = None
    redirect_uris: list[str] | None = None
    post_logout_redirect_uris: list[str] | None = None
    grant_types: list[str] | None = None
    scope: str | None = None
    token_endpoint_auth_method: str | None = None
    token_endpoint_auth_signing_alg: str | None = None
    request_object_signing_alg: str | None = None
    userinfo_signed_response_alg: str | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    request_uris: list[str] | None = None
    subject_type: str | None = None
    sector_identifier_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    frontchannel_logout_uri: str | None = None
    backchannel_logout_uri: str | None = None
    audience: list[str] | None = None
    owner: str | None = None
    contacts: list[str] | None = None
    allowed_cors_origins: list[str] | None = None
    metadata: Any = None
    skip_consent: bool | None = None


class _HydraName(msgspec.Struct):
    client_id: str


class _Request(msgspec.Struct):
    subject: str
    client: _HydraName


class _HydraConsent(msgspec.Struct, kw_only=True):
    consent_request: _Request
    grant_scope: list[str] | None = None
    handled_at: str | None = None
    remember: bool = False
    remember_for: int | None = None


def read(place: str, members: Members, *, staging: Staging, terms: AppTerms) -> IncomingApp | str:
    """The app of a client, or what was skipped, "" for what was noted in `staging`. Raises
    Mistake."""
    if "consent_request" not in members:
        return _app(place, members, terms)
    row = convert(_HydraConsent, members)
    if not row.remember:
        return "consents that were not remembered"
    handled = seconds("handled_at", row.handled_at)
    staging.add_consent(
        row.consent_request.subject,
        row.consent_request.client.client_id,
        " ".join(row.grant_scope or ()),
        place=place,
        created=handled,
        expires=handled + row.remember_for if row.remember_for else 0,
    )
    return ""


def _app(place: str, members: Members, terms: AppTerms) -> IncomingApp:
    row = convert(_HydraClient, members)
    requested = row.grant_types or [names.AUTHORIZATION_CODE]
    grant_types = tuple(dict.fromkeys(one for one in requested if one not in NOT_HERE))
    if not set(grant_types) - {names.REFRESH_TOKEN}:
        raise Mistake(f"grant_types: there is no {requested[0][:60]!r} here")
    method = row.token_endpoint_auth_method or "client_secret_basic"
    secret = ""
    if method in BY_SECRET:
        secret = terms.secret_of(row.client_id, "client_secret", row.client_secret)
    codes = names.AUTHORIZATION_CODE in grant_types
    fields = {
        "auth_method": method,
        "grant_types": grant_types,
        "redirect_uris": tuple(row.redirect_uris or ()) if codes else (),
        "auth_algorithm": _algorithm(row.token_endpoint_auth_signing_alg) if not secret else "",
    }
    dropped = {
        "the implicit and password grants": set(requested) & NOT_HERE,
        "redirect addresses without the authorization code": row.redirect_uris and not codes,
        "lifetimes of its own": any(
            one for name, one in members.items() if name.endswith(LIFESPANS)
        ),
    }
    return IncomingApp(
        place=place,
        id=row.client_id,
        fields=fields | _same_fields(row),
        scope=split(row.scope),
        secret=secret,
        dropped=dropped_names(dropped | _dropped(row)),
    )


def _same_fields(row: _HydraClient) -> dict[str, Any]:
    """The fields that mean the same here."""
    return {
        "name": row.client_name or row.client_id,
        "post_logout_redirect_uris": tuple(row.post_logout_redirect_uris or ()),
        "jwks": row.jwks or {},
        "jwks_uri": row.jwks_uri or "",
        "request_uris": tuple(row.request_uris or ()),
        "subject_type": row.subject_type or "public",
        "sector_identifier_uri": row.sector_identifier_uri or "",
        "request_object_algorithm": _algorithm(row.request_object_signing_alg),
        "userinfo_signed_response_alg": _algorithm(row.userinfo_signed_response_alg),
        "uri": row.client_uri or "",
        "logo_uri": row.logo_uri or "",
        "policy_uri": row.policy_uri or "",
        "tos_uri": row.tos_uri or "",
        "frontchannel_logout_uri": row.frontchannel_logout_uri or "",
        "backchannel_logout_uri": row.backchannel_logout_uri or "",
    }


def _dropped(row: _HydraClient) -> dict[str, object]:
    """What else has no counterpart here, by its words for people."""
    return {
        "audiences": row.audience,
        "the owner": row.owner,
        "contacts": row.contacts,
        "metadata": row.metadata,
        "allowed origins": row.allowed_cors_origins,
        "skipping of the consent page": row.skip_consent,
        "the pairwise subjects that it knows": row.subject_type == "pairwise",
    }


def _algorithm(name: str | None) -> str:
    return "" if name in {None, "none"} else str(name)
