"""Apps and consents of Keycloak: the export of a realm by `kc.sh export`, a file or a folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from valetkey.cli.imports.apps.records import AppTerms, IncomingApp, dropped_names
from valetkey.cli.imports.apps.staging import Staging
from valetkey.cli.imports.formats import Members, Mistake, convert
from valetkey.cli.imports.streams import BrokenFile, JsonStream, RawRecord
from valetkey.server.model.client import BY_SECRET
from valetkey.server.model.resource import IDENTITY
from valetkey.spec import names

OWN: Final = frozenset(
    {
        *("account", "account-console", "admin-cli", "broker"),
        *("realm-management", "security-admin-console", "master-realm"),
    }
)
"""The clients that Keycloak itself puts into each realm."""

MASKED: Final = "**********"
"""What the admin console exports in place of a secret."""

_OF_PEOPLE: Final = frozenset(one.id for one in IDENTITY)


class _KeycloakClient(msgspec.Struct, kw_only=True, rename="camel"):
    client_id: str
    name: str | None = None
    enabled: bool = True
    protocol: str | None = None
    root_url: str | None = None
    base_url: str | None = None
    redirect_uris: list[str] = []
    web_origins: list[str] = []
    public_client: bool = False
    bearer_only: bool = False
    client_authenticator_type: str | None = None
    secret: str | None = None
    standard_flow_enabled: bool = True
    implicit_flow_enabled: bool = False
    direct_access_grants_enabled: bool = False
    service_accounts_enabled: bool = False
    consent_required: bool = False
    frontchannel_logout: bool = False
    attributes: dict[str, str] = {}
    default_client_scopes: list[str] = []
    optional_client_scopes: list[str] = []
    protocol_mappers: list[Any] = []
    authorization_settings: Any = None

    def on(self, attribute: str) -> bool:
        """Whether a switch among the attributes is on."""
        return self.attributes.get(attribute) == "true"


class _KeycloakConsent(msgspec.Struct, kw_only=True, rename="camel"):
    client_id: str
    granted_client_scopes: list[str] = []
    created_date: int | None = None


class _User(msgspec.Struct, kw_only=True, rename="camel"):
    username: str
    id: str = ""
    client_consents: list[_KeycloakConsent] | None = None


def records(path: Path) -> Iterator[RawRecord]:
    """The clients, then the users. Raises BrokenFile, OSError."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if path.is_dir() and sum(one.name.endswith("-realm.json") for one in files) != 1:
        raise BrokenFile("does not hold exactly one file like REALM-realm.json")
    for member in ("clients", "users"):
        for file in files:
            with file.open("rb") as opened:
                for record in JsonStream(opened).elements_of_each(member):
                    place = f"{file.name}, {record.place}" if path.is_dir() else record.place
                    yield record._replace(place=place)


def read(place: str, members: Members, *, staging: Staging, terms: AppTerms) -> IncomingApp | str:
    """The app of a client, or what was skipped, "" for what was noted in `staging`. Raises
    Mistake."""
    if "clientId" not in members:
        _note_user(place, members, staging)
        return ""
    row = convert(_KeycloakClient, members)
    if row.client_id in OWN:
        return "Keycloak's own apps"
    if row.protocol not in {None, "openid-connect"}:
        return f"apps of the protocol {str(row.protocol)[:40]}"
    if row.bearer_only:
        return "APIs (bearer-only)"
    return _app(place, row, terms)


def _note_user(place: str, members: Members, staging: Staging) -> None:
    try:
        row = convert(_User, members)
    except Mistake:
        return  # The import of users refuses the record, with the reason.
    subject = row.id or row.username
    staging.add_user(subject, row.username)
    for one in row.client_consents or ():
        staging.add_consent(
            subject,
            one.client_id,
            # The scope openid is no client scope there: every app has it.
            " ".join(("openid", *one.granted_client_scopes)),
            place=place,
            created=(one.created_date or 0) // 1000,
        )


def _app(place: str, row: _KeycloakClient, terms: AppTerms) -> IncomingApp:
    grant_types = _grant_types(row)
    if not grant_types:
        raise Mistake("standardFlowEnabled: it has no grant type that is here")
    codes = names.AUTHORIZATION_CODE in grant_types
    attributes = row.attributes
    method, more = _authentication(row, terms)
    secret = ""
    if method in BY_SECRET:
        text = None if row.secret == MASKED else row.secret
        secret = terms.secret_of(row.client_id, "secret", text, is_hash=False)
    after = _after_sign_out(row)
    fields = {
        "name": row.name or row.client_id,
        "status": "active" if row.enabled else "suspended",
        "auth_method": method,
        "grant_types": grant_types,
        "redirect_uris": tuple(_whole(row, one) for one in row.redirect_uris) if codes else (),
        "post_logout_redirect_uris": tuple(one for one in after if "*" not in one),
        "uri": row.base_url if (row.base_url or "").startswith("https://") else "",
        "logo_uri": attributes.get("logoUri", ""),
        "policy_uri": attributes.get("policyUri", ""),
        "tos_uri": attributes.get("tosUri", ""),
        "backchannel_logout_uri": attributes.get("backchannel.logout.url", ""),
        "frontchannel_logout_uri": (
            attributes.get("frontchannel.logout.url", "") if row.frontchannel_logout else ""
        ),
        "dpop_bound_access_tokens": row.on("dpop.bound.access.tokens"),
        "tls_client_certificate_bound_access_tokens": row.on(
            "tls.client.certificate.bound.access.tokens"
        ),
        **more,
    }
    people = () if grant_types == (names.CLIENT_CREDENTIALS,) else ("openid",)
    listed = (*people, *row.default_client_scopes, *row.optional_client_scopes)
    dropped = {
        "the implicit flow": row.implicit_flow_enabled,
        "the password grant": row.direct_access_grants_enabled,
        "addresses after sign-out with a wildcard": any("*" in one for one in after),
        "allowed origins": row.web_origins,
        "skipping of the consent page": codes and not row.consent_required,
        "protocol mappers": row.protocol_mappers,
        "authorization settings": row.authorization_settings,
        "token exchange": row.on("standard.token.exchange.enabled"),
    }
    return IncomingApp(
        place=place,
        id=row.client_id,
        fields=fields,
        scope=tuple(one for one in dict.fromkeys(listed) if people or one not in _OF_PEOPLE),
        secret=secret,
        dropped=dropped_names(dropped),
    )


def _grant_types(row: _KeycloakClient) -> tuple[str, ...]:
    users = {
        names.AUTHORIZATION_CODE: row.standard_flow_enabled,
        names.DEVICE_CODE: row.on("oauth2.device.authorization.grant.enabled"),
        names.CIBA: row.on("oidc.ciba.grant.enabled") and not row.public_client,
    }
    grant_types = [name for name, is_on in users.items() if is_on]
    if grant_types and row.attributes.get("use.refresh.tokens") != "false":
        grant_types.append(names.REFRESH_TOKEN)
    if row.service_accounts_enabled and not row.public_client:
        grant_types.append(names.CLIENT_CREDENTIALS)
    return tuple(grant_types)


def _authentication(row: _KeycloakClient, terms: AppTerms) -> tuple[str, dict[str, Any]]:
    """How the app authenticates, with the fields for that. Raises Mistake."""
    if row.public_client:
        return "none", {}
    match row.client_authenticator_type:
        case None | "client-secret":
            return terms.auth_method, {}
        case "client-jwt" if row.on("use.jwks.url"):
            return "private_key_jwt", {"jwks_uri": row.attributes.get("jwks.url", "")}
        case "client-x509":
            subject = row.attributes.get("x509.subjectdn", "")
            return "tls_client_auth", {"tls_client_auth_subject_dn": subject}
        case kind:
            raise Mistake(f"clientAuthenticatorType: {kind[:60]!r} cannot be imported")


def _whole(row: _KeycloakClient, uri: str) -> str:
    """The address, below the root URL if it is a path."""
    return (row.root_url or "").rstrip("/") + uri if uri.startswith("/") else uri


def _after_sign_out(row: _KeycloakClient) -> tuple[str, ...]:
    listed = row.attributes.get("post.logout.redirect.uris", "")
    if listed == "+":
        return tuple(_whole(row, one) for one in row.redirect_uris)
    return tuple(_whole(row, one) for one in listed.split("##") if one and one != "-")
