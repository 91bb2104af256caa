"""OpenID Connect Config OP: oidcc-discovery-endpoint-verification.

What the suite asks of the discovery document, a row each, of the real server over TLS.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from tests.conformance.op import Op
from tests.conformance.results import Verdict
from tests.rows import row

PLAN = "config"
NAME = "oidcc-discovery-endpoint-verification"
DOCUMENT = "/.well-known/openid-configuration"

REGISTERED = """
    issuer authorization_endpoint token_endpoint userinfo_endpoint jwks_uri registration_endpoint
    scopes_supported response_types_supported response_modes_supported grant_types_supported
    acr_values_supported subject_types_supported id_token_signing_alg_values_supported
    id_token_encryption_alg_values_supported id_token_encryption_enc_values_supported
    userinfo_signing_alg_values_supported token_endpoint_auth_methods_supported
    token_endpoint_auth_signing_alg_values_supported display_values_supported
    claim_types_supported claims_supported service_documentation claims_locales_supported
    ui_locales_supported claims_parameter_supported request_parameter_supported
    request_uri_parameter_supported require_request_uri_registration op_policy_uri op_tos_uri
    prompt_values_supported revocation_endpoint revocation_endpoint_auth_methods_supported
    introspection_endpoint introspection_endpoint_auth_methods_supported
    code_challenge_methods_supported pushed_authorization_request_endpoint
    require_pushed_authorization_requests authorization_response_iss_parameter_supported
    dpop_signing_alg_values_supported introspection_signing_alg_values_supported
    protected_resources end_session_endpoint
    request_object_signing_alg_values_supported
    introspection_endpoint_auth_signing_alg_values_supported
    revocation_endpoint_auth_signing_alg_values_supported
    mtls_endpoint_aliases tls_client_certificate_bound_access_tokens
    authorization_signing_alg_values_supported device_authorization_endpoint
    backchannel_authentication_endpoint backchannel_token_delivery_modes_supported
    backchannel_authentication_request_signing_alg_values_supported
    backchannel_user_code_parameter_supported client_id_metadata_document_supported
    authorization_details_types_supported grant_management_endpoint
    grant_management_actions_supported grant_management_action_required
    frontchannel_logout_supported frontchannel_logout_session_supported
    backchannel_logout_supported backchannel_logout_session_supported
"""
"""Members of the registry: the suite warns of any other."""

Document: TypeAlias = Mapping[str, Any]

pytestmark = pytest.mark.module(NAME)


@pytest.fixture
def document(op: Op) -> Document:
    reply = op.http.get(DOCUMENT)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    found: Document = reply.json()
    return found


def addresses(document: Document) -> list[str]:
    ends = ("_endpoint", "_uri")
    return [text for name, text in document.items() if name.endswith(ends)]


OURS = {
    "access_token_half_endpoint",
    "grant_endpoint",
    "authorization_details_types_metadata_endpoint",
    "change_log_endpoint",
    "key_shard_claim_endpoint",
    "key_shard_delivery_endpoint",
    "key_shard_reissue_endpoint",
    "key_shards_supported",
    "permission_usage_endpoint",
    "refresh_token_expiration_types_supported",
    "status_list_aggregation_endpoint",
}
"""Of this server alone, and of drafts: not registered, as RFC 8414 2 allows."""


@pytest.mark.parametrize(
    "holds",
    [
        row(NAME, "every member is registered", lambda it: set(it) <= {*REGISTERED.split(), *OURS}),
        row(
            NAME,
            "addresses are https",
            lambda it: {urlsplit(one).scheme for one in addresses(it)} == {"https"},
        ),
        row(
            NAME,
            "RS256 for ID Tokens",
            lambda it: "RS256" in it["id_token_signing_alg_values_supported"],
        ),
        row(
            NAME,
            "subject types",
            lambda it: {"public"} <= set(it["subject_types_supported"]) <= {"public", "pairwise"},
        ),
        row(NAME, "response type code", lambda it: "code" in it["response_types_supported"]),
        row(
            NAME,
            "grant type authorization_code",
            lambda it: "authorization_code" in it["grant_types_supported"],
        ),
        row(NAME, "scope openid", lambda it: "openid" in it["scopes_supported"]),
        row(NAME, "claim sub", lambda it: "sub" in it["claims_supported"]),
        row(
            NAME,
            "client authentication",
            lambda it: (
                {"client_secret_basic", "client_secret_post"}
                <= set(it["token_endpoint_auth_methods_supported"])
            ),
        ),
        row(NAME, "PKCE S256", lambda it: it["code_challenge_methods_supported"] == ["S256"]),
        row(
            NAME,
            "request objects are signed",
            lambda it: (
                it["request_parameter_supported"] is True
                and "none" not in it["request_object_signing_alg_values_supported"]
            ),
        ),
        row(NAME, "request_uri", lambda it: it["request_uri_parameter_supported"] is False),
    ],
)
def test_the_document(document: Document, holds: Callable[[Document], bool]) -> None:
    assert holds(document)


@pytest.mark.parametrize(
    "member",
    [
        row(NAME, "authorization_endpoint", "authorization_endpoint"),
        row(NAME, "token_endpoint", "token_endpoint"),
        row(NAME, "userinfo_endpoint", "userinfo_endpoint"),
        row(NAME, "jwks_uri", "jwks_uri"),
    ],
)
def test_addresses_are_of_the_issuer(op: Op, document: Document, member: str) -> None:
    assert document["issuer"] == op.issuer
    assert document[member].startswith(f"{op.issuer}/")


def unregistered(document: Document) -> str:
    """Of what the suite warns at every discovery document: members that no registry has."""
    others = set(document) - set(REGISTERED.split())
    assert others <= OURS
    return f"not registered: {', '.join(sorted(others))}"


def test_what_no_registry_has_is_known(document: Document, verdict: Verdict) -> None:
    verdict.warning(unregistered(document))


def test_the_keys(op: Op, document: Document) -> None:
    keys = op.http.get(document["jwks_uri"]).raise_for_status().json()["keys"]
    assert "RS256" in {key["alg"] for key in keys}
    assert len({key["kid"] for key in keys}) == len(keys)
    assert {key["use"] for key in keys} == {"sig"}
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in keys for name in key}
