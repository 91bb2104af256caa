"""`valetkey import hydra` and `keycloak`: what maps to what, and what is refused."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.line import Line
from tests.cli.test_import_apps import HASHED, SECRET, client, furnished, grants
from tests.rows import row

from valetkey.server.model.client import Client
from valetkey.spec import names

__all__ = ("furnished",)

CODES = ("authorization_code", "refresh_token")
REDIRECT = "https://chirper.example/cb"


def bring(line: Line, source: str, *words: str, text: str, status: int = 0) -> Any:
    path = line.folder / "export.json"
    path.write_text(text)
    result = line.run("import", source, str(path), *words, "--json")
    assert result.exit_code == status, result.output
    for secret in (SECRET, HASHED):
        assert secret not in result.output
    return msgspec.json.decode(result.stdout)


def hydra_app(**fields: Any) -> dict[str, Any]:
    whole = {
        "client_id": "chirper",
        "client_name": "Chirper",
        "client_secret": HASHED,
        "redirect_uris": [REDIRECT],
        "grant_types": list(CODES),
        "scope": "openid offline chirps.read",
        "jwks": {},
        "token_endpoint_auth_method": "client_secret_basic",
        "userinfo_signed_response_alg": "none",
        "metadata": {},
    }
    return whole | fields


def consent(subject: str = "miko", **fields: Any) -> dict[str, Any]:
    request = {"subject": subject, "client": {"client_id": "chirper"}}
    whole = {
        "consent_request": request,
        "grant_scope": ["openid", "offline", "chirps.read"],
        "remember": True,
        "remember_for": 0,
        "handled_at": "2024-05-06T07:08:09.123456789Z",
    }
    return whole | fields


def pages(*records: Any) -> str:
    """Pages of an API, one after another."""
    return "\n".join(json.dumps([one]) for one in records)


@pytest.mark.parametrize(
    "fields, expected",
    [
        row("hydra", "as it is", {}, {"auth_method": "client_secret_basic", "grant_types": CODES}),
        row("hydra", "offline", {}, {"scope": ("openid", "offline_access", "chirps.read")}),
        row("hydra", "post", {"token_endpoint_auth_method": "client_secret_post"}, {}),
        row("hydra", "implicit besides", {"grant_types": [*CODES, "implicit"]}, {}),
        row("hydra", "no method", {"token_endpoint_auth_method": None}, {}),
        row(
            "hydra",
            "public",
            {"token_endpoint_auth_method": "none", "client_secret": None},
            {"auth_method": "none", "secrets": ()},
        ),
        row(
            "hydra",
            "a machine",
            {"grant_types": ["client_credentials"], "scope": "chirps", "redirect_uris": []},
            {"grant_types": (names.CLIENT_CREDENTIALS,), "redirect_uris": ()},
        ),
        row(
            "hydra",
            "keys",
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks_uri": "https://chirper.example/keys",
                "token_endpoint_auth_signing_alg": "ES256",
            },
            {"auth_method": "private_key_jwt", "auth_algorithm": "ES256"},
        ),
    ],
)
def test_an_app_of_hydra(fields: dict[str, Any], expected: dict[str, Any], furnished: Line) -> None:
    done = bring(furnished, "hydra", text=pages(hydra_app(**fields)))
    assert done["apps"]["added"] == 1
    one = client(furnished)
    assert {name: getattr(one, name) for name in expected} == expected


@pytest.mark.parametrize(
    "fields, field",
    [
        row("hydra", "implicit alone", {"grant_types": ["implicit"]}, "grant_types"),
        row("hydra", "no hash", {"client_secret": None}, "client_secret"),
        row("hydra", "a costly one", {"client_secret": "$2a$31$" + "a" * 53}, "client_secret"),
        row("hydra", "http", {"redirect_uris": ["http://a.example/"]}, "redirect_uris"),
        row("hydra", "a wildcard", {"redirect_uris": ["https://*.a.example/"]}, "redirect_uris"),
        row("hydra", "an unknown way", {"token_endpoint_auth_method": "x"}, "auth_method"),
        row("hydra", "an unknown kind", {"subject_type": "other"}, "subject_type"),
        row("hydra", "an algorithm", {"userinfo_signed_response_alg": "HS256"}, "userinfo_signed"),
        row("hydra", "no list", {"redirect_uris": "https://a.example/"}, "redirect_uris"),
        row("hydra", "no scope here", {"scope": "photos.*"}, "scope"),
    ],
)
def test_what_is_wrong_with_an_app_of_hydra(
    fields: dict[str, Any], field: str, furnished: Line
) -> None:
    before = furnished.every(Client)
    done = bring(furnished, "hydra", text=pages(hydra_app(**fields)), status=1)
    (refusal,) = done["apps"]["refusals"]
    assert refusal["client"] == "chirper"
    assert refusal["field"].startswith(field)
    assert furnished.every(Client) == before


@pytest.mark.parametrize(
    "fields, added",
    [
        row("hydra", "remembered", {}, 1),
        row("hydra", "not remembered", {"remember": False}, 0),
        row("hydra", "remembered until then", {"remember_for": 3600}, 0),
        row("hydra", "remembered for long", {"remember_for": 10**9}, 1),
        row("hydra", "no scope", {"grant_scope": None}, 0),
    ],
)
def test_a_consent_of_hydra(fields: dict[str, Any], added: int, furnished: Line) -> None:
    text = pages(hydra_app(), consent(**fields))
    status = int(fields.get("grant_scope", "") is None)
    done = bring(furnished, "hydra", text=text, status=status)
    assert done["grants"]["added"] == added
    if added:
        (grant,) = grants(furnished)
        assert set(grant.permissions) == {"openid", "offline_access", "chirps.read"}
        assert grant.created == 1714979289


def test_a_subject_is_an_id_of_the_source(furnished: Line) -> None:
    users = furnished.folder / "users.ndjson"
    users.write_text(json.dumps({"username": "pilo", "id": "42"}))
    furnished.ok("import", "users", str(users), "--source", "platform")
    text = pages(hydra_app(), consent("42"))
    # Without the source, 42 is a name, and nobody's.
    assert bring(furnished, "hydra", text=text, status=1)["grants"]["refused"] == 1
    done = bring(furnished, "hydra", "--source", "platform", text=text)
    assert done["grants"]["added"] == 1


def test_hashes_come_from_a_private_file(furnished: Line) -> None:
    secrets = furnished.folder / "hashes.ndjson"
    secrets.write_text(json.dumps({"client_id": "chirper", "client_secret": HASHED}))
    text = pages(hydra_app(client_secret=None))
    secrets.chmod(0o644)
    path = furnished.folder / "export.json"
    path.write_text(text)
    words = ("import", "hydra", str(path), "--secrets", str(secrets))
    assert "0600" in furnished.fails(*words, status=2) or "others" in furnished.fails(
        *words, status=2
    )
    secrets.chmod(0o600)
    bring(furnished, "hydra", "--secrets", str(secrets), text=text)
    assert client(furnished).secrets[0].digest.startswith("$pbkdf2-sha256$")


def keycloak_app(**fields: Any) -> dict[str, Any]:
    whole = {
        "clientId": "chirper",
        "name": "Chirper",
        "protocol": "openid-connect",
        "secret": SECRET,
        "clientAuthenticatorType": "client-secret",
        "redirectUris": [REDIRECT],
        "consentRequired": True,
        "defaultClientScopes": ["profile", "roles"],
        "optionalClientScopes": ["chirps.read"],
        "attributes": {},
    }
    return whole | fields


def realm(*apps: Any, users: tuple[Any, ...] = ()) -> str:
    return json.dumps({"realm": "chirp", "clients": apps, "users": users})


@pytest.mark.parametrize(
    "fields, expected",
    [
        row("keycloak", "as it is", {}, {"grant_types": CODES, "redirect_uris": (REDIRECT,)}),
        row("keycloak", "its scopes", {}, {"scope": ("openid", "profile", "chirps.read")}),
        row("keycloak", "public", {"publicClient": True}, {"auth_method": "none", "secrets": ()}),
        row("keycloak", "disabled", {"enabled": False}, {"status": "suspended"}),
        row(
            "keycloak",
            "a path",
            {"rootUrl": "https://chirper.example", "redirectUris": ["/cb"]},
            {"redirect_uris": (REDIRECT,)},
        ),
        row(
            "keycloak",
            "after sign-out",
            {
                "attributes": {
                    "post.logout.redirect.uris": "https://a.example/##https://b.example/*"
                }
            },
            {"post_logout_redirect_uris": ("https://a.example/",)},
        ),
        row(
            "keycloak",
            "a machine",
            {"standardFlowEnabled": False, "serviceAccountsEnabled": True, "redirectUris": []},
            {"grant_types": (names.CLIENT_CREDENTIALS,), "scope": ("chirps.read",)},
        ),
    ],
)
def test_an_app_of_keycloak(
    fields: dict[str, Any], expected: dict[str, Any], furnished: Line
) -> None:
    done = bring(furnished, "keycloak", text=realm(keycloak_app(**fields)))
    assert done["apps"]["added"] == 1
    one = client(furnished)
    assert {name: getattr(one, name) for name in expected} == expected


@pytest.mark.parametrize(
    "fields, field",
    [
        row("keycloak", "a wildcard", {"redirectUris": ["https://a.example/*"]}, "redirect_uris"),
        row("keycloak", "everything", {"redirectUris": ["*"]}, "redirect_uris"),
        row("keycloak", "a masked secret", {"secret": "**********"}, "secret"),
        row("keycloak", "no secret", {"secret": None}, "secret"),
        row("keycloak", "no flow", {"standardFlowEnabled": False}, "standardFlowEnabled"),
        row(
            "keycloak",
            "a signed secret",
            {"clientAuthenticatorType": "client-secret-jwt"},
            "clientAuthenticatorType",
        ),
        row("keycloak", "a text for a list", {"redirectUris": REDIRECT}, "redirectUris"),
    ],
)
def test_what_is_wrong_with_an_app_of_keycloak(
    fields: dict[str, Any], field: str, furnished: Line
) -> None:
    before = furnished.every(Client)
    done = bring(furnished, "keycloak", text=realm(keycloak_app(**fields)), status=1)
    (refusal,) = done["apps"]["refusals"]
    assert (refusal["client"], refusal["field"]) == ("chirper", field)
    assert furnished.every(Client) == before


@pytest.mark.parametrize(
    "fields, what",
    [
        row("keycloak", "its own", {"clientId": "account"}, "Keycloak's own apps"),
        row("keycloak", "SAML", {"protocol": "saml"}, "apps of the protocol saml"),
        row("keycloak", "an API", {"bearerOnly": True}, "APIs (bearer-only)"),
    ],
)
def test_what_is_no_app_is_skipped(fields: dict[str, Any], what: str, furnished: Line) -> None:
    done = bring(furnished, "keycloak", text=realm(keycloak_app(**fields)))
    assert done["apps"]["skipped"] == {what: 1}


def folder_of(line: Line, *users: Any) -> Path:
    folder = line.folder / "export"
    folder.mkdir()
    (folder / "chirp-realm.json").write_text(realm(keycloak_app()))
    text = json.dumps({"realm": "chirp", "users": users})
    (folder / "chirp-users-0.json").write_text(text)
    return folder


def test_users_of_a_folder_come_with_their_consents(furnished: Line) -> None:
    given = {"clientId": "chirper", "grantedClientScopes": ["profile", "chirps.read", "gone"]}
    user = {"id": "u-1", "username": "pilo", "clientConsents": [given]}
    folder = folder_of(furnished, user, {"id": "u-2", "username": "nobody"})
    done = furnished.json("import", "keycloak", str(folder))
    assert (done["users"]["added"], done["grants"]["added"]) == (2, 1)
    assert done["grants"]["not_imported"] == {"the scope 'gone'": 1}
    (grant,) = grants(furnished)
    assert set(grant.permissions) == {"openid", "profile", "chirps.read"}
