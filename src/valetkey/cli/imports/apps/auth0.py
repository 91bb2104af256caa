"""Apps and consents of Auth0, as its Management API (v2) returns them: `GET /api/v2/clients`,
`client-grants` and `grants`, one after another. Lines of its export of users between them say which
user an id is.
"""

from typing import Any, Final

import msgspec

from valetkey.cli.imports.apps.records import AppTerms, IncomingApp, dropped_names
from valetkey.cli.imports.apps.staging import Staging
from valetkey.cli.imports.formats import Members, Mistake, convert
from valetkey.server.model.client import BY_SECRET
from valetkey.spec import names

GRANT_TYPES: Final = frozenset(
    {
        *(names.AUTHORIZATION_CODE, names.REFRESH_TOKEN, names.CLIENT_CREDENTIALS),
        *(names.DEVICE_CODE, names.CIBA),
    }
)
"""Those that are here. Auth0 gives most apps others besides, such as `implicit`."""


class _Logout(msgspec.Struct, kw_only=True):
    backchannel_logout_urls: list[str] | None = None


class _Jwt(msgspec.Struct, kw_only=True):
    alg: str | None = None
    lifetime_in_seconds: int | None = None


class _Auth0Client(msgspec.Struct, kw_only=True):
    client_id: str
    name: str | None = None
    is_global: bool | None = msgspec.field(default=None, name="global")
    app_type: str | None = None
    is_first_party: bool | None = None
    client_secret: str | None = None
    token_endpoint_auth_method: str | None = None
    client_authentication_methods: dict[str, Any] | None = None
    grant_types: list[str] | None = None
    callbacks: list[str] | None = None
    allowed_logout_urls: list[str] | None = None
    oidc_logout: _Logout | None = None
    initiate_login_uri: str | None = None
    logo_uri: str | None = None
    require_proof_of_possession: bool | None = None
    jwt_configuration: _Jwt | None = None
    refresh_token: Any = None
    client_metadata: dict[str, Any] | None = None
    allowed_origins: list[str] | None = None
    web_origins: list[str] | None = None
    addons: dict[str, Any] | None = None
    organization_usage: str | None = None


class _MachineGrant(msgspec.Struct, kw_only=True):
    client_id: str
    scope: list[str] | None = None


class _Auth0Grant(msgspec.Struct, kw_only=True):
    client: str = msgspec.field(name="clientID")
    user_id: str
    scope: list[str] | None = None


class _Auth0User(msgspec.Struct, kw_only=True):
    user_id: str
    username: str | None = None
    email: str | None = None
    phone_number: str | None = None


def read(place: str, members: Members, *, staging: Staging, terms: AppTerms) -> IncomingApp | str:
    """The app of a client, or what was skipped, "" for what was noted in `staging`. Raises
    Mistake."""
    if "clientID" in members:
        grant = convert(_Auth0Grant, members)
        staging.add_consent(grant.user_id, grant.client, " ".join(grant.scope or ()), place=place)
    elif "client_id" in members and "audience" in members:
        machine = convert(_MachineGrant, members)
        staging.add_app_scope(machine.client_id, " ".join(machine.scope or ()))
    elif "client_id" in members:
        row = convert(_Auth0Client, members)
        return "the tenant's own app" if row.is_global else _app(place, row, terms)
    elif "user_id" in members:
        user = convert(_Auth0User, members)
        # As `import users` names them.
        name = user.username or user.email or user.phone_number
        if name:
            staging.add_user(user.user_id, name)
    elif "total" in members:
        raise Mistake("total: ask the API without include_totals")
    else:
        return "other records"
    return ""


def _app(place: str, row: _Auth0Client, terms: AppTerms) -> IncomingApp:
    requested = set(row.grant_types or ())
    grant_types = tuple(one for one in row.grant_types or () if one in GRANT_TYPES)
    if not set(grant_types) - {names.REFRESH_TOKEN}:
        raise Mistake("grant_types: it has no grant type that is here")
    method = _method(row, terms)
    secret = ""
    if method in BY_SECRET:
        secret = terms.secret_of(row.client_id, "client_secret", row.client_secret, is_hash=False)
    codes = names.AUTHORIZATION_CODE in grant_types
    after = row.allowed_logout_urls or []
    notified = (row.oidc_logout and row.oidc_logout.backchannel_logout_urls) or []
    signed = row.jwt_configuration or _Jwt()
    fields = {
        "name": row.name or row.client_id,
        "auth_method": method,
        "grant_types": grant_types,
        "redirect_uris": tuple(row.callbacks or ()) if codes else (),
        "post_logout_redirect_uris": tuple(one for one in after if "*" not in one),
        "backchannel_logout_uri": notified[0] if notified else "",
        "initiate_login_uri": row.initiate_login_uri or "",
        "logo_uri": row.logo_uri or "",
        "dpop_bound_access_tokens": bool(row.require_proof_of_possession),
    }
    dropped = {
        "grant types that are not here": requested - GRANT_TYPES,
        "redirect addresses without the authorization code": row.callbacks and not codes,
        "addresses after sign-out with a wildcard": any("*" in one for one in after),
        "more addresses for back-channel logout": notified[1:],
        "allowed origins": row.allowed_origins or row.web_origins,
        "skipping of the consent page": codes and row.is_first_party,
        "ID Tokens signed by the secret": signed.alg == "HS256",
        "lifetimes of its own": signed.lifetime_in_seconds or row.refresh_token,
        "metadata": row.client_metadata,
        "add-ons": row.addons,
        "rules about organizations": row.organization_usage in {"allow", "require"},
    }
    return IncomingApp(
        place=place,
        id=row.client_id,
        fields=fields,
        secret=secret,
        dropped=dropped_names(dropped),
    )


def _method(row: _Auth0Client, terms: AppTerms) -> str:
    """How the app authenticates. Raises Mistake."""
    if row.client_authentication_methods:
        # The API has the keys' names there, not the keys.
        kind = next(iter(row.client_authentication_methods))
        raise Mistake(f"client_authentication_methods: {kind[:60]!r} cannot be imported")
    if row.token_endpoint_auth_method is None:
        return "none" if row.app_type in {"native", "spa"} else terms.auth_method
    return row.token_endpoint_auth_method
