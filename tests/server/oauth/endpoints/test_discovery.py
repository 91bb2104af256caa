"""Discovery: just what is switched on (RFC 8414; OpenID Connect Discovery 3 and 4)."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.rows import row
from tests.server.oauth.world import ISSUER, World

from valetkey.jose import jwk
from valetkey.server.oauth.core.decision import Answer
from valetkey.server.oauth.core.feature import Call, Endpoint, Feature
from valetkey.server.oauth.endpoints.discovery import server_metadata
from valetkey.server.oauth.features import FEATURES, switched
from valetkey.wire import metadata


def document(world: World, path: str) -> Any:
    """The document at that path, as it is read by others."""
    endpoints: Iterator[Any] = (
        one for feature in world.at.features for one in feature.endpoints if one.path == path
    )
    endpoint = next(endpoints)
    assert isinstance(endpoint, Endpoint)
    answer = world.ask(endpoint.rule(Call(method="GET"), world.context))
    assert isinstance(answer, Answer)
    return msgspec.json.decode(msgspec.json.encode(answer.document))


def test_the_document_is_the_same_at_both_places() -> None:
    world = World()
    assert document(world, metadata.AUTHORIZATION_SERVER) == document(world, metadata.OPENID)


def test_what_the_standards_require_is_there() -> None:
    """RFC 8414 2; OpenID Connect Discovery 3: REQUIRED there."""
    said = document(World(), metadata.OPENID)
    required = {
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    }
    assert required <= said.keys()
    assert "RS256" in said["id_token_signing_alg_values_supported"]
    assert said["issuer"] == ISSUER


def test_the_document_as_a_whole() -> None:
    said = document(World(), metadata.OPENID)
    assert {name: value for name, value in said.items() if name != "claims_supported"} == {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "change_log_endpoint": f"{ISSUER}/changes",
        "status_list_aggregation_endpoint": f"{ISSUER}/status",
        "access_token_half_endpoint": f"{ISSUER}/token_half",
        "permission_usage_endpoint": f"{ISSUER}/usage",
        "grant_endpoint": f"{ISSUER}/grant",
        "grant_management_endpoint": f"{ISSUER}/grants",
        "grant_management_actions_supported": ["query", "revoke", "create", "merge", "replace"],
        "pushed_authorization_request_endpoint": f"{ISSUER}/par",
        "authorization_details_types_supported": [
            "https://chirp.example",
            "https://photos.example",
        ],
        "authorization_details_types_metadata_endpoint": f"{ISSUER}/authorization-details-types",
        "scopes_supported": [*World().at.offer.scopes],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"],
        "device_authorization_endpoint": f"{ISSUER}/device_authorization",
        "backchannel_authentication_endpoint": f"{ISSUER}/backchannel",
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": [
            "ES256",
            "PS256",
            "EdDSA",
            "RS256",
        ],
        "key_shard_claim_endpoint": f"{ISSUER}/key_shards/claim",
        "key_shard_delivery_endpoint": f"{ISSUER}/key_shards/deliver",
        "key_shard_reissue_endpoint": f"{ISSUER}/key_shards/reissue",
        "key_shards_supported": [
            {"threshold": 2, "holders": ["device", "backend"]},
            {"threshold": 2, "holders": ["device", "backend", "recovery_code"]},
            {"threshold": 2, "holders": ["device", "backend", "second_device"]},
        ],
        "refresh_token_expiration_types_supported": ["authorization", "token_timeout"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:openid:params:grant-type:ciba",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        "subject_types_supported": ["public", "pairwise"],
        "acr_values_supported": ["urn:valetkey:acr:password"],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "userinfo_signing_alg_values_supported": ["RS256", "ES256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_signing_alg_values_supported": ["RS256", "ES256"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
            "private_key_jwt",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "EdDSA", "RS256"],
        "introspection_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        "introspection_endpoint_auth_signing_alg_values_supported": [
            "ES256",
            "PS256",
            "EdDSA",
            "RS256",
        ],
        "revocation_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
            "private_key_jwt",
        ],
        "revocation_endpoint_auth_signing_alg_values_supported": [
            "ES256",
            "PS256",
            "EdDSA",
            "RS256",
        ],
        "code_challenge_methods_supported": ["S256"],
        "introspection_signing_alg_values_supported": ["ES256"],
        "dpop_signing_alg_values_supported": ["ES256", "PS256", "EdDSA"],
        "end_session_endpoint": f"{ISSUER}/logout",
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "protected_resources": ["https://chirp.example", "https://photos.example"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": ["ES256", "PS256", "EdDSA", "RS256"],
        "request_uri_parameter_supported": False,
    }


# Each feature, and what of the document goes with it.


def authentication(*endpoints: str) -> set[str]:
    return {
        f"{endpoint}_endpoint_auth_{what}_supported"
        for endpoint in endpoints
        for what in ("methods", "signing_alg_values")
    }


_REQUESTS = {
    "request_parameter_supported",
    "request_object_signing_alg_values_supported",
    "backchannel_authentication_request_signing_alg_values_supported",
    "require_request_uri_registration",
}

SHARDS = {
    "key_shards_supported",
    "key_shard_claim_endpoint",
    "key_shard_delivery_endpoint",
    "key_shard_reissue_endpoint",
}

ASSERTIONS = {
    "authorization_grant_profiles_supported",
    "identity_chaining_requested_token_types_supported",
}

MANAGED = {"grant_management_endpoint", "grant_management_actions_supported"}

MEMBERS: dict[str, set[str]] = {
    # Both are between this server and the systems that its operator named.
    "scim": set(),
    "administration": set(),
    "account checks": set(),
    "consent checks": set(),
    "hand-off": set(),
    "notices": set(),
    "client authentication": set(),
    # Each of them says in what clients sign.
    "private_key_jwt": set(),
    "client_secret_jwt": set(),
    "client attestation": {
        "client_attestation_signing_alg_values_supported",
        "client_attestation_pop_signing_alg_values_supported",
        "challenge_endpoint",
    },
    "DPoP": {"dpop_signing_alg_values_supported"},
    "mutual TLS": {"tls_client_certificate_bound_access_tokens"},
    "bearer tokens": set(),
    "pushed authorization requests": {"pushed_authorization_request_endpoint"},
    "rich authorization requests": {
        "authorization_details_types_supported",
        "authorization_details_types_metadata_endpoint",
    },
    "token endpoint": {
        "token_endpoint",
        "grant_types_supported",
        *authentication("token"),
    },
    "authorization code": {
        "check_session_iframe",
        "authorization_endpoint",
        "response_types_supported",
        "authorization_signing_alg_values_supported",
        "response_modes_supported",
        "prompt_values_supported",
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
        "pushed_authorization_request_endpoint",
        "client_id_metadata_document_supported",
        *_REQUESTS,
    },
    "registration": {"registration_endpoint"},
    "client id metadata documents": {"client_id_metadata_document_supported"},
    "signed requests": _REQUESTS,
    "request_uri fetching": {"require_request_uri_registration"},
    "refresh token": SHARDS | {"grant_endpoint"},
    "own grant": {"grant_endpoint"},
    "key shards": SHARDS,
    # Without it, no app has a token to manage its grants.
    "client credentials": MANAGED,
    "device authorization": {"device_authorization_endpoint"},
    "backchannel authentication": {
        "backchannel_authentication_endpoint",
        "backchannel_token_delivery_modes_supported",
        "backchannel_authentication_request_signing_alg_values_supported",
    },
    "token exchange": {"identity_chaining_requested_token_types_supported"},
    "JWT assertion grants": ASSERTIONS,
    "identity assertion": ASSERTIONS,
    "authorization expiration": {"refresh_token_expiration_types_supported"},
    "introspection": {
        "introspection_endpoint",
        "introspection_signing_alg_values_supported",
        *authentication("introspection"),
    },
    "leases": set(),
    "revocation": {"revocation_endpoint", *authentication("revocation")},
    "change log": {"change_log_endpoint"},
    "shared signals": set(),
    "split access tokens": {"access_token_half_endpoint"},
    "status lists": {"status_list_aggregation_endpoint"},
    "grant management": MANAGED,
    "usage": {"permission_usage_endpoint"},
    "userinfo": {
        "userinfo_endpoint",
        "claims_supported",
        "claim_types_supported",
        "claims_parameter_supported",
        "userinfo_signing_alg_values_supported",
    },
    "form post": {"authorization_signing_alg_values_supported"},
    "signed answers": {"authorization_signing_alg_values_supported"},
    "sign-up": set(),
    "session management": {"check_session_iframe"},
    "RP-initiated logout": {"end_session_endpoint"},
    "front-channel logout": {
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
    },
    "back-channel logout": {
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
    },
}


@pytest.mark.parametrize(
    "feature",
    [row("fold", one.name, one) for one in FEATURES if one.name != "discovery"],
)
def test_what_is_switched_off_vanishes(feature: Feature) -> None:
    assert feature.name in MEMBERS, (
        f"add {feature.name!r} to MEMBERS in {__file__}: the members of the discovery document "
        "that are gone with this feature, or set()"
    )
    every = [one.name for one in FEATURES]
    whole = document(World(FEATURES), metadata.OPENID)
    others = switched([name for name in every if name != feature.name], [feature.name])
    less = World(tuple(one for one in others if one is not feature))
    said = document(less, metadata.OPENID)
    assert whole.keys() - said.keys() == MEMBERS[feature.name], (
        f"without {feature.name!r} other members are gone than MEMBERS in {__file__} says"
    )
    # What is true where nothing is said has to be said where it is not.
    assert said.keys() - whole.keys() <= {"request_uri_parameter_supported"}
    gone = {one.name for one in feature.grant_types}
    assert not gone & set(said.get("grant_types_supported", ()))
    assert set(whole["grant_types_supported"]) - gone >= set(said.get("grant_types_supported", ()))


def test_lists_of_the_same_name_are_joined() -> None:
    more = Feature(
        name="more", cites=(), metadata=lambda _: {"prompt_values_supported": ("create",)}
    )
    world = World((*switched(), more))
    assert server_metadata(world.context).prompt_values_supported[-2:] == (
        "select_account",
        "create",
    )


def test_no_two_endpoints_share_a_path() -> None:
    paths = [one.path for feature in FEATURES for one in feature.endpoints]
    assert len(paths) == len(set(paths))


def test_every_feature_cites_where_it_comes_from() -> None:
    assert [feature.name for feature in FEATURES if not feature.cites] == []


def test_the_published_keys_are_those_of_the_ring_and_public() -> None:
    world = World()
    said = document(world, "/jwks")
    assert {key.kid for key in jwk.parse_set(said)} == {
        key.kid for key in world.at.keyring.published
    }
    members = {name for one in said["keys"] for name in one}
    assert members == {"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}
