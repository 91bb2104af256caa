"""Users as exports of Keycloak, Auth0 and Firebase describe them, translated to users of this
server (see `formats`)."""

from typing import Any, Final

import msgspec

from valetkey.cli.imports.formats import (
    Members,
    Mistake,
    Skipped,
    convert,
    full_name,
    hash_at,
    no_username,
    seconds,
    status_of,
    texts,
)
from valetkey.cli.imports.hash_strings import (
    FirebaseConfig,
    from_firebase,
    from_keycloak,
    from_string,
)
from valetkey.server.accounts.importing import Incoming
from valetkey.server.model.user import PROFILE_CLAIMS, User

# Keycloak: an export of a realm.


class _Keycloak(msgspec.Struct, kw_only=True, rename="camel"):
    username: str
    id: str = ""
    email: str | None = None
    email_verified: bool = False
    first_name: str | None = None
    last_name: str | None = None
    enabled: bool = True
    created_timestamp: int | None = None
    service_account_client_id: str | None = None
    attributes: dict[str, list[str]] | None = None
    credentials: list[dict[str, Any]] = []
    required_actions: list[str] = []
    realm_roles: list[str] = []
    client_roles: dict[str, list[str]] = {}
    groups: list[str] = []
    federated_identities: list[Any] = []


_KEYCLOAK_ATTRIBUTES: Final = {
    "phone_number": "phone_number",
    "phoneNumber": "phone_number",
    **{name: name for name in PROFILE_CLAIMS},
}


def keycloak(place: str, members: Members) -> Incoming:
    """An element of `users`. Service accounts are skipped. Of attributes, the profile claims and a
    phone number are imported."""
    record = convert(_Keycloak, members)
    if record.service_account_client_id:
        raise Skipped("service accounts")
    kinds = [str(one.get("type")) for one in record.credentials]
    stored = next((one for one in record.credentials if one.get("type") == "password"), None)
    attributes = {name: values[0] for name, values in (record.attributes or {}).items() if values}
    profile = {_KEYCLOAK_ATTRIBUTES.get(name, ""): value for name, value in attributes.items()}
    phone = profile.pop("phone_number", "")
    profile.pop("", "")
    dropped = {
        "one-time password secrets": {"otp", "totp", "hotp"} & set(kinds),
        "passkeys": {"webauthn", "webauthn-passwordless"} & set(kinds),
        "recovery codes": "recovery-authn-codes" in kinds,
        "roles": record.realm_roles or record.client_roles,
        "groups": record.groups,
        "links to identity providers": record.federated_identities,
        "required actions": record.required_actions,
        "attributes": attributes.keys() - _KEYCLOAK_ATTRIBUTES.keys(),
    }
    return Incoming(
        place=place,
        user=User(
            id="",
            username=record.username,
            password=hash_at("credentials", lambda: from_keycloak(stored)) if stored else "",
            email=record.email or "",
            email_verified=record.email_verified and bool(record.email),
            phone_number=phone,
            claims=full_name(first=record.first_name, last=record.last_name) | texts(profile),
            status=status_of(is_active=record.enabled),
            created=seconds("createdTimestamp", record.created_timestamp, per_second=1000),
        ),
        subject=record.id,
        dropped=tuple(name for name, there in dropped.items() if there),
    )


# Auth0: the export of users, and the export of password hashes.


class _Auth0(msgspec.Struct, kw_only=True):
    user_id: str = ""
    object_id: dict[str, str] = msgspec.field(default={}, name="_id")
    username: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    phone_number: str | None = None
    phone_verified: bool | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    nickname: str | None = None
    picture: str | None = None
    blocked: bool | None = None
    created_at: str | None = None
    password_hash: str = msgspec.field(default="", name="passwordHash")
    identities: list[dict[str, Any]] = []
    multifactor: list[Any] = []
    app_metadata: dict[str, Any] = {}
    user_metadata: dict[str, Any] = {}


def auth0(place: str, members: Members) -> Incoming:
    """A line of either export. The two are joined by the user name or the email address: import one
    after the other, with `--on-existing update`."""
    record = convert(_Auth0, members)
    number = record.object_id.get("$oid", "")
    stored = record.password_hash
    others = [one for one in record.identities if one.get("provider") != "auth0"]
    dropped = {
        "links to identity providers": others,
        "second factors": record.multifactor,
        "metadata": record.app_metadata or record.user_metadata,
    }
    claims = {
        "name": record.name if record.name != record.email else None,
        "given_name": record.given_name,
        "family_name": record.family_name,
        "nickname": record.nickname,
        "picture": record.picture,
    }
    return Incoming(
        place=place,
        user=User(
            id="",
            username=record.username or record.email or record.phone_number or no_username(),
            password=hash_at("passwordHash", lambda: from_string(stored)) if stored else "",
            email=record.email or "",
            email_verified=bool(record.email_verified and record.email),
            phone_number=record.phone_number or "",
            phone_number_verified=bool(record.phone_verified and record.phone_number),
            claims=texts(claims),
            status=status_of(is_active=not record.blocked),
            created=seconds("created_at", record.created_at),
        ),
        subject=record.user_id or (f"auth0|{number}" if number else ""),
        dropped=tuple(name for name, there in dropped.items() if there),
    )


# Firebase: `firebase auth:export`.


class _Firebase(msgspec.Struct, kw_only=True, rename="camel"):
    local_id: str = ""
    email: str = ""
    email_verified: bool = False
    password_hash: str = ""
    salt: str = ""
    display_name: str = ""
    photo_url: str = ""
    phone_number: str = ""
    created_at: str | int | None = None
    disabled: bool = False
    provider_user_info: list[dict[str, Any]] = []
    mfa_info: list[Any] = []
    custom_attributes: str = ""


def firebase(place: str, members: Members, *, config: FirebaseConfig | None) -> Incoming:
    """An element of `users`. `config` has the project's password hash parameters."""
    record = convert(_Firebase, members)
    if not (record.email or record.phone_number) and not record.password_hash:
        raise Skipped("anonymous users")
    stored = ""
    if record.password_hash:
        if config is None:
            raise Mistake("passwordHash: needs the project's hash parameters (--hash-config)")
        parameters = config
        stored = hash_at(
            "passwordHash",
            lambda: from_firebase(record.password_hash, record.salt, parameters),
        )
    providers = {str(one.get("providerId")) for one in record.provider_user_info}
    dropped = {
        "links to identity providers": providers - {"password", "phone"},
        "second factors": record.mfa_info,
        "custom claims": record.custom_attributes,
    }
    return Incoming(
        place=place,
        user=User(
            id="",
            username=record.email or record.phone_number,
            password=stored,
            email=record.email,
            email_verified=record.email_verified and bool(record.email),
            phone_number=record.phone_number,
            phone_number_verified=bool(record.phone_number),
            claims=texts({"name": record.display_name, "picture": record.photo_url}),
            status=status_of(is_active=not record.disabled),
            created=seconds("createdAt", record.created_at, per_second=1000),
        ),
        subject=record.local_id,
        dropped=tuple(name for name, there in dropped.items() if there),
    )
