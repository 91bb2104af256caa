"""The registered error codes: which there are, and what they may say."""

import re

import pytest
from tests.rows import row

from valetkey.spec.errors import InvalidClient, InvalidRequest, OAuthError, registered
from valetkey.spec.names import Cite

# RFC 6749 5.2: what `error` and `error_description` are made of.
SAYABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")

_SOURCES = ("RFC", "OpenID", "Grant Management", "draft-ietf-oauth-")

# The IANA registry of OAuth Extensions Errors, and OpenID Connect Core 3.1.2.6.
STATUS = {
    "invalid_request": 400,
    "invalid_client": 401,
    # draft-ietf-oauth-attestation-based-client-auth 7.4.
    "use_attestation_challenge": 400,
    "use_fresh_attestation": 400,
    "invalid_grant": 400,
    "unauthorized_client": 400,
    "unsupported_grant_type": 400,
    "invalid_scope": 400,
    "access_denied": 403,
    "invalid_grant_id": 400,
    "unsupported_response_type": 400,
    "server_error": 500,
    "temporarily_unavailable": 503,
    "invalid_target": 400,
    "invalid_authorization_details": 400,
    "invalid_request_uri": 400,
    "invalid_request_object": 400,
    "request_not_supported": 400,
    "request_uri_not_supported": 400,
    "login_required": 400,
    "consent_required": 400,
    "interaction_required": 400,
    "invalid_redirect_uri": 400,
    "invalid_client_metadata": 400,
    "invalid_software_statement": 400,
    "unapproved_software_statement": 400,
    "unmet_authentication_requirements": 400,
    "unsupported_token_type": 400,
    "authorization_pending": 400,
    "slow_down": 400,
    "expired_token": 400,
    "unknown_user_id": 400,
    "expired_login_hint_token": 400,
    "invalid_binding_message": 400,
    "invalid_token": 401,
    "insufficient_user_authentication": 401,
    "insufficient_scope": 403,
    # draft-ietf-oauth-rar-metadata-remediation 4.
    "insufficient_authorization": 403,
    "invalid_dpop_proof": 400,
    "use_dpop_nonce": 400,
    # RFC 6749 8.5: our own.
    "limit_reached": 403,
    "outside_hours": 403,
    "approval_required": 403,
    "insufficient_key_shards": 400,
    "key_suspended": 400,
}


def test_one_class_for_each_code() -> None:
    assert {code: error().status for code, error in registered().items()} == STATUS
    assert len(OAuthError.__subclasses__()) == len(STATUS)


@pytest.mark.parametrize(
    "error", [row("6749 5.2", code, error) for code, error in registered().items()]
)
def test_a_code_says_what_it_may(error: type[OAuthError]) -> None:
    assert SAYABLE.fullmatch(error.code)
    assert SAYABLE.fullmatch(error().description)
    assert error.cite.document.startswith(_SOURCES)


def test_an_error_has_two_audiences() -> None:
    """The detail is for the log: it is in nothing that goes out."""
    error = InvalidClient(detail="wrong secret for robot")
    assert "robot" not in f"{error} {error!r} {error.description}"
    assert error.detail == "wrong secret for robot"


def test_a_status_and_a_description_of_its_own() -> None:
    error = InvalidRequest("too large", status=413)
    assert (error.status, error.description) == (413, "too large")
    assert str(error) == "invalid_request: too large"


def test_a_citation_reads_as_people_write_it() -> None:
    assert str(Cite("RFC 8628", "3.5")) == "RFC 8628 section 3.5"
