"""`valetkey import auth0`, `hydra` and `keycloak`: what maps to what, and what is refused."""

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


def auth0_app(**fields: Any) -> dict[str, Any]:
    """As the documents of the Management API have it."""
    whole = {
        "tenant": "chirp",
        "global": False,
        "client_id": "chirper",
        "client_secret": SECRET,
        "name": "Chirper",
        "app_type": "regular_web",
        "is_first_party": False,
        "oidc_conformant": True,
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "callbacks": [REDIRECT],
        "allowed_logout_urls": [],
        "jwt_configuration": {"alg": "RS256"},
    }
    return whole | fields


def auth0_grant(user: str = "auth0|1", *scope: str) -> dict[str, Any]:
    audience = "https://chirp.example"
    scopes = list(scope or ("openid", "offline_access", "chirps.read"))
    whole = {"id": "0", "clientID": "chirper", "user_id": user, "audience": audience}
    return whole | {"scope": scopes}


AUTH0_USER = {"user_id": "auth0|1", "email": "miko", "email_verified": True}
MACHINE = {"id": "cgr_1", "client_id": "chirper", "audience": "https://chirp.example"}


@pytest.mark.parametrize(
    "fields, expected",
    [
        row("auth0", "as it is", {}, {"auth_method": "client_secret_post"}),
        row("auth0", "its grant types", {}, {"grant_types": (*CODES, names.CLIENT_CREDENTIALS)}),
        row("auth0", "its addresses", {}, {"redirect_uris": (REDIRECT,)}),
        row("auth0", "Basic", {"token_endpoint_auth_method": "client_secret_basic"}, {}),
        row("auth0", "no method", {"token_endpoint_auth_method": None}, {}),
        row(
            "auth0",
            "a phone",
            {
                "token_endpoint_auth_method": None,
                "app_type": "native",
                "grant_types": [*CODES, names.DEVICE_CODE],
            },
            {"auth_method": "none", "secrets": (), "grant_types": (*CODES, names.DEVICE_CODE)},
        ),
        row(
            "auth0",
            "after sign-out",
            {"allowed_logout_urls": ["https://a.example/", "https://*.b.example/"]},
            {"post_logout_redirect_uris": ("https://a.example/",)},
        ),
        row(
            "auth0",
            "told of a sign-out",
            {"oidc_logout": {"backchannel_logout_urls": ["https://a.example/out"]}},
            {"backchannel_logout_uri": "https://a.example/out"},
        ),
        row(
            "auth0",
            "bound tokens",
            {"require_proof_of_possession": True},
            {"dpop_bound_access_tokens": True},
        ),
        row(
            "auth0",
            "from elsewhere",
            {"initiate_login_uri": "https://chirper.example/start"},
            {"initiate_login_uri": "https://chirper.example/start"},
        ),
    ],
)
def test_an_app_of_auth0(fields: dict[str, Any], expected: dict[str, Any], furnished: Line) -> None:
    text = pages(auth0_app(**fields), MACHINE | {"scope": ["chirps.read"]})
    done = bring(furnished, "auth0", "--allow-scope", "openid", text=text)
    assert done["apps"]["added"] == 1
    one = client(furnished)
    assert one.scope == ("openid", "chirps.read")
    assert not one.verified
    assert {name: getattr(one, name) for name in expected} == expected


@pytest.mark.parametrize(
    "fields, field",
    [
        row("auth0", "implicit alone", {"grant_types": ["implicit"]}, "grant_types"),
        row("auth0", "no grant types", {"grant_types": None}, "grant_types"),
        row("auth0", "no secret", {"client_secret": None}, "client_secret"),
        row("auth0", "http", {"callbacks": ["http://a.example/"]}, "redirect_uris"),
        row("auth0", "a wildcard", {"callbacks": ["https://*.a.example/"]}, "redirect_uris"),
        row("auth0", "an unknown way", {"token_endpoint_auth_method": "x"}, "auth_method"),
        row("auth0", "no list", {"callbacks": REDIRECT}, "callbacks"),
        row(
            "auth0",
            "keys",
            {"client_authentication_methods": {"private_key_jwt": {"credentials": [{"id": "k"}]}}},
            "client_authentication_methods",
        ),
    ],
)
def test_what_is_wrong_with_an_app_of_auth0(
    fields: dict[str, Any], field: str, furnished: Line
) -> None:
    before = furnished.every(Client)
    text = pages(auth0_app(**fields))
    done = bring(furnished, "auth0", "--allow-scope", "openid", text=text, status=1)
    (refusal,) = done["apps"]["refusals"]
    assert (refusal["client"], refusal["field"]) == ("chirper", field)
    assert furnished.every(Client) == before


def test_what_has_no_counterpart_of_auth0_is_counted(furnished: Line) -> None:
    one = auth0_app(is_first_party=True, web_origins=["https://a.example"], addons={"samlp": {}})
    text = pages(auth0_app(client_id="all", **{"global": True}), one, {"id": "rol_1"})
    done = bring(furnished, "auth0", "--allow-scope", "openid", text=text)
    assert done["apps"]["skipped"] == {"the tenant's own app": 1, "other records": 1}
    assert done["apps"]["not_imported"] == {
        "grant types that are not here": 1,
        "skipping of the consent page": 1,
        "allowed origins": 1,
        "add-ons": 1,
    }


def test_an_answer_with_totals_is_refused(furnished: Line) -> None:
    text = json.dumps({"start": 0, "limit": 50, "total": 1, "clients": [auth0_app()]})
    done = bring(furnished, "auth0", text=text, status=1)
    (refusal,) = done["apps"]["refusals"]
    assert "include_totals" in refusal["why"]


@pytest.mark.parametrize(
    "dry_run", [row("auth0", "for real", False), row("auth0", "a dry run", True)]
)
def test_grants_of_auth0_are_one_for_each_app(dry_run: bool, furnished: Line) -> None:
    text = "\n".join(
        (
            json.dumps(AUTH0_USER),
            pages(
                auth0_app(),
                auth0_grant("auth0|1", "openid", "offline_access"),
                auth0_grant("auth0|1", "chirps.read", "gone"),
                auth0_grant("auth0|2"),
            ),
        )
    )
    words = ("--dry-run",) if dry_run else ()
    done = bring(furnished, "auth0", *words, text=text, status=1)
    assert (done["grants"]["added"], done["grants"]["refused"]) == (1, 1)
    assert done["grants"]["not_imported"] == {"the scope 'gone'": 1}
    if dry_run:
        assert not grants(furnished)
        return
    (grant,) = grants(furnished)
    assert set(grant.permissions) == {"openid", "offline_access", "chirps.read"}
    again = bring(furnished, "auth0", text=text, status=1)
    assert (again["apps"]["added"], again["grants"]["added"]) == (0, 0)


def test_users_of_auth0_are_named_as_their_import_names_them(furnished: Line) -> None:
    one = {"user_id": "auth0|7", "username": "pilo", "email": "pilo@mail.example"}
    file = furnished.folder / "users.ndjson"
    file.write_text(json.dumps(one))
    furnished.ok("import", "users", str(file))
    text = "\n".join((json.dumps(one), pages(auth0_app(), auth0_grant("auth0|7"))))
    assert bring(furnished, "auth0", text=text)["grants"]["added"] == 1


def test_a_grant_for_somebody_who_is_not_here_is_refused_in_a_dry_run(furnished: Line) -> None:
    one = {"user_id": "auth0|7", "email": "nobody@mail.example"}
    text = "\n".join((json.dumps(one), pages(auth0_app(), auth0_grant("auth0|7"))))
    done = bring(furnished, "auth0", "--dry-run", text=text, status=1)
    assert (done["grants"]["added"], done["grants"]["refused"]) == (0, 1)
